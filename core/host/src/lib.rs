//! From a file to a running plugin: vet, load, supervise

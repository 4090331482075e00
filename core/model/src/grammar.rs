//! The command grammar.

//! The grammar's tables.

//! The smallest useful rail

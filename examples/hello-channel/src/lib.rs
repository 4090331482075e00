//! The smallest useful channel

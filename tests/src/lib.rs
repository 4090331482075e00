//! End to end, hostile plugins, crash and tidy tests

//! A plugin that panics where it is told to

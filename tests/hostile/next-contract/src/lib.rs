//! A plugin for a contract that this host does not speak

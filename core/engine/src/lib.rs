//! Drives payments to their end: route, order, journal, effects; the stores

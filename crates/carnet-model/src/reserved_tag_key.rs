//! Reserved tag keys.

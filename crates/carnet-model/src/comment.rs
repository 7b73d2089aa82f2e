//! Comments on runs.

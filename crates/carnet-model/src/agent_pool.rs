//! Agent pools.

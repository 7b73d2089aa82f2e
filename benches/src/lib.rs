//! What the measurements share: each is a binary of its own in `src/bin`.

pub mod core;
pub mod load;
pub mod report;

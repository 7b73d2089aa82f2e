//! The trust that relying parties place in the issuer: written for an administrator, evaluated as the relying party would, and
//! examined for what is wider than it should be.
//!
//! Everything here is pure: no clock, no file, no network.

pub mod check;
pub mod logs;
pub mod scan;
pub mod setup;

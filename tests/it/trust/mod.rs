//! Trust: what `carnet trust` says, held against the real thing.

mod agreement;
mod command;

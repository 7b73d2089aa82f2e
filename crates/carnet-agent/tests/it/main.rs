//! The agent against a server that behaves and a Terraform that does as it is told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod agent;
mod faults;
mod guardian;
mod isolation;
mod runs;
mod server;
mod stopping;
mod terraform;

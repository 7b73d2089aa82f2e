//! Runs from their making to their end, through the API and the job protocol.

mod cancel;
mod credentials;
mod identity;
mod leases;
mod life;
mod queue;
mod revoked;
mod transfer;
mod waiting;

//! Work that moves runs on: their making, the queue, their ends, leases.

mod checkpoints;
mod create;
mod end;
mod key_rotation;
mod leases;
mod publication;
mod schedule;
mod status;
mod trust;
mod unrevoked;
mod visibility;
mod waiting;
mod wake_up;

pub use checkpoints::LedgerWatch;
pub(crate) use create::{NewRun, create_run};
pub(crate) use end::{close_phase, end_run, give_way};
pub(crate) use key_rotation::rotate_issuer;
pub use leases::run_background;
pub use publication::Publication;
pub(crate) use schedule::schedule;
pub(crate) use status::{Cause, move_phase, move_run, note_event};
pub(crate) use trust::{TOKEN_REVOKED, is_trusted};
pub(crate) use unrevoked::{Settled, note_settled, note_unrevoked, still_unrevoked};
pub(crate) use visibility::seen_outside;

#[cfg(test)]
pub(crate) use {
    checkpoints::make_checkpoints, key_rotation::rotate_due_keys, leases::sweep, waiting::WaitingJobs,
};

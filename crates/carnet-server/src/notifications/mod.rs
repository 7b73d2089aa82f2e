//! Telling others what happens to runs.
//!
//! What is to be told is a row that is written in the transaction of the change ([`note_created`], [`note_status`]): it is told if
//! and only if it happened. A task of every server takes rows that are due, sends them and takes them off the list. A server that
//! dies meanwhile leaves the row to be taken again, so a destination may be told twice, and never not at all until it was
//! given up.

mod destination;
mod outbox;
mod payload;
mod sender;
mod worker;

pub use self::destination::Destinations;
pub(crate) use self::destination::checked_address;
pub(crate) use self::outbox::{note_created, note_status, random_id};
pub(crate) use self::payload::verification;
pub(crate) use self::sender::Sender;
pub(crate) use self::worker::send_notifications;

#[cfg(test)]
pub(crate) mod tests;

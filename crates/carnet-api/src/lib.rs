//! The HTTP contract of Carnet: JSON:API documents, the job protocol between server and agents, and a typed client.

#[cfg(feature = "client")]
pub mod client;
pub mod job;
pub mod jsonapi;

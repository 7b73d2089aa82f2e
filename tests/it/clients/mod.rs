//! Clients of the real services, with what runs hand to them; and the stand-ins that they talk to.

mod bench;
mod refusals;

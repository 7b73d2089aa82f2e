//! Clients of the real services, with what runs hand to them; and the stand-ins that they talk to.

mod aws;
mod azure;
mod bench;
mod google;
mod hcp;
mod kubernetes;
mod place;
mod plan;
mod refusals;
mod tencent;
mod vault;

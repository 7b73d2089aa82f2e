//! The exchange against servers on this machine that check what they get.
#![expect(clippy::unwrap_used, reason = "a test may stop where its own servers and clocks fail")]

mod adapter;
mod aws;
mod azure;
mod fake_issuer;
mod fake_secrets;
mod fake_vault;
mod http;
mod vault_accessor;
mod vault_backed;
mod vault_backed_life;
mod vault_lease;
mod vault_login;
mod vault_network;
mod vault_refusal;
mod who_am_i;
mod world;

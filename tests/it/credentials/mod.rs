//! Credentials of runs, with the real counterparts that give them out.

mod adapters;
mod aliases;
mod aws;
mod bare_tokens;
mod issuance;
mod life;
mod phases;
mod refusals;
mod refusals_of_clouds;
mod refusals_put_right;
mod settling;
mod subjects;
mod vault;
mod vault_backed;
mod who_am_i;

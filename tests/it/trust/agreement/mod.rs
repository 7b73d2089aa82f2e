//! Random pairs of a policy and a token are judged by the real service and by `carnet-trust`: the same verdict in all.

mod aws;
mod chance;
mod discovery;
mod vault;

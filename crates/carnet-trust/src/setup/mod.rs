//! What an administrator applies so that a relying party trusts the identities of a workspace.

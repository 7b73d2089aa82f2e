//! Workspaces that may read the state of another.

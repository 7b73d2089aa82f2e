//! What teams may do on workspaces and projects.

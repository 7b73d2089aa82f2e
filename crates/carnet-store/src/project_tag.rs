//! Tag bindings of projects.

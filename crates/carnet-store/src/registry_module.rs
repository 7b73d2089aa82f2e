//! Modules of the private registry.

//! Providers of the private registry.

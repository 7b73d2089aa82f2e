//! Modules and providers of the private registry.

//! Run triggers.

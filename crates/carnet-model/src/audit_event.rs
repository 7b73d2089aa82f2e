//! Entries of the audit trail.

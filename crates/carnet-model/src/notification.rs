//! Notification configurations.

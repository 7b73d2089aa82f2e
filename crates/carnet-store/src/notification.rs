//! Notification configurations and their deliveries.

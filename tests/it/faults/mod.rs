//! What goes wrong: settings, providers, processes, configurations and uploads.

mod crash;
mod hostile;
mod links;
mod outstanding;
mod stops;
mod uploads;

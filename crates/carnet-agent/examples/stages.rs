//! A program with the hidden commands that an agent starts, for embedding the agent elsewhere.

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("guardian") => carnet_agent::guardian_main(),
        Some("sandbox-exec") => carnet_agent::sandbox_main(),
        _ => std::process::exit(2),
    }
}

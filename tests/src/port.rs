//! Free ports of the loopback interface.

use std::net::TcpListener;

use anyhow::Context;

/// Finds ports nobody listens on, all different.
///
/// Another process may take one before its owner does: whoever starts a server on it must be ready to try again.
pub(crate) fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        // All are held until the last is found, so that none is found twice.
        let listener = TcpListener::bind("127.0.0.1:0").context("no free port on 127.0.0.1")?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

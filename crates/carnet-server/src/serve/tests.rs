use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const SHORT: Limits = Limits {
    connections: 8,
    of_peer: 3,
    patience: Duration::from_millis(300),
    idle: Duration::from_millis(300),
};

/// A body of two parts, far more time apart than a connection may be idle.
async fn slow() -> Body {
    let parts = futures_util::stream::unfold(0, |part| async move {
        if part == 1 {
            tokio::time::sleep(SHORT.idle * 4).await;
        }
        (part < 2).then(|| (Ok::<_, std::io::Error>(Bytes::from_static(b"part ")), part + 1))
    });
    Body::from_stream(parts)
}

async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/", get(async || "here")).route("/slow", get(slow));
    tokio::spawn(serve_within(SHORT, listener, Tls::Off, router, std::future::pending()));
    address
}

async fn connect(address: SocketAddr, first: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(first).await.expect("written");
    stream
}

/// Everything that comes until the server ends the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is cut while something was sent ends with an error.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn who_asks_for_nothing_is_disconnected() {
    let address = start().await;
    for first in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\nhost: x\r\n"] {
        assert!(!rest(&mut connect(address, first).await).await.contains("here"));
    }
}

#[tokio::test]
async fn an_idle_connection_ends_after_its_last_answer() {
    let address = start().await;
    let text = rest(&mut connect(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await).await;
    assert!(text.ends_with("here"), "{text}");
}

#[tokio::test]
async fn a_slow_answer_is_not_cut() {
    let address = start().await;
    let request = b"GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let text = rest(&mut connect(address, request).await).await;
    assert_eq!(text.matches("part ").count(), 2, "{text}");
}

#[tokio::test]
async fn a_peer_has_a_part_of_the_places_only() {
    let peers = Peers::default();
    let (one, other) = ("192.0.2.1".parse().expect("an address"), "192.0.2.2".parse().expect("an address"));
    let held: Vec<_> = (0..3).map(|_| peers.enter(one, 3)).collect();
    assert!(held.iter().all(Option::is_some));
    assert!(peers.enter(one, 3).is_none());
    assert!(peers.enter(other, 3).is_some());
    drop(held);
    assert!(peers.enter(one, 3).is_some());
}

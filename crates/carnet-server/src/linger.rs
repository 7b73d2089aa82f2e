//! Reads on when an answer comes before the end of the request: a client that is cut off in the middle of its body often
//! sees a broken connection in the place of the answer (RFC 9112, section 9.6).

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::runtime::Handle;

/// How long the rest of a body is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lets the body of a request linger.
pub(crate) async fn linger(request: Request) -> Request {
    request.map(|body| Body::new(Lingering { body }))
}

/// A body whose rest is read and thrown away once nobody wants it any more.
struct Lingering {
    body: Body,
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if self.body.is_end_stream() {
            return;
        }
        // Without a runtime the server has ended.
        let Ok(runtime) = Handle::try_current() else { return };
        let mut rest = mem::take(&mut self.body);
        runtime.spawn(async move {
            let read = async { while let Some(Ok(_)) = rest.frame().await {} };
            // Whoever still sends then is cut off.
            let _ = tokio::time::timeout(PATIENCE, read).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt as _, stream};
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn the_rest_of_a_body_is_read() {
        let (ended, end) = oneshot::channel();
        let pieces = stream::iter(0..100).map(|_| Ok::<_, Infallible>("piece"));
        let last = stream::once(async move {
            let _ = ended.send(());
            Ok("last")
        });
        let request = Request::new(Body::from_stream(pieces.chain(last)));
        let mut body = linger(request).await.into_body();
        body.frame().await.expect("a piece").expect("no error");
        drop(body);
        end.await.expect("everything was asked for");
    }
}

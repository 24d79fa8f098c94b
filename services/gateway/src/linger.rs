//! A refusal that arrives: a sender that is still sending its body would see a broken connection instead of the answer,
//! so what it still sends is read and thrown away for a while (RFC 9112 section 9.6, "lingering close").

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use futures::{Stream, StreamExt as _};

/// How much is thrown away at most, in bytes: more than any sender that means well ever sends.
const MOST: usize = 64 << 20;
/// For how long at most.
const LONGEST: Duration = Duration::from_secs(5);

/// A body that the handler reads, and whose rest is still there after it.
#[derive(Clone)]
struct Rest(Arc<Mutex<BodyDataStream>>);

impl Stream for Rest {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).poll_next_unpin(cx)
    }
}

/// Answers, after it has read what is left of a refused body.
pub(crate) async fn linger(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // A sender that waits to be asked has sent nothing.
    let sending = !parts.headers.contains_key(EXPECT);
    let mut rest = Rest(Arc::new(Mutex::new(body.into_data_stream())));
    let response = next.run(Request::from_parts(parts, Body::from_stream(rest.clone()))).await;
    // One that was too slow has had its time.
    if sending && !response.status().is_success() && response.status() != StatusCode::REQUEST_TIMEOUT {
        let thrown_away = async {
            let mut bytes = 0;
            while let Some(Ok(chunk)) = rest.next().await {
                bytes += chunk.len();
                if bytes > MOST {
                    break;
                }
            }
        };
        // However it ends, the answer is due now.
        let _ = tokio::time::timeout(LONGEST, thrown_away).await;
    }
    response
}

//! An HTTP receiver: keeps what is posted, and answers as it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Something that was posted.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Where to.
    pub path: String,
    /// With which headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Posted {
    /// The body as JSON.
    pub fn json(&self) -> anyhow::Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

#[derive(Debug, Default)]
struct Kept {
    posted: Vec<Posted>,
    answers: VecDeque<(u16, Vec<(&'static str, String)>)>,
}

/// A receiver on loopback.
#[derive(Debug)]
pub struct Receiver {
    url: String,
    kept: Arc<Mutex<Kept>>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Starts a receiver that answers `200 ok`, as Slack does.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let app = axum::Router::new().fallback(receive).with_state(kept.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("the receiver has ended: {error}");
            }
        });
        Ok(Self { url, kept, task })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next request is answered with this status and these headers, and the one after it with the next answer.
    pub fn answer(&self, status: u16, headers: &[(&'static str, &str)]) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        lock(&self.kept).answers.push_back((status, headers));
    }

    /// What was posted so far.
    pub fn posted(&self) -> Vec<Posted> {
        lock(&self.kept).posted.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive(
    State(kept): State<Arc<Mutex<Kept>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut kept = lock(&kept);
    kept.posted.push(Posted { path: uri.path().to_owned(), headers, body: body.to_vec() });
    let (status, headers) = kept.answers.pop_front().unwrap_or((200, Vec::new()));
    let mut response = (StatusCode::from_u16(status).unwrap_or_default(), "ok").into_response();
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

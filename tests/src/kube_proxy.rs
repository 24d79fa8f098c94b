//! Between a client and the API server: plain HTTP in, the identity of a kubeconfig out, as `kubectl proxy` does. It can do
//! what no API server does when it is asked to: hold answers back, and end watches in good order.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::kube_api;
use crate::scratch::Scratch;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A list, or its first page; or anything else.
    List,
    /// A further page of a list.
    Page,
    /// What changes from now on.
    Watch,
}

/// What has come by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Lists that were asked for.
    pub lists: usize,
    /// Further pages.
    pub pages: usize,
    /// Watches.
    pub watches: usize,
    /// Lists that were answered with 410, and watches that said so.
    pub gone: usize,
}

/// A proxy on loopback.
pub struct KubeProxy {
    dir: Scratch,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    api: kube::Client,
    held: watch::Sender<Option<Asked>>,
    ends: watch::Sender<u64>,
    seen: Mutex<Seen>,
}

impl KubeProxy {
    /// Starts one that asks with the identity of a kubeconfig.
    pub async fn start(kubeconfig: &Path) -> anyhow::Result<Self> {
        let api = kube_api::client(kubeconfig).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let dir = Scratch::new("kube-proxy")?;
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "tests", "cluster": { "server": format!("http://{}", listener.local_addr()?) } }],
            "users": [{ "name": "nobody", "user": {} }],
            "contexts": [{ "name": "tests", "context": { "cluster": "tests", "user": "nobody" } }],
            "current-context": "tests",
        });
        // JSON is YAML.
        fs::write(dir.join("kubeconfig"), config.to_string())?;
        let (held, ends) = (watch::Sender::new(None), watch::Sender::new(0));
        let shared = Arc::new(Shared { api, held, ends, seen: Mutex::default() });
        let app = axum::Router::new().fallback(forward).with_state(shared.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("the proxy has ended: {error}");
            }
        });
        Ok(Self { dir, shared, task })
    }

    /// The kubeconfig for it: who comes here needs no credentials.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    /// From now on such requests, and what watches say, are held back until [`Self::release`].
    pub fn hold(&self, asked: Asked) {
        self.shared.held.send_replace(Some(asked));
    }

    /// Lets go what is held back.
    pub fn release(&self) {
        self.shared.held.send_replace(None);
    }

    /// Ends every watch in good order. What is held back of it is never said.
    pub fn end_watches(&self) {
        self.shared.ends.send_modify(|ends| *ends += 1);
    }

    /// What has come by so far.
    pub fn seen(&self) -> Seen {
        *self.shared.seen()
    }
}

impl Drop for KubeProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while this is held back.
    async fn let_go(&self, asked: Asked) {
        // It fails when the sender is gone, which is beside it.
        let _ = self.held.subscribe().wait_for(|held| *held != Some(asked)).await;
    }
}

fn asked(uri: &Uri) -> Asked {
    let query = uri.query().unwrap_or_default();
    match query {
        _ if query.split('&').any(|pair| pair == "watch=true") => Asked::Watch,
        _ if query.split('&').any(|pair| pair.starts_with("continue=")) => Asked::Page,
        _ => Asked::List,
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let asked = asked(request.uri());
    {
        let mut seen = shared.seen();
        match asked {
            Asked::List => seen.lists += 1,
            Asked::Page => seen.pages += 1,
            Asked::Watch => seen.watches += 1,
        }
    }
    let mut ends = shared.ends.subscribe();
    shared.let_go(asked).await;
    let mut onward = http::Request::builder().method(request.method()).uri(request.uri());
    if let Some(accept) = request.headers().get(header::ACCEPT) {
        onward = onward.header(header::ACCEPT, accept);
    }
    let refused = |error: String| (StatusCode::BAD_GATEWAY, error).into_response();
    let onward = match onward.body(kube::client::Body::empty()) {
        Ok(onward) => onward,
        Err(error) => return refused(error.to_string()),
    };
    let (answer, body) = match shared.api.send(onward).await {
        Ok(answer) => answer.into_parts(),
        Err(error) => return refused(error.to_string()),
    };
    if answer.status == StatusCode::GONE {
        shared.seen().gone += 1;
    }
    let said = Body::new(body).into_data_stream().then(move |part| {
        let shared = shared.clone();
        async move {
            shared.let_go(asked).await;
            if asked == Asked::Watch && part.as_ref().is_ok_and(|part| says_gone(part)) {
                shared.seen().gone += 1;
            }
            part
        }
    });
    let ended = async move {
        if asked != Asked::Watch || ends.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let mut response = Body::from_stream(said.take_until(Box::pin(ended))).into_response();
    *response.status_mut() = answer.status;
    if let Some(media) = answer.headers.get(header::CONTENT_TYPE) {
        response.headers_mut().insert(header::CONTENT_TYPE, media.clone());
    }
    response
}

/// Whether a message of a watch is the error 410.
fn says_gone(part: &[u8]) -> bool {
    let text = String::from_utf8_lossy(part);
    text.contains("\"type\":\"ERROR\"") && text.contains("\"code\":410")
}

//! The world that the effects change: an HTTP endpoint that counts what arrives, fails as the plan says, and can be asked.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use chassis::Shutdown;
use serde::Deserialize;
use tokio::net::TcpListener;

use super::plan::{Fate, Plan};
use super::progress::Progress;

/// What arrived of one event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arrived {
    /// The effect happened so often.
    pub taken: u32,
    /// It was refused so often.
    pub refused: u32,
    /// It was put off so often.
    pub put_off: u32,
    /// How many effects had happened when it happened first, itself included; 0 if it did not.
    pub at: u64,
}

/// The endpoint.
#[derive(Clone)]
pub struct Receiver(Arc<Inner>);

struct Inner {
    plan: Plan,
    progress: Arc<Progress>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    arrived: HashMap<u64, Arrived>,
    /// Keys of the messages that were taken: what the endpoint can be asked for.
    keys: HashSet<String>,
    /// What was posted and is no effect of an event of ours.
    strange: Vec<String>,
    asked: u64,
}

/// What the notifier posts, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    correlationid: String,
}

impl Receiver {
    /// Opens it on a free port of loopback, until shutdown; returns its address, too.
    pub async fn open(
        plan: Plan,
        progress: Arc<Progress>,
        shutdown: Shutdown,
    ) -> anyhow::Result<(Self, String)> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot open the receiver")?;
        let address = listener.local_addr().context("the receiver has no address")?.to_string();
        let receiver = Self(Arc::new(Inner { plan, progress, kept: Mutex::default() }));
        let router = Router::new()
            .route("/take", post(take))
            .route("/ask/{key}", get(ask))
            .with_state(receiver.clone());
        tokio::spawn(async move {
            let serving = axum::serve(listener, router);
            if let Err(error) =
                serving.with_graceful_shutdown(async move { shutdown.triggered().await }).await
            {
                tracing::error!(%error, "the receiver failed");
            }
        });
        Ok((receiver, address))
    }

    /// What arrived of each event.
    pub fn arrived(&self) -> HashMap<u64, Arrived> {
        self.kept().arrived.clone()
    }

    /// What was posted and is no effect of ours.
    pub fn strange(&self) -> Vec<String> {
        self.kept().strange.clone()
    }

    /// How often it was asked whether it has a message.
    pub fn asked(&self) -> u64 {
        self.kept().asked
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, n: u64, key: &str) -> Response {
        let Inner { plan, progress, .. } = &*self.0;
        let mut kept = self.kept();
        let arrived = kept.arrived.entry(n).or_default();
        let status = match plan.fate(n) {
            Fate::Unavailable if arrived.put_off < plan.unavailable(n) => {
                arrived.put_off += 1;
                return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]).into_response();
            }
            Fate::Refused => {
                arrived.refused += 1;
                if arrived.refused == 1 {
                    progress.refusals.fetch_add(1, SeqCst);
                }
                return StatusCode::BAD_REQUEST.into_response();
            }
            Fate::AnswerLost if arrived.taken == 0 => StatusCode::INTERNAL_SERVER_ERROR,
            Fate::Plain | Fate::Twice | Fate::Unavailable | Fate::AnswerLost | Fate::Broken => StatusCode::OK,
        };
        arrived.taken += 1;
        if arrived.taken == 1 {
            arrived.at = progress.effect();
        }
        kept.keys.insert(key.to_owned());
        status.into_response()
    }
}

async fn take(
    State(receiver): State<Receiver>,
    headers: HeaderMap,
    Json(message): Json<Message>,
) -> Response {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    match super::number(&message.correlationid) {
        Some(n) if n < receiver.0.plan.events => receiver.take(n, key),
        Some(_) | None => {
            receiver.kept().strange.push(message.correlationid);
            StatusCode::OK.into_response()
        }
    }
}

async fn ask(State(receiver): State<Receiver>, Path(key): Path<String>) -> StatusCode {
    let mut kept = receiver.kept();
    kept.asked += 1;
    if kept.keys.contains(&key) { StatusCode::OK } else { StatusCode::NOT_FOUND }
}

//! The demo's chat: takes messages as a Slack incoming webhook does.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use chassis::Shutdown;
use serde_json::Value;
use tokio::net::TcpListener;

/// As Slack's own path looks; the last part is the secret.
const PATH: &str = "/services/T0000DEMO/B0000DEMO/x1y2z3";

/// A chat with one room.
#[derive(Clone)]
pub struct Chat {
    address: SocketAddr,
    messages: Arc<Mutex<Vec<String>>>,
}

impl Chat {
    /// Opens the chat on a free loopback port, until shutdown.
    pub async fn open(shutdown: Shutdown) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot open the chat of the demo")?;
        let address = listener.local_addr().context("the chat has no address")?;
        let chat = Self { address, messages: Arc::default() };
        let router = Router::new().route(PATH, post(take)).with_state(chat.clone());
        tokio::spawn(async move {
            let serving = axum::serve(listener, router);
            if let Err(error) =
                serving.with_graceful_shutdown(async move { shutdown.triggered().await }).await
            {
                tracing::error!(%error, "the chat of the demo failed");
            }
        });
        Ok(chat)
    }

    /// The secret address to post to.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// What was said, oldest first.
    pub fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// `ok`, or `invalid_payload` as Slack says it.
async fn take(State(chat): State<Chat>, Json(body): Json<Value>) -> (StatusCode, &'static str) {
    match body["text"].as_str() {
        Some(text) => {
            chat.messages.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
            (StatusCode::OK, "ok")
        }
        None => (StatusCode::BAD_REQUEST, "invalid_payload"),
    }
}

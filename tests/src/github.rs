//! A stand-in of GitHub: delivers to a webhook, once, and keeps a list of its deliveries, by the documentation of its REST API.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use chassis::{Clock as _, SystemClock};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::fixtures;

/// The first id: above 2^53, as those of GitHub are.
const FIRST: u64 = 9_007_199_254_740_993;
/// The path of the one webhook's deliveries.
const DELIVERIES: &str = "/api/v3/repos/acme/shop/hooks/7/deliveries";
/// How many deliveries a page has at most: fewer than GitHub's, so that there are several.
const PAGE: usize = 10;

#[derive(Debug, Clone)]
struct Delivery {
    id: u64,
    guid: String,
    at: DateTime<Utc>,
    status: u16,
    event: String,
    body: String,
}

/// GitHub, with one webhook of `acme/shop`.
#[derive(Debug)]
pub struct Github {
    url: String,
    secret: String,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
    http: reqwest::Client,
    task: JoinHandle<()>,
}

impl Github {
    /// Starts it. It signs with the secret.
    pub async fn start(secret: &str) -> anyhow::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let deliveries: Arc<Mutex<Vec<Delivery>>> = Arc::default();
        let app = Router::new().fallback(answer).with_state((url.clone(), deliveries.clone()));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("the stand-in of GitHub has ended: {error}");
            }
        });
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        Ok(Self { url, secret: secret.to_owned(), deliveries, http, task })
    }

    /// The base address of its API.
    pub fn api(&self) -> String {
        format!("{}/api/v3", self.url)
    }

    /// Delivers to the webhook, once, and keeps what was answered: 0 when nobody was there.
    pub async fn deliver(&self, hook: &str, event: &str, body: &Value) -> u16 {
        let body = body.to_string();
        let number = lock(&self.deliveries).len();
        let guid = format!("0b989ba4-242f-11e5-81e1-{number:012}");
        let request = self
            .http
            .post(hook)
            .header("content-type", "application/json")
            .header("x-github-event", event)
            .header("x-github-delivery", &guid)
            .header("x-github-hook-id", "7")
            .header("x-hub-signature-256", fixtures::sign(&self.secret, body.as_bytes()))
            .body(body.clone());
        let at = SystemClock.now();
        let status = request.send().await.map_or(0, |answer| answer.status().as_u16());
        let mut deliveries = lock(&self.deliveries);
        let id = FIRST + 2 * u64::try_from(deliveries.len()).unwrap_or_default();
        deliveries.push(Delivery { id, guid, at, status, event: event.to_owned(), body });
        status
    }
}

impl Drop for Github {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(deliveries: &Mutex<Vec<Delivery>>) -> MutexGuard<'_, Vec<Delivery>> {
    deliveries.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(
    State((url, deliveries)): State<(String, Arc<Mutex<Vec<Delivery>>>)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let deliveries = lock(&deliveries);
    let known = headers.get("authorization").is_some_and(|shown| shown == "Bearer a-token-of-github");
    if !known {
        return (StatusCode::UNAUTHORIZED, Json(json!({"message": "Bad credentials"}))).into_response();
    }
    let missing = || (StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))).into_response();
    let Some(rest) = uri.path().strip_prefix(DELIVERIES) else { return missing() };
    if method != Method::GET {
        return missing();
    }
    if rest.is_empty() {
        return list(&url, &deliveries, uri.query().unwrap_or_default());
    }
    let found = deliveries.iter().find(|delivery| rest.trim_start_matches('/') == delivery.id.to_string());
    found.map_or_else(missing, |delivery| Json(delivery.whole()).into_response())
}

/// Newest first, with the next page in the header `Link`.
fn list(url: &str, deliveries: &[Delivery], query: &str) -> Response {
    let cursor = query.split('&').find_map(|pair| pair.strip_prefix("cursor=v1_")?.parse().ok());
    let mut found =
        deliveries.iter().rev().filter(|delivery| cursor.is_none_or(|from: u64| delivery.id <= from));
    let items: Vec<Value> = found.by_ref().take(PAGE).map(Delivery::item).collect();
    let mut response = Json(items).into_response();
    if let Some(next) = found.next() {
        let link = format!("<{url}{DELIVERIES}?per_page=100&cursor=v1_{}>; rel=\"next\"", next.id);
        if let Ok(link) = link.parse() {
            response.headers_mut().insert("link", link);
        }
    }
    response
}

impl Delivery {
    fn item(&self) -> Value {
        let status = if self.status == 0 { "failed to connect to host" } else { "OK" };
        json!({
            "id": self.id, "guid": self.guid, "delivered_at": self.at, "redelivery": false, "duration": 0.1,
            "status": status, "status_code": self.status, "event": self.event, "action": null,
            "installation_id": null, "repository_id": 7,
        })
    }

    fn whole(&self) -> Value {
        let payload: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let mut whole = self.item();
        whole["request"] = json!({
            "headers": {"X-GitHub-Delivery": self.guid, "X-GitHub-Event": self.event, "X-GitHub-Hook-ID": "7"},
            "payload": payload,
        });
        whole["response"] = json!({"headers": {}, "payload": null});
        whole
    }
}

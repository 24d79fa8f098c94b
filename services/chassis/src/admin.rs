//! What an operator's tools ask a process: alive, ready, metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};

use crate::metrics::TEXT_FORMAT;
use crate::{Health, Metrics};

/// `GET /healthz` (200 as long as the process answers), `GET /readyz` (200 or 503, with the [report] of every check as
/// JSON) and `GET /metrics` (the text exposition format).
///
/// Belongs on the private listener: it asks for no login.
///
/// [report]: crate::health::Report
pub fn router(health: Health, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready).with_state(health))
        .route("/metrics", get(expose).with_state(metrics))
}

async fn ready(State(health): State<Health>) -> impl IntoResponse {
    let report = health.ready().await;
    let status = if report.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report))
}

async fn expose(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], metrics.render())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, StatusCode};
    use serde_json::Value;
    use tower::ServiceExt as _;

    use super::router;
    use crate::{Health, Metrics};

    async fn get(health: Health, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).expect("the path is fixed");
        let response = router(health, Metrics::new()).oneshot(request).await.expect("a router never fails");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("the body is in memory");
        (status, String::from_utf8(bytes.to_vec()).expect("all answers are text"))
    }

    fn unready() -> Health {
        let health = Health::default();
        health.register("bus", || Box::pin(async { Err("no space left".to_owned()) }));
        health
    }

    #[tokio::test]
    async fn an_unready_process_is_alive() {
        assert_eq!(get(unready(), "/healthz").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn an_unready_process_answers_503_and_names_the_check() {
        let (status, body) = get(unready(), "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        let report: Value = serde_json::from_str(&body).expect("the report is JSON");
        assert_eq!(report["ok"], false);
        assert_eq!(report["checks"][0]["name"], "bus");
        assert_eq!(report["checks"][0]["error"], "no space left");
    }

    #[tokio::test]
    async fn a_ready_process_answers_200() {
        let (status, body) = get(Health::default(), "/readyz").await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"ok":true,"checks":[]}"#));
    }

    #[tokio::test]
    async fn metrics_are_in_the_text_format() {
        let (status, body) = get(Health::default(), "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.contains("# TYPE signalbox_build_info gauge\n"), "{body}");
    }
}

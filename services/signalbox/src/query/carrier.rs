//! Carries a request to the console's API and the answer back.

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use bytes::Bytes;
use chassis::Engine;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use reqwest::{Method, StatusCode};
use tower::ServiceExt as _;

/// Who answers.
pub enum Carrier {
    /// This process, over an engine that it opened.
    Here {
        /// The console.
        router: Router,
        /// What it stands on.
        engine: Engine,
    },
    /// A running server.
    There {
        /// The client.
        http: reqwest::Client,
        /// `http://127.0.0.1:8081`.
        base: String,
    },
}

/// An answer, piece by piece.
pub struct Answer {
    pub status: StatusCode,
    pub body: BoxStream<'static, anyhow::Result<Bytes>>,
}

impl Carrier {
    /// Asks.
    #[expect(clippy::disallowed_methods, reason = "except: a person asks our own API")]
    pub async fn send(&self, method: Method, path: &str, token: &str) -> anyhow::Result<Answer> {
        match self {
            Self::Here { router, .. } => {
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header(header::AUTHORIZATION, format!("Bearer {token}"))
                    .body(Body::empty())
                    .context("cannot ask this")?;
                let Ok(response) = router.clone().oneshot(request).await;
                let status = response.status();
                let body = response.into_body().into_data_stream();
                Ok(Answer { status, body: body.map(|piece| piece.context("the answer broke off")).boxed() })
            }
            Self::There { http, base } => {
                let request = http.request(method, format!("{base}{path}")).bearer_auth(token);
                let said = || format!("the server at {base} does not answer");
                let response = request.send().await.with_context(said)?;
                let status = response.status();
                let body = response.bytes_stream();
                Ok(Answer {
                    status,
                    body: body.map(|piece| piece.context("the server broke off its answer")).boxed(),
                })
            }
        }
    }

    /// Lets the bus go.
    pub async fn close(self) {
        match self {
            Self::Here { router, engine } => {
                drop(router);
                engine.close().await;
            }
            Self::There { .. } => {}
        }
    }
}

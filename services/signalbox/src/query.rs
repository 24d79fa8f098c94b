//! Questions to a bus. There is one way to ask, the console's API; it is carried over HTTP to a running server, or inside
//! this process over a bus that nobody else has.

mod address;
mod carrier;
pub mod dead;
pub mod list;
pub mod open;
pub mod replay;
pub mod show;
pub mod story;
pub mod tail;

use anyhow::{Context as _, anyhow};
use console::api::{Candidate, ErrorBody};
use futures::StreamExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;

use self::carrier::{Answer, Carrier};
use crate::exit::{Exit, OrStop as _, Stop};

/// Somebody who answers.
pub struct Query {
    carrier: Carrier,
    token: String,
}

impl Query {
    /// The answer to `GET`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Stop> {
        self.ask(Method::GET, path).await
    }

    /// The answer.
    pub async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, Stop> {
        let body = self.text(method, path).await?;
        Ok(serde_json::from_slice(&body)
            .with_context(|| format!("the answer to {path} is not what the API promises"))?)
    }

    /// The answer as it came.
    pub async fn text(&self, method: Method, path: &str) -> Result<Vec<u8>, Stop> {
        collect(self.send(method, path).await?).await.or_stop(Exit::Unreachable)
    }

    /// An answer that comes piece by piece.
    async fn send(&self, method: Method, path: &str) -> Result<Answer, Stop> {
        let answer = self.carrier.send(method, path, &self.token).await.or_stop(Exit::Unreachable)?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let status = answer.status;
        let body = collect(answer).await.or_stop(Exit::Unreachable)?;
        Err(refusal(status, &body))
    }

    /// Lets the bus go.
    pub async fn close(self) {
        self.carrier.close().await;
    }
}

async fn collect(mut answer: Answer) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(piece) = answer.body.next().await {
        body.extend_from_slice(&piece?);
    }
    Ok(body)
}

/// What the API said, as an error with its code.
fn refusal(status: StatusCode, body: &[u8]) -> Stop {
    let exit = match status {
        StatusCode::NOT_FOUND => Exit::NotFound,
        StatusCode::BAD_REQUEST => Exit::Usage,
        StatusCode::UNAUTHORIZED => Exit::Unreachable,
        // The server answers, and cannot do it.
        StatusCode::INTERNAL_SERVER_ERROR => Exit::Failed,
        status if status.is_server_error() => Exit::Unreachable,
        _ => Exit::Failed,
    };
    let Ok(ErrorBody { error, hint, candidates }) = serde_json::from_slice(body) else {
        return Stop::with(exit, anyhow!("the server answered {status}"));
    };
    let candidate = |Candidate { position, id, source, r#type }| {
        format!(
            "
  @{position}  {type}  {id}  {source}"
        )
    };
    let candidates: Vec<String> = candidates.into_iter().map(candidate).collect();
    let hint = hint
        .map(|hint| {
            format!(
                "
  hint: {hint}"
            )
        })
        .unwrap_or_default();
    let text = format!("{error}{}{hint}", candidates.concat());
    Stop::with(exit, anyhow!(crate::output::harmless(&text)))
}

/// A part of a path, or a value of a query, with everything escaped that could mean something there.
fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test plays the world")]
mod tests;

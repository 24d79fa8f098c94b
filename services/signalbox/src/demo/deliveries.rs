//! What GitHub and Alertmanager send, over real HTTP.

use std::net::SocketAddr;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, RequestBuilder, StatusCode};
use sha2::Sha256;

use super::config::Secrets;

const WORKFLOW_RUN: &str = include_str!("../../demo/deliveries/workflow_run.json");
const ALERT: &str = include_str!("../../demo/deliveries/alert.json");

/// What was answered.
pub struct Answer {
    pub status: StatusCode,
    pub body: String,
}

/// The senders.
pub struct Senders {
    http: Client,
    to: SocketAddr,
    secrets: Secrets,
    workflow_run: String,
    alert: String,
    /// `X-GitHub-Delivery` of the workflow run.
    delivery: String,
}

impl Senders {
    /// Senders that post to the public listener `to`.
    pub fn new(to: SocketAddr, secrets: Secrets, now: DateTime<Utc>) -> anyhow::Result<Self> {
        // A proxy of the environment must not get between two loopback ports.
        let http = Client::builder().no_proxy().build().context("cannot make an HTTP client")?;
        let now = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let dated = |text: &str| text.replace("@NOW@", &now);
        let delivery = uuid::Uuid::new_v4().to_string();
        Ok(Self { http, to, secrets, workflow_run: dated(WORKFLOW_RUN), alert: dated(ALERT), delivery })
    }

    /// The id of the event that the workflow run becomes.
    pub fn delivery(&self) -> &str {
        &self.delivery
    }

    /// GitHub tells that a workflow has completed, signed with the secret.
    pub async fn workflow_run(&self) -> anyhow::Result<Answer> {
        self.github(&self.delivery, &self.secrets.github).await
    }

    /// Somebody else tells the same, without knowing the secret.
    pub async fn forged_workflow_run(&self) -> anyhow::Result<Answer> {
        self.github(&uuid::Uuid::new_v4().to_string(), "a guess").await
    }

    /// Alertmanager tells of an alert, with the bearer token.
    pub async fn alert(&self) -> anyhow::Result<Answer> {
        let request = self.post("alertmanager").bearer_auth(&self.secrets.alertmanager);
        send(request.body(self.alert.clone())).await
    }

    async fn github(&self, delivery: &str, secret: &str) -> anyhow::Result<Answer> {
        let request = self
            .post("github")
            .header("X-GitHub-Event", "workflow_run")
            .header("X-GitHub-Delivery", delivery)
            .header("X-Hub-Signature-256", signature(secret, self.workflow_run.as_bytes()))
            .header("User-Agent", "GitHub-Hookshot/demo");
        send(request.body(self.workflow_run.clone())).await
    }

    fn post(&self, source: &str) -> RequestBuilder {
        let url = format!("http://{}/hooks/{source}", self.to);
        self.http.post(url).header("Content-Type", "application/json")
    }
}

#[expect(clippy::disallowed_methods, reason = "except: the demo plays GitHub")]
async fn send(request: RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await.context("the gateway does not answer")?;
    let status = response.status();
    let body = response.text().await.context("the gateway broke off its answer")?;
    Ok(Answer { status, body: body.trim().to_owned() })
}

/// As GitHub signs.
/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::signature;

    /// The example of GitHub's documentation.
    #[test]
    fn the_signature_is_that_of_github() {
        assert_eq!(
            signature("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}

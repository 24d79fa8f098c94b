//! A real Alertmanager that tells one webhook, at once.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};

use crate::process::{Process, command};
use crate::scratch::Scratch;
use crate::{eventually, ports, tools};

const PATIENCE: Duration = Duration::from_secs(30);

/// An Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    _dir: Scratch,
    _process: Process,
    url: String,
    http: reqwest::Client,
}

impl Alertmanager {
    /// Starts one that posts to `webhook` with a bearer token.
    pub async fn start(webhook: &str, token: &str) -> anyhow::Result<Self> {
        // 0 stands for all.
        Self::start_with(webhook, token, 0).await
    }

    /// Starts one whose notifications have at most so many alerts.
    pub async fn start_with(webhook: &str, token: &str, max_alerts: u32) -> anyhow::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = Scratch::new("alertmanager")?;
        let config = serde_json::json!({
            "route": { "receiver": "signalbox", "group_by": ["alertname"], "group_wait": "100ms",
                       "group_interval": "1s", "repeat_interval": "1h" },
            "receivers": [{ "name": "signalbox", "webhook_configs": [{ "url": webhook, "send_resolved": true, "max_alerts": max_alerts,
                "http_config": { "authorization": { "type": "Bearer", "credentials": token } } }] }],
        });
        fs::write(dir.join("alertmanager.yml"), config.to_string())?;
        let port = ports::free()?;
        let arguments = [
            format!("--config.file={}", dir.join("alertmanager.yml").display()),
            format!("--storage.path={}", dir.join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            // No cluster: nothing is opened but the port above.
            "--cluster.listen-address=".to_owned(),
        ];
        let program = tools::find("alertmanager")?;
        let process = Process::start("alertmanager", command(program, arguments), &dir.join("log"))?;
        let url = format!("http://127.0.0.1:{port}");
        let alertmanager = Self { _dir: dir, _process: process, url, http: reqwest::Client::new() };
        eventually(PATIENCE, "Alertmanager is ready", async || {
            let ready = alertmanager.http.get(format!("{}/-/ready", alertmanager.url)).send().await?;
            ready.error_for_status().map(|_| ()).context("it is not")
        })
        .await?;
        Ok(alertmanager)
    }

    /// Where it listens, as `host:port`.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Says that an alert fires since `starts_at`.
    pub async fn fire(&self, labels: &[(&str, &str)], starts_at: DateTime<Utc>) -> anyhow::Result<()> {
        self.post(labels, starts_at, None).await
    }

    /// Says that the alert is over.
    pub async fn resolve(
        &self,
        labels: &[(&str, &str)],
        starts_at: DateTime<Utc>,
        ends_at: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        self.post(labels, starts_at, Some(ends_at)).await
    }

    async fn post(
        &self,
        labels: &[(&str, &str)],
        starts_at: DateTime<Utc>,
        ends_at: Option<DateTime<Utc>>,
    ) -> anyhow::Result<()> {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut alert = serde_json::json!({
            "labels": labels,
            "annotations": { "summary": "An alert of the tests" },
            "startsAt": time(starts_at),
            "generatorURL": "http://127.0.0.1/graph",
        });
        if let Some(ends_at) = ends_at {
            alert["endsAt"] = time(ends_at).into();
        }
        let posted = self.http.post(format!("{}/api/v2/alerts", self.url)).json(&[alert]).send().await?;
        posted.error_for_status().map(|_| ()).context("Alertmanager refuses the alert")
    }
}

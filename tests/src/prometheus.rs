//! A real Prometheus that reads one target and tells one Alertmanager, each second.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::process::{Process, command};
use crate::scratch::Scratch;
use crate::{eventually, ports, tools};

const PATIENCE: Duration = Duration::from_mins(1);

/// A Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    _dir: Scratch,
    process: Process,
    url: String,
    http: reqwest::Client,
}

impl Prometheus {
    /// Starts one with such rules (a file of them, as text). `target` and `alertmanager` are `host:port`.
    pub async fn start(rules: &str, target: &str, alertmanager: &str) -> anyhow::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = Scratch::new("prometheus")?;
        let of = |target: &str| json!([{ "targets": [target] }]);
        let config = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "rule_files": [dir.join("rules.yml")],
            "alerting": { "alertmanagers": [{ "static_configs": of(alertmanager) }] },
            "scrape_configs": [{ "job_name": "signalbox", "static_configs": of(target) }],
        });
        fs::write(dir.join("prometheus.yml"), config.to_string())?;
        fs::write(dir.join("rules.yml"), rules)?;
        let port = ports::free()?;
        let arguments = [
            format!("--config.file={}", dir.join("prometheus.yml").display()),
            format!("--storage.tsdb.path={}", dir.join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ];
        let program = tools::find("prometheus")?;
        let process = Process::start("prometheus", command(program, arguments), &dir.join("log"))?;
        let url = format!("http://127.0.0.1:{port}");
        let prometheus = Self { _dir: dir, process, url, http: reqwest::Client::new() };
        eventually(PATIENCE, "Prometheus is ready", async || {
            let ready = prometheus.http.get(format!("{}/-/ready", prometheus.url)).send().await?;
            let ready = ready.error_for_status().map(|_| ()).context("it is not");
            ready.with_context(|| prometheus.process.last_words())
        })
        .await?;
        Ok(prometheus)
    }

    /// The rules that it evaluates, as its API says.
    pub async fn rules(&self) -> anyhow::Result<Vec<Value>> {
        let answer: Value = self.http.get(format!("{}/api/v1/rules", self.url)).send().await?.json().await?;
        let groups = answer["data"]["groups"].as_array().context("there are no groups")?;
        Ok(groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default()).collect())
    }
}

//! Gather: how full volumes are, as Prometheus knows it from the kubelets.
//!
//! Why not of the kubelets themselves: through the API server that takes `nodes/proxy`, and who may read by that may also
//! run commands in every pod. <https://kubernetes.io/docs/concepts/security/rbac-good-practices/#access-to-proxy-subresource-of-nodes>

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use resources::SecretRef;
use serde::Deserialize;

use crate::kinds::volume_usage::Body;

/// The last word of the last quarter of an hour about each claim, whoever said it: a pod that moves takes its volume along.
/// (The answer has one series for each claim and measure, also where several Prometheis or nodes tell of it.)
const QUERY: &str = "max by (namespace, persistentvolumeclaim, __name__) (last_over_time({__name__=~\"\
                     kubelet_volume_stats_(capacity_bytes|available_bytes|inodes|inodes_free)\"}[15m]))";
/// Prometheus gives up on a query after two minutes; this one takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// Largest answer that is read: some 200 bytes for each of four measures of twenty thousand claims.
const LARGEST: usize = 16 << 20;
/// So much of what somebody answers is quoted.
const QUOTED: usize = 200;

/// A Prometheus.
pub struct Prometheus {
    http: Client,
    address: Url,
    token: Option<SecretRef>,
}

/// What came of asking.
pub enum Asked {
    /// How full they are.
    Volumes(Vec<Body>),
    /// It knows of none.
    Nothing,
    /// It could not be asked; why, and what would help.
    Trouble(String),
}

impl Prometheus {
    /// The one at this address.
    pub fn new(address: &Url, token: Option<SecretRef>) -> reqwest::Result<Self> {
        let http = Client::builder()
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
            // The token goes nowhere else.
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .build()?;
        let mut address = address.clone();
        let path = format!("{}/api/v1/query", address.path().trim_end_matches('/'));
        address.set_path(&path);
        address.query_pairs_mut().append_pair("query", QUERY);
        Ok(Self { http, address, token })
    }

    /// How full the volumes are.
    pub async fn ask(&self) -> Asked {
        match self.answer().await {
            Ok((status, body)) => understand(status, &body),
            Err(why) => Asked::Trouble(why),
        }
    }

    async fn answer(&self) -> Result<(StatusCode, Vec<u8>), String> {
        let token = self.token.as_ref().map(SecretRef::read).transpose().map_err(|error| chain(&error))?;
        let token = token.as_ref().map(|token| std::str::from_utf8(token.expose())).transpose();
        let token = token.map_err(|error| chain(&error))?;
        let response = send(&self.http, &self.address, token).await;
        let mut response = response.map_err(|error| chain(&error.without_url()))?;
        let (status, mut body) = (response.status(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error.without_url()))? {
            if body.len() + chunk.len() > LARGEST {
                return Err(format!("Prometheus answers more than {} MiB", LARGEST >> 20));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }
}

#[expect(clippy::disallowed_methods, reason = "asks: how full volumes are")]
async fn send(http: &Client, address: &Url, token: Option<&str>) -> reqwest::Result<Response> {
    let mut request = http.get(address.clone());
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("cannot ask Prometheus: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// <https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview>
#[derive(Debug, Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Data {
    #[serde(default)]
    result: Vec<Series>,
}

#[derive(Debug, Deserialize)]
struct Series {
    metric: Metric,
    /// The time, and the value as text.
    value: (f64, String),
}

#[derive(Debug, Deserialize)]
struct Metric {
    #[serde(rename = "__name__", default)]
    measure: String,
    #[serde(default)]
    namespace: String,
    #[serde(default, rename = "persistentvolumeclaim")]
    claim: String,
}

/// What an answer means. Pure.
pub fn understand(status: StatusCode, body: &[u8]) -> Asked {
    let help = match status.as_u16() {
        401 | 403 => "; check `kubernetes.volume_usage.token`",
        404 => "; is `kubernetes.volume_usage.prometheus` the address of a Prometheus, with its path?",
        300..=399 => "; write the address that it redirects to",
        _ => "",
    };
    let quoted = || String::from_utf8_lossy(body).chars().take(QUOTED).collect::<String>();
    let answer: Answer = match serde_json::from_slice(body) {
        Ok(answer) => answer,
        Err(_) => return Asked::Trouble(format!("Prometheus answers {status}{help}: {}", quoted())),
    };
    if !status.is_success() || answer.status != "success" {
        let why = answer.error.unwrap_or_else(quoted);
        return Asked::Trouble(format!("Prometheus answers {status}{help}: {why}"));
    }
    let mut volumes: BTreeMap<(String, String), Body> = BTreeMap::new();
    for Series { metric, value: (_, value) } in answer.data.into_iter().flat_map(|data| data.result) {
        let Metric { measure, namespace, claim } = metric;
        // What is not known (`NaN`) is no number.
        let Some(number) = value.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
        else {
            continue;
        };
        let volume = volumes.entry((namespace, claim)).or_default();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is finite and not negative; a float too large saturates"
        )]
        let number = number as u64;
        match measure.strip_prefix("kubelet_volume_stats_") {
            Some("capacity_bytes") => volume.capacity = Some(number),
            Some("available_bytes") => volume.available = Some(number),
            Some("inodes") => volume.inodes = Some(number),
            Some("inodes_free") => volume.inodes_free = Some(number),
            Some(_) | None => {}
        }
    }
    let named = |((namespace, claim), volume): ((String, String), Body)| volume.named(&namespace, &claim);
    let volumes: Vec<Body> = volumes.into_iter().map(named).filter(Body::is_known).collect();
    if volumes.is_empty() { Asked::Nothing } else { Asked::Volumes(volumes) }
}

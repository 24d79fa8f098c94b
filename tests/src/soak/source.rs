//! The kinds of Source, and what their senders send: each input with its number where the event has it, too.

use std::path::Path;

use events::Envelope;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::write_secret;
use crate::fixtures::sign;

/// With what deliveries are signed, and the token.
pub const SECRET: &str = "a-secret-of-the-soak";

/// A kind of input. An alert is two: that it fires, and that it is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A push at GitHub.
    GitHub,
    /// One at Gitea.
    Gitea,
    /// One at GitLab.
    GitLab,
    /// An image in a registry.
    Registry,
    /// An alert that fires.
    Firing,
    /// The same, resolved.
    Resolved,
    /// A notification of Argo CD.
    ArgoCd,
    /// A CloudEvent.
    CloudEvents,
    /// Any other webhook.
    Generic,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::GitHub,
        Self::Gitea,
        Self::GitLab,
        Self::Registry,
        Self::Firing,
        Self::Resolved,
        Self::ArgoCd,
        Self::CloudEvents,
        Self::Generic,
    ];

    /// The name of the resource that takes it.
    fn name(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::Gitea => "gitea",
            Self::GitLab => "gitlab",
            Self::Registry => "registry",
            Self::Firing | Self::Resolved => "alertmanager",
            Self::ArgoCd => "argocd",
            Self::CloudEvents => "cloudevents",
            Self::Generic => "generic",
        }
    }

    /// The request of an input.
    pub fn request(
        self,
        http: &reqwest::Client,
        address: &str,
        number: u64,
    ) -> anyhow::Result<RequestBuilder> {
        let body = serde_json::to_vec(&self.body(number))?;
        let id = format!("{}-{number}", self.name());
        let signature = sign(SECRET, &body);
        let post = http.post(format!("http://{address}/hooks/{}", self.name()));
        let post = post.header("content-type", "application/json");
        let post = match self {
            Self::GitHub => post
                .header("x-github-event", "push")
                .header("x-github-delivery", id)
                .header("x-hub-signature-256", signature),
            Self::Gitea => post
                .header("x-gitea-event", "push")
                .header("x-gitea-delivery", id)
                .header("x-gitea-signature", signature.trim_start_matches("sha256=")),
            Self::GitLab => post.header("x-gitlab-token", SECRET).header("idempotency-key", id),
            Self::Registry => post.query(&[("access_token", SECRET)]),
            Self::Firing | Self::Resolved | Self::ArgoCd | Self::Generic => post.bearer_auth(SECRET),
            Self::CloudEvents => post
                .bearer_auth(SECRET)
                .header("ce-specversion", "1.0")
                .header("ce-id", id)
                .header("ce-source", "https://soak.example")
                .header("ce-type", "com.example.soak.event"),
        };
        Ok(post.body(body))
    }

    fn body(self, number: u64) -> Value {
        // No commit is 0: that would be a branch that goes.
        let commit = format!("{:040x}", number + 1);
        let alert = |status: &str| {
            let ends = if status == "firing" { "0001-01-01T00:00:00Z" } else { "2026-11-30T12:30:00Z" };
            json!({
                "version": "4", "groupKey": format!("{{}}:{{number=\"{number}\"}}"), "receiver": "signalbox", "status": status,
                "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "truncatedAlerts": 0,
                "externalURL": "http://alertmanager.example",
                "alerts": [{
                    "status": status, "labels": {"alertname": "Soak", "number": number.to_string()}, "annotations": {},
                    "startsAt": "2026-11-30T12:00:00Z", "endsAt": ends, "generatorURL": "http://prometheus.example/graph",
                    "fingerprint": format!("{number:016x}"),
                }],
            })
        };
        match self {
            Self::GitHub => json!({
                "ref": "refs/heads/main", "before": "0".repeat(40), "after": commit,
                "repository": {"id": 7, "full_name": "soak/github", "url": "https://api.github.com/repos/soak/github",
                               "pushed_at": 1_790_000_000 + number},
            }),
            Self::Gitea => json!({
                "ref": "refs/heads/main", "after": commit,
                "repository": {"full_name": "soak/gitea", "html_url": "https://gitea.example/soak/gitea"},
            }),
            Self::GitLab => json!({
                "object_kind": "push", "ref": "refs/heads/main", "after": commit, "checkout_sha": commit,
                "project": {"path_with_namespace": "soak/gitlab", "web_url": "https://gitlab.example/soak/gitlab"},
            }),
            Self::Registry => json!({
                "push_data": {"tag": format!("v{number}"), "pushed_at": 1_790_000_000, "pusher": "ada"},
                "repository": {"repo_name": "soak/image"},
            }),
            Self::Firing => alert("firing"),
            Self::Resolved => alert("resolved"),
            Self::ArgoCd => json!({
                "version": "1", "trigger": "on-health-degraded", "name": format!("app-{number}"), "namespace": "argocd",
                "health": {"status": "Degraded"},
            }),
            Self::CloudEvents | Self::Generic => json!({"number": number, "id": format!("n-{number}")}),
        }
    }

    /// Which input an event is of; `None` for what Signalbox says by itself.
    pub fn of(event: &Envelope) -> anyhow::Result<Option<(Self, u64)>> {
        let ty = event.ty();
        let source = match ty {
            _ if ty.starts_with("com.github.") => Self::GitHub,
            _ if ty.starts_with("io.gitea.") => Self::Gitea,
            _ if ty.starts_with("com.gitlab.") => Self::GitLab,
            "io.signalbox.image.pushed.v1" => Self::Registry,
            "io.prometheus.alert.firing.v1" => Self::Firing,
            "io.prometheus.alert.resolved.v1" => Self::Resolved,
            "io.argoproj.notification.received.v1" => Self::ArgoCd,
            "com.example.soak.event" => Self::CloudEvents,
            "com.example.soak.generic" => Self::Generic,
            _ => return Ok(None),
        };
        let data = event.json()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let number = match source {
            Self::GitHub | Self::Gitea | Self::GitLab => {
                u64::from_str_radix(&text(&data["after"]), 16).ok().and_then(|commit| commit.checked_sub(1))
            }
            Self::Registry => event.subject().and_then(|subject| subject.rsplit_once(":v")?.1.parse().ok()),
            Self::Firing | Self::Resolved => text(&data["labels"]["number"]).parse().ok(),
            Self::ArgoCd => text(&data["name"]).trim_start_matches("app-").parse().ok(),
            Self::CloudEvents | Self::Generic => data["number"].as_u64(),
        };
        let number = number.ok_or_else(|| anyhow::anyhow!("no number in {ty} {}", event.id()))?;
        Ok(Some((source, number)))
    }
}

/// A Source of each kind, which takes the secret that is written into the folder, and a clock that ticks each second.
pub fn resources(folder: &Path) -> anyhow::Result<String> {
    let secret = format!("[{{file: {}}}]", write_secret(folder)?);
    let kinds = [
        ("github", format!("github: {{secrets: {secret}}}")),
        ("gitea", format!("gitea: {{secrets: {secret}}}")),
        ("gitlab", format!("gitlab: {{tokens: {secret}}}")),
        ("registry", format!("registry: {{dockerhub: {{tokens: {secret}}}}}")),
        ("alertmanager", format!("alertmanager: {{tokens: {secret}}}")),
        ("argocd", format!("argocd: {{tokens: {secret}}}")),
        ("cloudevents", format!("cloudevents: {{tokens: {secret}}}")),
        (
            "generic",
            format!("generic: {{tokens: {secret}, type: '\"com.example.soak.generic\"', id: body.id}}"),
        ),
        ("clock", "schedule: {cron: '* * * * * *', catchUp: all}".to_owned()),
    ];
    let resources = kinds.map(|(name, spec)| {
        format!(
            "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
        )
    });
    Ok(resources.join("---\n"))
}

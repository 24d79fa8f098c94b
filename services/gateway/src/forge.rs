//! Webhooks of Gitea, Forgejo, GitLab, image registries and Argo CD: gather -> decide -> apply.

use axum::extract::Request;
use axum::http::HeaderMap;
use events::gitlab::Delivery;
use events::{argocd, gitea, gitlab, registry};
use resources::source::{Argocd, Gitea, Gitlab, Origin, Registry};

use crate::Gateway;
use crate::answer::Accepted;
use crate::header::{self, Found};
use crate::publish::Taken;
use crate::refusal::Refusal;
use crate::visit::Visit;
use crate::webhook::{self, Work};

/// Longest name of an event and longest id of a delivery, in characters: as for GitHub.
const LONGEST_EVENT: usize = 64;
const LONGEST_ID: usize = 128;

/// Takes a delivery of Gitea or Forgejo: one event.
pub(crate) async fn gitea(
    gateway: &Gateway,
    source: &Gitea,
    request: Request,
    visit: &mut Visit<'_>,
) -> Result<Accepted, Refusal> {
    let [of_gitea, of_forgejo] = Gitea::SIGNATURES;
    let signature = if request.headers().contains_key(of_forgejo) { of_forgejo } else { of_gitea };
    let repositories = source.repositories.clone();
    let decode = move |delivery: &webhook::Delivery| {
        let event = header::required(&delivery.headers, "X-Gitea-Event", LONGEST_EVENT, |_| true)?;
        let id = header::required(&delivery.headers, "X-Gitea-Delivery", LONGEST_ID, is_id)?;
        let event = gitea::decode(event, id, &delivery.body).map_err(Refusal::NoWebhook)?;
        Ok(vec![Origin::of_gitea(&event).admit(event, &repositories).map_err(Refusal::Foreign)?])
    };
    let credential = source.credential(signature);
    webhook::take(gateway, &credential, request, visit, Work::Light, decode).await.map(one)
}

/// Takes a delivery of GitLab: one event.
pub(crate) async fn gitlab(
    gateway: &Gateway,
    source: &Gitlab,
    request: Request,
    visit: &mut Visit<'_>,
) -> Result<Accepted, Refusal> {
    let projects = source.projects.clone();
    let decode = move |delivery: &webhook::Delivery| {
        let ids = Delivery {
            idempotency_key: optional(&delivery.headers, "Idempotency-Key")?,
            event_uuid: optional(&delivery.headers, "X-Gitlab-Event-UUID")?,
        };
        let event = gitlab::decode(ids, &delivery.body).map_err(Refusal::NoWebhook)?;
        Ok(vec![Origin::of_gitlab(&event).admit(event, &projects).map_err(Refusal::Foreign)?])
    };
    webhook::take(gateway, &source.credential, request, visit, Work::Light, decode).await.map(one)
}

/// Takes a notification of a registry: one event for each tag that was pushed.
pub(crate) async fn registry(
    gateway: &Gateway,
    source: &Registry,
    request: Request,
    visit: &mut Visit<'_>,
) -> Result<Accepted, Refusal> {
    let (kind, arrived) = (source.kind, gateway.clock.now());
    let decode = move |delivery: &webhook::Delivery| {
        let event = optional(&delivery.headers, "X-GitHub-Event")?;
        registry::decode(kind, event, &delivery.body, arrived).map_err(Refusal::NoWebhook)
    };
    webhook::take(gateway, &source.credential, request, visit, Work::Light, decode).await.map(Accepted::Each)
}

/// Takes a notification of Argo CD, made with our template: one event.
pub(crate) async fn argocd(
    gateway: &Gateway,
    source: &Argocd,
    request: Request,
    visit: &mut Visit<'_>,
) -> Result<Accepted, Refusal> {
    let decode = |delivery: &webhook::Delivery| {
        let event = argocd::decode(&delivery.body).map_err(Refusal::NoWebhook)?;
        Ok(vec![event])
    };
    webhook::take(gateway, &source.credential, request, visit, Work::Light, decode).await.map(one)
}

fn one(taken: Vec<Taken>) -> Accepted {
    Accepted::One(taken.into_iter().next().expect("a delivery is one event"))
}

fn is_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn optional<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<Option<&'h str>, Refusal> {
    match header::find(headers, name) {
        Found::Absent => Ok(None),
        Found::Once(_) | Found::Repeated => header::required(headers, name, LONGEST_ID, is_id).map(Some),
    }
}

//! The public address: `POST /hooks/{source}`, `OPTIONS` for the handshake of CloudEvents, and nothing else.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::any;
use resources::SourceKind;

use crate::answer::Granted;
use crate::linger::linger;
use crate::refusal::Refusal;
use crate::visit::Visit;
use crate::{Gateway, alertmanager, cloudevents, forge, generic, github, place};

/// Every path and every method is answered here, so that every answer is counted and is JSON.
pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/hooks/{source}", any(hook))
        .fallback(elsewhere)
        .layer(axum::middleware::from_fn(linger))
        .with_state(gateway)
}

async fn hook(
    State(gateway): State<Arc<Gateway>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    // A name that cannot be decoded is no name of a source.
    let name = name.map(|Path(name)| name).unwrap_or_default();
    let mut visit = Visit::begin(&gateway, &name, gateway.clock.now());
    let result = take(&gateway, &name, request, &mut visit).await;
    answer(&gateway, visit, result)
}

async fn elsewhere(State(gateway): State<Arc<Gateway>>) -> Response {
    let visit = Visit::begin(&gateway, "", gateway.clock.now());
    answer(&gateway, visit, Err(Refusal::NoSuchAddress))
}

async fn take(
    gateway: &Gateway,
    name: &str,
    request: Request,
    visit: &mut Visit<'_>,
) -> Result<Granted, Refusal> {
    // The catalog in force now: a source that was added a moment ago is there.
    let catalog = gateway.catalog.get();
    // To a clock nobody posts.
    let posted = |kind: &SourceKind| !matches!(kind, SourceKind::Schedule(_));
    let source =
        catalog.sources.get(name).filter(|source| posted(&source.kind)).ok_or(Refusal::NoSuchSource)?;
    visit.knows(source);
    if source.retired {
        return Err(Refusal::Retired);
    }
    place::check(&source.guard, request.headers(), request.extensions())?;
    if let (SourceKind::CloudEvents(cloudevents), &Method::OPTIONS) = (&source.kind, request.method()) {
        return cloudevents::shake_hands(cloudevents, request.headers()).map(Granted::Permitted);
    }
    if request.method() != Method::POST {
        return Err(Refusal::NotPost);
    }
    match &source.kind {
        SourceKind::Github(github) => github::take(gateway, github, request, visit).await,
        SourceKind::Alertmanager(alertmanager) => {
            alertmanager::take(gateway, alertmanager, request, visit).await
        }
        SourceKind::CloudEvents(cloudevents) => cloudevents::take(gateway, cloudevents, request, visit).await,
        SourceKind::Gitea(gitea) => forge::gitea(gateway, gitea, request, visit).await,
        SourceKind::Gitlab(gitlab) => forge::gitlab(gateway, gitlab, request, visit).await,
        SourceKind::Registry(registry) => forge::registry(gateway, registry, request, visit).await,
        SourceKind::Argocd(argocd) => forge::argocd(gateway, argocd, request, visit).await,
        SourceKind::Generic(generic) => generic::take(gateway, generic, request, visit).await,
        SourceKind::Schedule(_) => Err(Refusal::NoSuchSource),
    }
    .map(Granted::Accepted)
}

fn answer(gateway: &Gateway, visit: Visit<'_>, result: Result<Granted, Refusal>) -> Response {
    match result {
        Ok(Granted::Permitted(permission)) => {
            visit.permitted(&permission);
            permission.into_response()
        }
        Ok(Granted::Accepted(accepted)) => {
            visit.accepted(&accepted);
            accepted.into_response()
        }
        Err(refusal) => {
            visit.refused(&refusal);
            refusal.into_response(gateway.limits.retry_after)
        }
    }
}

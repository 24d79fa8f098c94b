//! A notification of Alertmanager: gather -> decide -> apply.

use axum::extract::Request;
use events::payload::alert::Alert;
use events::{Envelope, alertmanager};
use resources::source::Alertmanager;

use crate::answer::Accepted;
use crate::header;
use crate::proof::Token;
use crate::refusal::{Refusal, Unproven};
use crate::secrets::LiveSecrets;
use crate::visit::Visit;
use crate::{Gateway, beside, publish};

/// Takes a notification: one event per alert, all of them or none.
pub(crate) async fn take(
    gateway: &Gateway,
    source: &Alertmanager,
    request: Request,
    visit: &mut Visit<'_>,
) -> Result<Accepted, Refusal> {
    let limits = &gateway.limits;
    let limit = visit.body_limit(limits.alertmanager_body);
    let (parts, body) = request.into_parts();

    let announced = header::announced_length(&parts.headers, limit)?;
    header::is_json(&parts.headers)?;
    let shown = Token::find(&parts.headers, None)?;
    let secrets = LiveSecrets::read(&source.tokens);
    visit.used(&secrets);
    // The token does not depend on the body, so a stranger's body is not even read.
    secrets.prove(|secret| shown.is(secret), Unproven::WrongToken)?;
    let held = gateway.bodies.read(body, announced, limit, limits.body_within).await?;
    visit.read(held.bytes.len());

    let (bytes, share) = held.into_parts();
    let events = beside::run(bytes.len(), move || alertmanager::decode(&bytes))
        .await?
        .map_err(Refusal::NoNotification)?;
    visit.carries(&events);

    visit.take_turn()?;
    let taken = publish::each(&*gateway.bus, &events, limits.publish_within).await?;
    drop(share);
    for (event, taken) in events.iter().zip(&taken) {
        gateway.stored(visit, event, taken);
    }
    tell_truncated(gateway, visit, &events);
    Ok(Accepted::Each(taken))
}

/// Alerts that Alertmanager cut off are lost to everybody; at least nobody shall be in the dark about it.
fn tell_truncated(gateway: &Gateway, visit: &Visit<'_>, events: &[Envelope]) {
    // Every alert of a notification says the same number.
    let truncated = events
        .first()
        .and_then(|event| event.payload::<Alert>().ok())
        .map_or(0, |alert| alert.truncated_alerts);
    if truncated > 0 {
        gateway.metrics.truncated_alerts.inc_by(truncated);
        tracing::warn!(
            source = visit.source(),
            truncated_alerts = truncated,
            "Alertmanager left alerts out of its notification: raise or remove max_alerts of the webhook_config"
        );
    }
}

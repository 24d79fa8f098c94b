//! The way of every webhook that is no protocol of its own: gather -> decide -> apply.

use axum::extract::Request;
use axum::http::HeaderMap;
use events::Envelope;
use resources::source::Credential;

use crate::credential::Shown;
use crate::publish::Taken;
use crate::refusal::Refusal;
use crate::secrets::LiveSecrets;
use crate::visit::Visit;
use crate::{Gateway, beside, header, publish};

/// A request whose sender is proven.
pub(crate) struct Delivery {
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// What follows the `?` in its address.
    pub(crate) query: Option<String>,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

/// How long it may take to make events of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// In proportion to the body.
    Light,
    /// Up to a second, whatever the body: expressions of the user's.
    Heavy,
}

/// Takes a delivery: proves its sender, has `decode` make events of it, and puts all of them on the bus, or none.
pub(crate) async fn take(
    gateway: &Gateway,
    credential: &Credential,
    request: Request,
    visit: &mut Visit<'_>,
    work: Work,
    decode: impl FnOnce(&Delivery) -> Result<Vec<Envelope>, Refusal> + Send + 'static,
) -> Result<Vec<Taken>, Refusal> {
    let limits = &gateway.limits;
    let limit = visit.body_limit(limits.webhook_body);
    let (parts, body) = request.into_parts();
    let (headers, query) = (parts.headers, parts.uri.query().map(str::to_owned));

    let announced = header::announced_length(&headers, limit)?;
    header::is_some_json(&headers)?;
    let shown = Shown::find(credential, &headers, query.as_deref(), gateway.clock.now())?;
    let secrets = LiveSecrets::read(credential.secrets());
    visit.used(&secrets);
    if !shown.covers_the_body() {
        // A stranger's body is not even read.
        shown.prove(&secrets, &headers, &[])?;
    }
    let held = gateway.bodies.read(body, announced, limit, limits.body_within).await?;
    visit.read(held.bytes.len());

    let (body, share) = held.into_parts();
    let bytes = match work {
        Work::Light => body.len(),
        Work::Heavy => usize::MAX,
    };
    let events = beside::run(bytes, move || {
        if shown.covers_the_body() {
            shown.prove(&secrets, &headers, &body)?;
        }
        decode(&Delivery { headers, query, body })
    })
    .await??;
    visit.carries(&events);

    visit.take_turn()?;
    let taken = publish::each(&*gateway.bus, &events, limits.publish_within).await?;
    drop(share);
    for (event, taken) in events.iter().zip(&taken) {
        gateway.stored(visit, event, taken);
    }
    Ok(taken)
}

//! A delivery of GitHub: gather -> decide -> apply.

use axum::extract::Request;
use axum::http::HeaderMap;
use events::{Envelope, github};
use resources::source::{Github, Origin};

use crate::answer::Accepted;
use crate::header;
use crate::proof::Signature;
use crate::refusal::{Refusal, Unproven};
use crate::secrets::LiveSecrets;
use crate::visit::Visit;
use crate::{Gateway, beside, publish};

const EVENT: &str = "X-GitHub-Event";
const DELIVERY: &str = "X-GitHub-Delivery";
const HOOK: &str = "X-GitHub-Hook-ID";

/// Longest name of an event, in characters. The longest that GitHub has, `repository_vulnerability_alert` and the like,
/// have some 40.
const LONGEST_EVENT: usize = 64;
/// Longest id of a delivery, in characters. GitHub's are GUIDs (36); others that sign like GitHub have their own.
const LONGEST_DELIVERY: usize = 128;

/// Takes a delivery.
pub(crate) async fn take(
    gateway: &Gateway,
    source: &Github,
    request: Request,
    visit: &mut Visit<'_>,
) -> Result<Accepted, Refusal> {
    let limits = &gateway.limits;
    let limit = visit.body_limit(limits.github_body);
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    if let Ok((event, delivery)) = names(&headers) {
        visit.claims(delivery, format!("{}{event}", github::TYPE_PREFIX));
    }

    let announced = header::announced_length(&headers, limit)?;
    header::is_json(&headers)?;
    // An unsigned body is not worth reading.
    let signature = Signature::find(&headers)?;
    let held = gateway.bodies.read(body, announced, limit, limits.body_within).await?;
    visit.read(held.bytes.len());
    let secrets = LiveSecrets::read(&source.secrets);
    visit.used(&secrets);

    let (bytes, share) = held.into_parts();
    let repositories = source.repositories.clone();
    let event =
        beside::run(bytes.len(), move || decide(&headers, signature, &bytes, &secrets, &repositories))
            .await??;
    visit.carries(std::slice::from_ref(&event));

    visit.take_turn()?;
    let taken = publish::one(&*gateway.bus, &event, limits.publish_within).await?;
    drop(share);
    gateway.stored(visit, &event, &taken);
    Ok(Accepted::One(taken))
}

/// Proven first, read afterwards: nothing parses what nobody vouches for.
fn decide(
    headers: &HeaderMap,
    signature: Signature,
    body: &[u8],
    secrets: &LiveSecrets,
    repositories: &[String],
) -> Result<Envelope, Refusal> {
    secrets.prove(|secret| signature.is_of(body, secret), Unproven::WrongSignature)?;
    let (event, delivery) = names(headers)?;
    let decode = if headers.contains_key(HOOK) { github::decode_of_hook } else { github::decode };
    let event = decode(event, delivery, body).map_err(Refusal::NoDelivery)?;
    Origin::of(&event).admit(event, repositories).map_err(Refusal::Foreign)
}

/// The name of the event and the id of the delivery.
fn names(headers: &HeaderMap) -> Result<(&str, &str), Refusal> {
    let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let is_id = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let event = header::required(headers, EVENT, LONGEST_EVENT, is_name)?;
    let delivery = header::required(headers, DELIVERY, LONGEST_DELIVERY, is_id)?;
    Ok((event, delivery))
}

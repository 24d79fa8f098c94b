//! CloudEvents over HTTP: gather -> decide -> apply.

mod claims;
mod handshake;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use events::Envelope;
use events::http::{self, ContentMode};
use resources::SecretRef;
use resources::source::{CloudEvents, Proof};
use tokio::time::Instant;

pub(crate) use claims::Claim;
pub(crate) use handshake::{Permission, shake_hands};

use crate::answer::Accepted;
use crate::proof::{Signature, Token};
use crate::rate::{Caller, Turn};
use crate::refusal::{Refusal, Unproven};
use crate::secrets::LiveSecrets;
use crate::visit::Visit;
use crate::{Gateway, beside, header, publish};

/// Takes a delivery: one event, or a batch of which all are on the bus before it is accepted.
pub(crate) async fn take(
    gateway: &Gateway,
    source: &CloudEvents,
    request: Request,
    visit: &mut Visit<'_>,
) -> Result<Accepted, Refusal> {
    let mut turn = None;
    let result = deliver(gateway, source, request, visit, &mut turn).await;
    // What failed because of us will come again, and must not be late because of us, too.
    if let (Err(refusal), Some(turn)) = (&result, turn)
        && refusal.status().is_server_error()
    {
        turn.give_back();
    }
    result
}

async fn deliver<'g>(
    gateway: &'g Gateway,
    source: &CloudEvents,
    request: Request,
    visit: &mut Visit<'_>,
    turn: &mut Option<Turn<'g>>,
) -> Result<Accepted, Refusal> {
    let limits = &gateway.limits;
    let limit = visit.body_limit(limits.cloudevents_body);
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;

    let announced = header::announced_length(headers, limit)?;
    header::is_plain(headers)?;
    let mode = http::mode(texts(headers)).map_err(Refusal::NoCloudEvent)?;
    let caller = Caller { source: visit.source().to_owned(), origin: handshake::origin(source, headers)? };
    let mut count = |caller| match source.rate.map(|rate| gateway.rates.take(caller, rate, Instant::now())) {
        None => Ok(()),
        Some(Ok(taken)) => {
            *turn = Some(taken);
            Ok(())
        }
        Some(Err(after)) => Err(Refusal::TooOften { after }),
    };
    let events = match &source.proof {
        Proof::Tokens(tokens) => {
            // The token does not depend on the body, so a stranger's body is not even read.
            prove_token(tokens, &parts, visit)?;
            count(caller)?;
            let held = gateway.bodies.read(body, announced, limit, limits.body_within).await?;
            visit.read(held.bytes.len());
            let headers = headers.clone();
            let (bytes, share) = held.into_parts();
            let events = beside::run(bytes.len(), move || decode(&headers, &bytes)).await??;
            (events, share)
        }
        Proof::Secrets(secrets) => {
            let signature = Signature::find(headers)?;
            if mode == ContentMode::Binary {
                return Err(Refusal::Unproven(Unproven::Uncovered));
            }
            let held = gateway.bodies.read(body, announced, limit, limits.body_within).await?;
            visit.read(held.bytes.len());
            let live = LiveSecrets::read(secrets);
            visit.used(&live);
            let headers = headers.clone();
            let (bytes, share) = held.into_parts();
            let events = beside::run(bytes.len(), move || {
                live.prove(|secret| signature.is_of(&bytes, secret), Unproven::WrongSignature)?;
                decode(&headers, &bytes)
            })
            .await??;
            count(caller)?;
            (events, share)
        }
    };
    let (events, share) = events;
    visit.carries(&events);
    claims::check(source, &events, mode)?;

    let taken = publish::each(&*gateway.bus, &events, limits.publish_within).await?;
    drop(share);
    for (event, taken) in events.iter().zip(&taken) {
        gateway.stored(visit, event, taken);
    }
    Ok(match mode {
        ContentMode::Batched => Accepted::Each(taken),
        ContentMode::Binary | ContentMode::Structured => {
            Accepted::One(taken.into_iter().next().expect("these modes carry one event"))
        }
    })
}

fn prove_token(tokens: &[SecretRef], parts: &Parts, visit: &Visit<'_>) -> Result<(), Refusal> {
    let shown = Token::find(&parts.headers, parts.uri.query())?;
    let live = LiveSecrets::read(tokens);
    visit.used(&live);
    live.prove(|secret| shown.is(secret), Unproven::WrongToken)
}

fn decode(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Envelope>, Refusal> {
    let events = http::decode(texts(headers), body).map_err(Refusal::NoCloudEvent)?;
    claims::not_too_many(events.len())?;
    Ok(events)
}

fn texts(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

//! The claim check: a body that is too large to travel with its event goes to the store, and the event carries
//! `dataref` (the CloudEvents extension of that name) instead.

use events::{Envelope, extension};
use thiserror::Error;

use crate::bus::Undecodable;
use crate::{Store, StoreError};

/// Largest body that travels with its event over NATS. A quarter of the 1 MiB that a server takes by default, so that
/// headers and many messages in flight fit too.
pub const INLINE_BYTES: usize = 256 * 1024;
/// Largest body that is kept in the embedded log. A dead letter has the whole event, and lies in sled, which writes a
/// node of its tree that is larger than a quarter of a segment to a file of its own, without any fsync; a node holds some
/// 16 entries, so that 16 bodies of this size must stay below that ([`crate::embedded`] sets the segment size).
pub const EMBEDDED_INLINE_BYTES: usize = 64 * 1024;
/// Largest body that is taken at all: GitHub caps its payloads at 25 MB.
pub const MAX_BYTES: usize = 25 * 1024 * 1024;

/// What our `dataref` begins with; the name of the body in the store follows.
pub(crate) const SCHEME: &str = "signalbox-blob:";

/// Why a body could not be fetched.
#[derive(Debug, Error)]
pub enum ClaimError {
    /// The store does not answer.
    #[error("cannot fetch the body {name}")]
    Store {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The store has no such body.
    #[error("the body {0} is not in the store")]
    Lost(String),
}

/// Puts a body of more than `inline` bytes aside. Returns the event as it travels, or `None` when it travels as it is.
pub async fn check_in(
    store: &dyn Store,
    event: &Envelope,
    inline: usize,
) -> Result<Option<Envelope>, StoreError> {
    if event.body().len() <= inline {
        return Ok(None);
    }
    let name = store.put_blob(event.body()).await?;
    let light =
        event.to_builder().without_body().extension(extension::DATAREF, format!("{SCHEME}{name}")).build();
    Ok(Some(light.expect("a valid event stays valid without its body and with a dataref")))
}

/// Whether an event's body is in the store: its `dataref` is one of ours.
pub fn is_checked_in(event: &Envelope) -> bool {
    event.extension(extension::DATAREF).is_some_and(|reference| reference.starts_with(SCHEME))
}

/// The name of the body that was put aside by [`check_in`], if one was.
pub fn name(event: &Envelope) -> Option<String> {
    event.extension(extension::DATAREF)?.strip_prefix(SCHEME).map(str::to_owned)
}

/// Brings a body back that was put aside by [`check_in`]; a `dataref` of somebody else is left alone.
pub async fn check_out(store: &dyn Store, event: Envelope) -> Result<Envelope, ClaimError> {
    let Some(reference) = event.extension(extension::DATAREF) else {
        return Ok(event);
    };
    let Some(name) = reference.strip_prefix(SCHEME).map(str::to_owned) else {
        return Ok(event);
    };
    let body = match store.get_blob(&name).await {
        Ok(Some(body)) => body,
        Ok(None) => return Err(ClaimError::Lost(name)),
        Err(source) => return Err(ClaimError::Store { name, source }),
    };
    let builder = event.to_builder().without_extension(extension::DATAREF).untyped_body(body);
    Ok(builder.build().expect("a valid event stays valid with its body back"))
}

/// What is left of an event whose body is gone: all but the body.
pub fn without_body(light: &Envelope, why: &ClaimError) -> Undecodable {
    let events::nats::Message { subject, headers, payload } = events::nats::encode(light);
    Undecodable { subject, headers, payload, reason: reason(why) }
}

/// As [`check_out`], for a reader of many: an event whose body cannot be had must not hide the others.
pub async fn check_out_or_keep(store: &dyn Store, light: Envelope) -> Result<Envelope, Undecodable> {
    if light.extension(extension::DATAREF).is_none() {
        return Ok(light);
    }
    let kept = light.clone();
    check_out(store, light).await.map_err(|error| without_body(&kept, &error))
}

fn reason(error: &ClaimError) -> String {
    match error {
        ClaimError::Store { source, .. } => format!("{error}: {source}"),
        ClaimError::Lost(_) => error.to_string(),
    }
}

//! The envelope: a CloudEvents 1.0 event that is valid by construction.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use cloudevents::event::ExtensionValue;
use cloudevents::{AttributesReader as _, Data, Event};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::media::MediaType;
use crate::{Payload, extension};

mod builder;
#[cfg(test)]
mod tests;

pub use builder::EnvelopeBuilder;

/// A valid CloudEvents 1.0 event.
///
/// The body is kept as the bytes that came in, whatever its media type: a signed or foreign body stays untouched.
#[derive(Clone, PartialEq)]
pub struct Envelope {
    event: Event,
}

impl Envelope {
    /// Starts an event with the three attributes that identify it.
    pub fn builder(
        id: impl Into<String>,
        source: impl Into<String>,
        ty: impl Into<String>,
    ) -> EnvelopeBuilder {
        EnvelopeBuilder::new(id.into(), source.into(), ty.into())
    }

    /// Unique within `source`.
    pub fn id(&self) -> &str {
        self.event.id()
    }

    /// Where it happened: a URI-reference.
    pub fn source(&self) -> &str {
        self.event.source()
    }

    /// The event type, for example `com.github.push`.
    pub fn ty(&self) -> &str {
        self.event.ty()
    }

    /// What it is about, within the source.
    pub fn subject(&self) -> Option<&str> {
        self.event.subject()
    }

    /// When it happened.
    pub fn time(&self) -> Option<DateTime<Utc>> {
        self.event.time().copied()
    }

    /// Media type of the body.
    pub fn datacontenttype(&self) -> Option<&str> {
        self.event.datacontenttype()
    }

    /// Schema of the body, an absolute URI.
    pub fn dataschema(&self) -> Option<&str> {
        self.event.dataschema().map(url_text)
    }

    /// The body's bytes; empty when there is none.
    pub fn body(&self) -> &[u8] {
        match self.event.data() {
            Some(Data::Binary(bytes)) => bytes,
            // `EnvelopeBuilder::build` stores nothing but bytes.
            Some(Data::String(_) | Data::Json(_)) | None => &[],
        }
    }

    /// Whether there is a body. An empty one is none: binary modes cannot tell the two apart.
    pub fn has_body(&self) -> bool {
        self.event.data().is_some()
    }

    /// Whether the media type says JSON (`*/json` or `*/*+json`, parameters and case aside).
    ///
    /// An absent media type is taken for JSON, leniently: most senders that forget it send JSON. [`Self::json`] tells
    /// whether it is.
    pub fn is_json(&self) -> bool {
        self.datacontenttype().is_none_or(is_json)
    }

    /// The body as JSON; `null` when there is no body.
    pub fn json(&self) -> Result<Value, serde_json::Error> {
        if self.body().is_empty() { Ok(Value::Null) } else { serde_json::from_slice(self.body()) }
    }

    /// The body as one of our own payloads.
    pub fn payload<P: Payload>(&self) -> Result<P, serde_json::Error> {
        self.typed()
    }

    /// The body as any type that it can be read into.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.body())
    }

    /// An extension attribute in its canonical string form.
    pub fn extension(&self, name: &str) -> Option<Cow<'_, str>> {
        self.event.extension(name).map(|value| match value {
            ExtensionValue::String(text) => Cow::Borrowed(text.as_str()),
            ExtensionValue::Boolean(flag) => Cow::Owned(flag.to_string()),
            ExtensionValue::Integer(number) => Cow::Owned(number.to_string()),
        })
    }

    /// All extension attributes, sorted by name, in canonical string form.
    pub fn extensions(&self) -> Vec<(&str, Cow<'_, str>)> {
        let mut all: Vec<_> = self
            .event
            .iter_extensions()
            .filter_map(|(name, _)| self.extension(name).map(|value| (name, value)))
            .collect();
        all.sort_unstable_by(|a, b| a.0.cmp(b.0));
        all
    }

    /// Id of the root of this event's story: `correlationid`, or its own id.
    pub fn correlation_id(&self) -> Cow<'_, str> {
        self.extension(extension::CORRELATION_ID).unwrap_or(Cow::Borrowed(self.id()))
    }

    /// Id of the event that this one answers.
    pub fn causation_id(&self) -> Option<Cow<'_, str>> {
        self.extension(extension::CAUSATION_ID)
    }

    /// W3C trace context.
    pub fn traceparent(&self) -> Option<Cow<'_, str>> {
        self.extension(extension::TRACEPARENT)
    }

    /// What must stay in order: `partitionkey`, or else the source and subject.
    pub fn partition_key(&self) -> Cow<'_, str> {
        self.extension(extension::PARTITION_KEY).unwrap_or_else(|| match self.subject() {
            Some(subject) => Cow::Owned(format!("{}#{subject}", self.source())),
            None => Cow::Borrowed(self.source()),
        })
    }

    /// Name of the replay that this event is delivered in, or descends from; what no replay can be called is none.
    pub fn replay_run(&self) -> Option<Cow<'_, str>> {
        self.extension(extension::REPLAY_RUN).filter(|run| extension::names_a_replay(run))
    }

    /// Derivations since the root: 0 for an event from outside.
    pub fn hops(&self) -> u32 {
        self.extension(extension::HOPS).and_then(|hops| hops.parse().ok()).unwrap_or(0)
    }

    /// The underlying event of the CloudEvents SDK.
    pub fn as_event(&self) -> &Event {
        &self.event
    }

    /// A builder that holds all that this event holds, to change a part of it.
    pub fn to_builder(&self) -> EnvelopeBuilder {
        let mut builder = Self::builder(self.id(), self.source(), self.ty());
        builder.subject = self.subject().map(str::to_owned);
        builder.time = self.time();
        builder.datacontenttype = self.datacontenttype().map(str::to_owned);
        builder.dataschema = self.dataschema().map(str::to_owned);
        builder.extensions = self
            .extensions()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into_owned()))
            .collect();
        builder.body = self.has_body().then(|| self.body().to_vec());
        builder
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.id())
            .field("source", &self.source())
            .field("type", &self.ty())
            .field("subject", &self.subject())
            .field("extensions", &self.extensions())
            .field("body_bytes", &self.body().len())
            .finish_non_exhaustive()
    }
}

fn url_text(url: &impl AsRef<str>) -> &str {
    url.as_ref()
}

/// Whether a media type is JSON, by the rule of the JSON event format.
pub fn is_json(media_type: &str) -> bool {
    MediaType::parse(media_type).is_json()
}

//! The envelope: a CloudEvents 1.0 event that is valid by construction.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use cloudevents::event::ExtensionValue;
use cloudevents::{AttributesReader, AttributesWriter, Data, Event};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::media::MediaType;
use crate::validate::{self, InvalidEnvelope};
use crate::{Payload, extension};

#[cfg(test)]
mod tests;

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
        if self.body().is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice(self.body())
        }
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
        self.extension(extension::CORRELATION_ID)
            .unwrap_or(Cow::Borrowed(self.id()))
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
        self.extension(extension::PARTITION_KEY)
            .unwrap_or_else(|| match self.subject() {
                Some(subject) => Cow::Owned(format!("{}#{subject}", self.source())),
                None => Cow::Borrowed(self.source()),
            })
    }

    /// Derivations since the root: 0 for an event from outside.
    pub fn hops(&self) -> u32 {
        self.extension(extension::HOPS)
            .and_then(|hops| hops.parse().ok())
            .unwrap_or(0)
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

/// Builds an [`Envelope`]; `build` validates it.
#[derive(Debug, Clone)]
pub struct EnvelopeBuilder {
    id: String,
    source: String,
    ty: String,
    subject: Option<String>,
    time: Option<DateTime<Utc>>,
    datacontenttype: Option<String>,
    dataschema: Option<String>,
    extensions: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl EnvelopeBuilder {
    fn new(id: String, source: String, ty: String) -> Self {
        Self {
            id,
            source,
            ty,
            subject: None,
            time: None,
            datacontenttype: None,
            dataschema: None,
            extensions: Vec::new(),
            body: None,
        }
    }

    /// Sets what the event is about.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets when it happened.
    #[must_use]
    pub fn time(mut self, time: DateTime<Utc>) -> Self {
        self.time = Some(time);
        self
    }

    /// Sets the body and its media type.
    #[must_use]
    pub fn body(mut self, datacontenttype: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.datacontenttype = Some(datacontenttype.into());
        self.body = Some(bytes.into());
        self
    }

    /// Sets the body alone, for an event whose sender named no media type.
    #[must_use]
    pub fn untyped_body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Some(bytes.into());
        self
    }

    /// Takes the body away; the media type stays (it describes what `dataref` points at).
    #[must_use]
    pub fn without_body(mut self) -> Self {
        self.body = None;
        self
    }

    /// Sets the media type alone.
    #[must_use]
    pub fn datacontenttype(mut self, datacontenttype: impl Into<String>) -> Self {
        self.datacontenttype = Some(datacontenttype.into());
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string())
    }

    /// Sets the schema of the body, an absolute URI.
    #[must_use]
    pub fn dataschema(mut self, dataschema: impl Into<String>) -> Self {
        self.dataschema = Some(dataschema.into());
        self
    }

    /// Sets an extension attribute, in its canonical string form; a later one of the same name wins.
    #[must_use]
    pub fn extension(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.extensions.retain(|(known, _)| *known != name);
        self.extensions.push((name, value.into()));
        self
    }

    /// Takes an extension attribute away.
    #[must_use]
    pub fn without_extension(mut self, name: &str) -> Self {
        self.extensions.retain(|(known, _)| known != name);
        self
    }

    /// Sets what must stay in order.
    #[must_use]
    pub fn partition_key(self, key: impl Into<String>) -> Self {
        self.extension(extension::PARTITION_KEY, key)
    }

    /// Checks every rule of the specification and makes the event.
    pub fn build(self) -> Result<Envelope, InvalidEnvelope> {
        let Self {
            id,
            source,
            ty,
            subject,
            time,
            datacontenttype,
            dataschema,
            extensions,
            body,
        } = self;
        required("id", &id)?;
        required("source", &source)?;
        required("type", &ty)?;
        validate::string("id", &id)?;
        validate::uri_reference("source", &source)?;
        validate::event_type("type", &ty)?;
        if let Some(subject) = &subject {
            optional("subject", subject)?;
            validate::string("subject", subject)?;
        }
        if let Some(media_type) = &datacontenttype {
            optional("datacontenttype", media_type)?;
            validate::media_type("datacontenttype", media_type)?;
        }
        if let Some(time) = time {
            validate::time("time", time)?;
        }
        let mut event = Event::default();
        event.set_id(id);
        event.set_source(source);
        event.set_type(ty);
        event.set_subject(subject);
        event.set_time(time);
        if let Some(schema) = dataschema {
            optional("dataschema", &schema)?;
            validate::uri_reference("dataschema", &schema)?;
            let url = cloudevents::event::TryIntoUrl::into_url(schema.as_str())
                .map_err(|_| validate::wrong_type("dataschema", &schema, "an absolute URI"))?;
            // The SDK keeps it in normal form, which can be longer.
            validate::string("dataschema", url.as_str())?;
            event.set_dataschema(Some(url));
        }
        for (name, value) in extensions {
            validate::extension_name(&name)?;
            optional(&name, &value)?;
            validate::string(&name, &value)?;
            event.set_extension(&name, value);
        }
        if let Some(body) = body.filter(|body| !body.is_empty()) {
            event.set_data_unchecked(Data::Binary(body));
        }
        event.set_datacontenttype(datacontenttype);
        Ok(Envelope { event })
    }
}

fn required(name: &'static str, value: &str) -> Result<(), InvalidEnvelope> {
    if value.is_empty() {
        Err(InvalidEnvelope::Missing(name))
    } else {
        Ok(())
    }
}

fn optional(name: &str, value: &str) -> Result<(), InvalidEnvelope> {
    if value.is_empty() {
        Err(InvalidEnvelope::Empty(name.to_owned()))
    } else {
        Ok(())
    }
}

fn url_text(url: &impl AsRef<str>) -> &str {
    url.as_ref()
}

/// Whether a media type is JSON, by the rule of the JSON event format.
pub fn is_json(media_type: &str) -> bool {
    MediaType::parse(media_type).is_json()
}

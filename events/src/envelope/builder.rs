//! From attributes to a valid event.

use chrono::{DateTime, Utc};
use cloudevents::event::TryIntoUrl as _;
use cloudevents::{AttributesWriter as _, Data, EventBuilder as _, EventBuilderV10};
use serde_json::Value;

use super::Envelope;
use crate::extension;
use crate::validate::{self, InvalidEnvelope};

/// Builds an [`Envelope`]; `build` validates it.
#[derive(Debug, Clone)]
pub struct EnvelopeBuilder {
    pub(super) id: String,
    pub(super) source: String,
    pub(super) ty: String,
    pub(super) subject: Option<String>,
    pub(super) time: Option<DateTime<Utc>>,
    pub(super) datacontenttype: Option<String>,
    pub(super) dataschema: Option<String>,
    pub(super) extensions: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
}

impl EnvelopeBuilder {
    pub(super) fn new(id: String, source: String, ty: String) -> Self {
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
        let Self { id, source, ty, subject, time, datacontenttype, dataschema, extensions, body } = self;
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
        // Not `Event::default`, which reads the clock, the host's name and random numbers.
        let mut event = EventBuilderV10::new()
            .id(id)
            .source(source)
            .ty(ty)
            .build()
            .expect("the three required attributes are there, and the source is not empty");
        event.set_subject(subject);
        event.set_time(time);
        if let Some(schema) = dataschema {
            optional("dataschema", &schema)?;
            validate::uri_reference("dataschema", &schema)?;
            let url = schema
                .as_str()
                .into_url()
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
    if value.is_empty() { Err(InvalidEnvelope::Missing(name)) } else { Ok(()) }
}

fn optional(name: &str, value: &str) -> Result<(), InvalidEnvelope> {
    if value.is_empty() { Err(InvalidEnvelope::Empty(name.to_owned())) } else { Ok(()) }
}

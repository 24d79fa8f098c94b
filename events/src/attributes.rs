//! Attributes by name, as every binding and format sees them.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::{Envelope, EnvelopeBuilder, InvalidEnvelope, validate};

/// The version of CloudEvents that Signalbox speaks.
pub(crate) const SPEC_VERSION: &str = "1.0";

/// Every attribute that is set, by name and sorted by it, in canonical string form; without the body.
pub(crate) fn of(envelope: &Envelope) -> Vec<(&str, Cow<'_, str>)> {
    let mut all = envelope.extensions();
    all.push(("specversion", Cow::Borrowed(SPEC_VERSION)));
    all.push(("id", Cow::Borrowed(envelope.id())));
    all.push(("source", Cow::Borrowed(envelope.source())));
    all.push(("type", Cow::Borrowed(envelope.ty())));
    let optional = [
        ("subject", envelope.subject()),
        ("datacontenttype", envelope.datacontenttype()),
        ("dataschema", envelope.dataschema()),
    ];
    all.extend(optional.into_iter().filter_map(|(name, value)| Some((name, Cow::Borrowed(value?)))));
    if let Some(time) = envelope.time() {
        all.push(("time", Cow::Owned(time_text(time))));
    }
    all.sort_unstable_by_key(|(name, _)| *name);
    all
}

/// RFC 3339 in UTC, with as many digits as needed.
pub(crate) fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Attributes on their way in.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    values: Vec<(String, String)>,
}

impl Attributes {
    /// Takes one attribute in canonical string form. A name that comes twice is refused, unless the values agree.
    pub fn set(&mut self, name: String, value: String) -> Result<(), InvalidEnvelope> {
        match self.get(&name) {
            Some(known) if known == value => Ok(()),
            Some(_) => Err(InvalidEnvelope::Duplicate(name)),
            None => {
                self.values.push((name, value));
                Ok(())
            }
        }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A builder that holds them all; the body is still to come, and most checks are still to be made by
    /// [`EnvelopeBuilder::build`].
    pub fn into_builder(mut self) -> Result<EnvelopeBuilder, InvalidEnvelope> {
        match self.take("specversion") {
            None => return Err(InvalidEnvelope::Missing("specversion")),
            Some(version) if version == SPEC_VERSION => {}
            Some(version) => return Err(InvalidEnvelope::SpecVersion(version)),
        }
        let mut required = |name| self.take(name).ok_or(InvalidEnvelope::Missing(name));
        let mut builder = Envelope::builder(required("id")?, required("source")?, required("type")?);
        for (name, value) in self.values {
            builder = match name.as_str() {
                "subject" => builder.subject(value),
                "time" => builder.time(parse_time("time", &value)?),
                "datacontenttype" => builder.datacontenttype(value),
                "dataschema" => builder.dataschema(value),
                _ => builder.extension(name, value),
            };
        }
        Ok(builder)
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.values.iter().position(|(known, _)| known == name)?;
        Some(self.values.swap_remove(at).1)
    }
}

fn parse_time(name: &str, value: &str) -> Result<DateTime<Utc>, InvalidEnvelope> {
    DateTime::parse_from_rfc3339(value)
        .map(|time| time.with_timezone(&Utc))
        .map_err(|_| validate::wrong_type(name, value, "an RFC 3339 timestamp such as 2026-09-01T10:00:00Z"))
}

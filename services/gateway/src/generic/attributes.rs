//! From a request to the attributes of its event, by the expressions of its Source. Pure.

use std::collections::HashMap;

use cel::objects::Key;
use cel::{ExecutionError, Value};
use chrono::{DateTime, Utc};
use events::{Envelope, InvalidEnvelope};
use percent_encoding::percent_decode_str;
use resources::condition::{EvaluateError, Expression, MAX_ITEMS, Scope, of_json, type_of};
use resources::source::{Generic, is_type_of_ours};
use sha2::{Digest as _, Sha256};
use strum::{Display, EnumIter, IntoStaticStr};
use thiserror::Error;

use super::is_shown;
use crate::refusal::Refusal;
use crate::webhook::Delivery;

/// An expression of a Source, by its name there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr, EnumIter)]
#[strum(serialize_all = "camelCase")]
pub(crate) enum Field {
    Type,
    Id,
    Subject,
    Time,
    PartitionKey,
}

impl Field {
    /// The label of the metric.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// Why the expressions of a Source make no event of a request.
#[derive(Debug, Error)]
pub(crate) enum Unmappable {
    #[error("`{field}` of this source cannot be evaluated with this request")]
    Failed { field: Field, source: ExecutionError },
    #[error("the loops of `{field}` of this source run over more than {MAX_ITEMS} items of this request")]
    TooLong { field: Field },
    #[error("`{field}` of this source comes to {found} with this request, not to {wanted}")]
    Kind { field: Field, found: &'static str, wanted: &'static str },
    #[error("`type` of this source comes to `{0}` with this request, and no webhook may say that")]
    Ours(String),
    #[error("what the expressions of this source come to is no valid CloudEvent")]
    Invalid(#[source] InvalidEnvelope),
}

impl Unmappable {
    /// Which expression it is, if it is one alone.
    pub(crate) fn field(&self) -> Option<Field> {
        match self {
            Self::Failed { field, .. } | Self::TooLong { field } | Self::Kind { field, .. } => Some(*field),
            Self::Ours(_) => Some(Field::Type),
            Self::Invalid(_) => None,
        }
    }
}

/// The event of a request to the source of this name.
pub(super) fn event(name: &str, generic: &Generic, delivery: &Delivery) -> Result<Envelope, Refusal> {
    let body: serde_json::Value = serde_json::from_slice(&delivery.body).map_err(Refusal::NotJson)?;
    let scope = scope(generic, delivery, &body);
    let attribute = |field, expression: Option<&Expression>| {
        expression.map(|expression| evaluate(field, expression, &scope)).transpose()
    };
    let mapped =
        || {
            let ty = text(Field::Type, evaluate(Field::Type, &generic.ty, &scope)?)?
                .ok_or(Unmappable::Kind { field: Field::Type, found: "nothing", wanted: "a text" })?;
            if is_type_of_ours(&ty) {
                return Err(Unmappable::Ours(ty));
            }
            let id = match attribute(Field::Id, generic.id.as_ref())? {
                None => digest(&ty, delivery),
                Some(value) => text(Field::Id, value)?.ok_or(Unmappable::Kind {
                    field: Field::Id,
                    found: "nothing",
                    wanted: "a text",
                })?,
            };
            let optional = |field, expression| match attribute(field, expression)? {
                None => Ok(None),
                Some(value) => text(field, value),
            };
            let mut builder = Envelope::builder(id, format!("/hooks/{name}"), ty)
                .body("application/json", delivery.body.as_slice());
            if let Some(subject) = optional(Field::Subject, generic.subject.as_ref())? {
                builder = builder.subject(subject);
            }
            if let Some(key) = optional(Field::PartitionKey, generic.partition_key.as_ref())? {
                builder = builder.partition_key(key);
            }
            if let Some(value) = attribute(Field::Time, generic.time.as_ref())?
                && let Some(time) = time(value)?
            {
                builder = builder.time(time);
            }
            builder.build().map_err(Unmappable::Invalid)
        };
    mapped().map_err(Refusal::Unmappable)
}

/// What the expressions see: header names in lower case; of what is there twice, the last.
fn scope(generic: &Generic, delivery: &Delivery, body: &serde_json::Value) -> Scope {
    let map = |pairs: Vec<(String, String)>| -> HashMap<Key, Value> {
        pairs.into_iter().map(|(name, value)| (Key::from(name), Value::from(value))).collect()
    };
    let headers =
        delivery.headers.iter().filter(|(name, _)| is_shown(&generic.credential, name.as_str())).map(
            |(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            },
        );
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let query = delivery.query.as_deref().unwrap_or_default();
    let query = query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .filter(|(name, _)| name != "access_token");
    let mut scope = Scope::of_request();
    scope.set("headers", map(headers.collect()));
    scope.set("query", map(query.collect()));
    scope.set("body", of_json(body));
    scope
}

fn evaluate(field: Field, expression: &Expression, scope: &Scope) -> Result<Value, Unmappable> {
    expression.evaluate(scope).map_err(|error| match error {
        EvaluateError::Failed(source) => Unmappable::Failed { field, source },
        EvaluateError::TooLong => Unmappable::TooLong { field },
    })
}

/// A text or a whole number; an empty text and null are none.
fn text(field: Field, value: Value) -> Result<Option<String>, Unmappable> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.as_ref().clone()).filter(|text| !text.is_empty())),
        Value::Int(number) => Ok(Some(number.to_string())),
        Value::UInt(number) => Ok(Some(number.to_string())),
        other => Err(Unmappable::Kind { field, found: type_of(&other), wanted: "a text" }),
    }
}

/// A timestamp, a text of RFC 3339, or whole Unix seconds; an empty text and null are none.
fn time(value: Value) -> Result<Option<DateTime<Utc>>, Unmappable> {
    const WANTED: &str = "a time (a timestamp, RFC 3339, or Unix seconds)";
    let wrong = |found| Unmappable::Kind { field: Field::Time, found, wanted: WANTED };
    match value {
        Value::Null => Ok(None),
        Value::Timestamp(time) => Ok(Some(time.to_utc())),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => match DateTime::parse_from_rfc3339(&text) {
            Ok(time) => Ok(Some(time.to_utc())),
            Err(_) => Err(wrong("another text")),
        },
        Value::Int(seconds) => {
            DateTime::from_timestamp(seconds, 0).map(Some).ok_or(wrong("a number beyond all time"))
        }
        other => Err(wrong(type_of(&other))),
    }
}

/// The id of a request whose Source names none: the same request is the same event.
fn digest(ty: &str, delivery: &Delivery) -> String {
    let mut hash = Sha256::new();
    for part in [ty.as_bytes(), delivery.query.as_deref().unwrap_or_default().as_bytes()] {
        // The lengths keep ("ab", "c") and ("a", "bc") apart.
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.update(&delivery.body);
    format!("sha256-{}", hex::encode(hash.finalize()))
}

//! What conditions and templates see: `event`, `data` and `app`.

use std::collections::HashMap;

use cel::objects::Key;
use chrono::SecondsFormat;
use events::Envelope;
use minijinja::value::Serde;
use resources::condition::{Scope, of_json};
use serde_json::{Map, Value, json};

use crate::gather::Facts;

/// The envelope's attributes, each extension by its own name (an extension cannot have the name of an attribute).
fn event(event: &Envelope) -> Map<String, Value> {
    let mut attributes = Map::new();
    for (name, value) in event.extensions() {
        attributes.insert(name.to_owned(), value.into_owned().into());
    }
    let time = event.time().map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    attributes.insert("id".to_owned(), event.id().into());
    attributes.insert("source".to_owned(), event.source().into());
    attributes.insert("type".to_owned(), event.ty().into());
    attributes.insert("subject".to_owned(), event.subject().unwrap_or_default().into());
    attributes.insert("time".to_owned(), time.into());
    attributes.insert("datacontenttype".to_owned(), event.datacontenttype().unwrap_or_default().into());
    attributes
}

/// For conditions. `app` is not declared when there is none: a rule that names it is not tried then.
pub(crate) fn of_conditions(facts: &Facts<'_>, data: &Value) -> Scope {
    let mut scope = Scope::new();
    let mut attributes: HashMap<Key, cel::Value> =
        event(facts.event).into_iter().map(|(name, value)| (Key::from(name), of_json(&value))).collect();
    if let Some(time) = facts.event.time() {
        attributes.insert(Key::from("time"), cel::Value::Timestamp(time.fixed_offset()));
    }
    scope.set("event", attributes);
    scope.set("data", of_json(data));
    if let Ok(app) = facts.app {
        scope.set("app", of_json(&json!(app.view())));
    }
    scope
}

/// For templates.
pub(crate) fn of_templates(facts: &Facts<'_>, data: &Value) -> minijinja::Value {
    let mut scope = Map::new();
    scope.insert("event".to_owned(), event(facts.event).into());
    scope.insert("data".to_owned(), data.clone());
    if let Ok(app) = facts.app {
        scope.insert("app".to_owned(), json!(app.view()));
    }
    minijinja::Value::from(Serde(scope))
}

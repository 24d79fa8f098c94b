//! What conditions and templates see: `event`, `data` and `app`.

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::Key;
use chrono::SecondsFormat;
use events::Envelope;
use minijinja::value::Serde;
use resources::condition::Scope;
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

/// JSON as CEL sees it. Whole numbers are `int`, so that they can be reckoned with; serde's way would make the positive
/// ones `uint`, and `data.n + 1` an error.
fn of_json(json: &Value) -> cel::Value {
    match json {
        Value::Null => cel::Value::Null,
        Value::Bool(flag) => cel::Value::Bool(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => cel::Value::Int(whole),
            (None, Some(whole)) => cel::Value::UInt(whole),
            (None, None) => cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => cel::Value::from(text.as_str()),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(of_json).collect())),
        Value::Object(members) => {
            let members: HashMap<Key, cel::Value> =
                members.iter().map(|(name, value)| (Key::from(name.as_str()), of_json(value))).collect();
            members.into()
        }
    }
}

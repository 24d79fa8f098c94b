//! JSON as CEL sees it.

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::Key;
use serde_json::Value;

/// JSON as CEL sees it. Whole numbers are `int`, so that they can be reckoned with; serde's way would make the positive
/// ones `uint`, and `data.n + 1` an error.
pub fn of_json(json: &Value) -> cel::Value {
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

/// What a value is, for people.
pub fn type_of(value: &cel::Value) -> &'static str {
    match value {
        cel::Value::List(_) => "a list",
        cel::Value::Map(_) | cel::Value::Struct(_) => "a mapping",
        cel::Value::Int(_) | cel::Value::UInt(_) => "a whole number",
        cel::Value::Float(_) => "a number with a fraction",
        cel::Value::String(_) => "a text",
        cel::Value::Bytes(_) => "bytes",
        cel::Value::Bool(_) => "a truth value",
        cel::Value::Duration(_) => "a duration",
        cel::Value::Timestamp(_) => "a time",
        cel::Value::Null => "nothing",
        cel::Value::Function(..) | cel::Value::Opaque(_) => "no value",
    }
}

//! Values as people read them, short.

use std::fmt::Write as _;

use cel::Value;

/// Longest value that is shown, in characters.
const MAX_CHARS: usize = 100;

/// The text, cut to so many characters.
pub(crate) fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

/// A value in the notation of JSON, cut short.
pub(crate) fn value(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value);
    cut(&text, MAX_CHARS)
}

fn write(text: &mut String, value: &Value) {
    // What is cut off anyway need not be written; a byte is at most a character.
    if text.len() > MAX_CHARS * 4 {
        return;
    }
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::String(string) => text.push_str(&serde_json::Value::from(cut(string, MAX_CHARS)).to_string()),
        Value::Int(number) => put(text, number),
        Value::UInt(number) => put(text, number),
        Value::Float(number) => put(text, number),
        Value::Timestamp(time) => put(text, time.to_rfc3339()),
        Value::Duration(duration) => put(text, duration),
        Value::List(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                write(text, item);
            }
            text.push(']');
        }
        Value::Map(map) => {
            let mut members: Vec<_> = map.map.iter().map(|(key, value)| (key.to_string(), value)).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            text.push('{');
            for (index, (key, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                let _ = write!(text, "{}: ", serde_json::Value::from(key));
                write(text, value);
            }
            text.push('}');
        }
        other => put(text, format!("({})", other.type_of())),
    }
}

fn put(text: &mut String, value: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{value}");
}

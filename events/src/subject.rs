//! The one place that knows where an event stands on the bus.

use std::fmt::Write as _;

#[cfg(test)]
mod tests;

/// What every event's subject begins with.
pub const PREFIX: &str = "signalbox.events.";

/// The NATS subject of an event type: the prefix and the type.
///
/// A type may hold characters that a subject may not (white space, `*`, `>`) or dots that would make an empty token;
/// those are written as `%XX`, so that different types never share a subject.
///
/// ```
/// assert_eq!(events::subject::of("com.github.push"), "signalbox.events.com.github.push");
/// assert_eq!(events::subject::of("a..b*"), "signalbox.events.a.%2Eb%2A");
/// ```
pub fn of(ty: &str) -> String {
    let mut subject = String::with_capacity(PREFIX.len() + ty.len());
    subject.push_str(PREFIX);
    let mut token_is_empty = true;
    let mut chars = ty.chars().peekable();
    while let Some(c) = chars.next() {
        let splits = c == '.' && !token_is_empty && chars.peek().is_some();
        if splits || (c.is_ascii_graphic() && !"*>%.".contains(c)) {
            subject.push(c);
        } else {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                // Writing to a String cannot fail.
                let _ = write!(subject, "%{byte:02X}");
            }
        }
        token_is_empty = splits;
    }
    subject
}

/// Whether an event type fits a glob: `*` stands for any run of characters, dots included.
///
/// ```
/// use events::subject::fits;
/// assert!(fits("com.github.*", "com.github.workflow_run.completed"));
/// assert!(fits("io.signalbox.*.failed.v1", "io.signalbox.deploy.failed.v1"));
/// assert!(!fits("com.github.push", "com.github.pushed"));
/// ```
pub fn fits(glob: &str, ty: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = ty.strip_prefix(first) else {
        return false;
    };
    let mut last: Option<&str> = None;
    for part in parts {
        if let Some(previous) = last.replace(part) {
            match rest.find(previous) {
                Some(at) => rest = &rest[at + previous.len()..],
                None => return false,
            }
        }
    }
    match last {
        None => rest.is_empty(),
        Some(tail) => rest.ends_with(tail),
    }
}

//! Events that we know nothing about.

use events::Envelope;

use super::LINE;
use crate::line;

/// The beginning of its body, or how large it is.
pub(super) fn essence(event: &Envelope) -> String {
    if !event.has_body() {
        return "no body".to_owned();
    }
    let media_type = event.datacontenttype().unwrap_or("unknown type");
    let size = || line::of(&format!("{} bytes of {media_type}", event.body().len()), LINE);
    if !event.is_json() && !media_type.starts_with("text/") {
        return size();
    }
    // Not more than a line of it is looked at, so a cut in the middle of a character is only the end of the line.
    let beginning = &event.body()[..event.body().len().min(LINE * 8)];
    match std::str::from_utf8(beginning) {
        Ok(text) => line::of(text, LINE / 2),
        Err(error) if error.error_len().is_none() => {
            line::of(&String::from_utf8_lossy(&beginning[..error.valid_up_to()]), LINE / 2)
        }
        Err(_) => size(),
    }
}

//! What an answer means: the one table of the notifier. Pure.
//!
//! Slack's answers: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks> ("Handling errors") and
//! <https://docs.slack.dev/apis/web-api/rate-limits>.

mod retry_after;

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::metrics::{Answer, KindLabel};

/// What was heard of the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// An answer.
    Answer {
        /// Its status.
        status: u16,
        /// Its `Retry-After`.
        retry_after: Option<String>,
        /// The first bytes of its body.
        body: Vec<u8>,
    },
    /// There was no connection: nothing was sent.
    NoConnection(String),
    /// It was sent, and there was no answer in time.
    NoAnswer(String),
    /// The connection broke while it was sent, or before there was an answer.
    BrokenOff(String),
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) struct Decision {
    /// The word for it.
    pub(crate) answer: Answer,
    pub(crate) then: Then,
    pub(crate) arrived: Arrived,
}

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// No need to: the channel took it.
    Done,
    /// Yes: after this time if the channel named one, else by the back-off.
    Again(Option<Duration>),
    /// It would be answered the same.
    Never,
}

/// Whether people have the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrived {
    Yes,
    No,
    NotKnown,
}

/// Decides. `longest` bounds what the channel may ask us to wait.
pub(crate) fn decide(kind: KindLabel, heard: &Heard, now: DateTime<Utc>, longest: Duration) -> Decision {
    let decision = |answer, then, arrived| Decision { answer, then, arrived };
    let (status, retry_after, body) = match heard {
        Heard::NoConnection(_) => return decision(Answer::NotConnected, Then::Again(None), Arrived::No),
        Heard::NoAnswer(_) => return decision(Answer::TimedOut, Then::Again(None), Arrived::NotKnown),
        Heard::BrokenOff(_) => return decision(Answer::BrokenOff, Then::Again(None), Arrived::NotKnown),
        Heard::Answer { status, retry_after, body } => (*status, retry_after, body),
    };
    let after =
        retry_after.as_deref().and_then(|text| retry_after::parse(text, now)).map(|after| after.min(longest));
    match status {
        200..=299 if is_taken(kind, body) => decision(Answer::Sent, Then::Done, Arrived::Yes),
        // A page of a proxy, or a Slack that means something else by it: not the `ok` that Slack promises.
        200..=299 => decision(Answer::NotOk, Then::Never, Arrived::NotKnown),
        300..=399 => decision(Answer::Redirected, Then::Never, Arrived::No),
        // The request did not come through in time, or should not have come early: RFC 9110 and 8470 ask to repeat it.
        408 | 425 => decision(Answer::NotNow, Then::Again(after), Arrived::No),
        429 => decision(Answer::RateLimited, Then::Again(after), Arrived::No),
        400..=499 => decision(Answer::Refused, Then::Never, Arrived::No),
        // "Currently unable to handle the request", come again then: it was not handled. Without the time, it may be a
        // proxy whose connection to the channel broke after the request was through.
        503 if after.is_some() => decision(Answer::ServerError, Then::Again(after), Arrived::No),
        500..=599 => decision(Answer::ServerError, Then::Again(after), Arrived::NotKnown),
        // Not a status of HTTP.
        _ => decision(Answer::Refused, Then::Never, Arrived::NotKnown),
    }
}

/// What an endpoint that was asked says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Has {
    Yes,
    No,
    NotKnown,
}

/// What it means: only a plain 404 or 410 says that the message is not there. A 401 or a page of a proxy says nothing.
pub(crate) fn has(heard: &Heard) -> Has {
    match heard {
        Heard::Answer { status: 200..=299, .. } => Has::Yes,
        Heard::Answer { status: 404 | 410, .. } => Has::No,
        Heard::Answer { .. } | Heard::NoConnection(_) | Heard::NoAnswer(_) | Heard::BrokenOff(_) => {
            Has::NotKnown
        }
    }
}

/// Slack says `ok`, in plain text. Any 2xx is enough of a plain endpoint.
fn is_taken(kind: KindLabel, body: &[u8]) -> bool {
    match kind {
        KindLabel::Slack => body.trim_ascii().eq_ignore_ascii_case(b"ok"),
        KindLabel::Webhook | KindLabel::None => true,
    }
}

#[cfg(test)]
mod tests;

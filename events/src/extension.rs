//! The extension attributes that Signalbox writes and reads.
//!
//! All but `hops`, `githubdelivery`, `truncatedalerts`, `replayrun`, `replayeffects` and `firsttried` are documented extensions of the
//! CloudEvents specification (`cloudevents/extensions/` of the specification's repository).

/// Id of the event that began the story (the root). A root event's own id.
pub const CORRELATION_ID: &str = "correlationid";
/// Id of the event that this event answers. Absent on a root event.
pub const CAUSATION_ID: &str = "causationid";
/// W3C trace context, so that traces join across the bus.
pub const TRACEPARENT: &str = "traceparent";
/// Events with one partition key are handled in the order of the log.
pub const PARTITION_KEY: &str = "partitionkey";
/// How many derivations lie between the root and this event; the loop guard counts it.
pub const HOPS: &str = "hops";
/// When the bus took the event (RFC 3339), as opposed to `time`, when it happened.
pub const RECORDED_TIME: &str = "recordedtime";
/// Where the body is when it is too large to travel with the event.
pub const DATAREF: &str = "dataref";
/// The header `X-GitHub-Delivery`, where the event's id is made of something else.
pub const GITHUB_DELIVERY: &str = "githubdelivery";
/// How many alerts Alertmanager left out of the notification that this event is of, if it did.
pub const TRUNCATED_ALERTS: &str = "truncatedalerts";
/// Name of the replay that delivered this event again. Its descendants have it, too, and ids of their own.
pub const REPLAY_RUN: &str = "replayrun";
/// `on` or `off`: whether a handler may have effects and announce anything in that replay. It counts on what the replay
/// itself delivers, to one handler alone; on the events of everybody it says nothing.
pub const REPLAY_EFFECTS: &str = "replayeffects";
/// When the handler tried this event first (RFC 3339): only on its way from a dead letter back to the handler, which does
/// not see it.
pub const FIRST_TRIED: &str = "firsttried";

/// The longest name of a replay.
pub const REPLAY_RUN_BYTES: usize = 40;

/// Whether a replay may have this name: up to 40 lower-case letters, digits and `-`.
pub fn names_a_replay(name: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= REPLAY_RUN_BYTES && name.bytes().all(fine)
}

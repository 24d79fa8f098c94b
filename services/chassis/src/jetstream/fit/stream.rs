//! The rules for streams: the log, the buckets of the state, the object store.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType};

use super::{Decision, Rules};
use crate::jetstream::retention::Retention;

/// So many consumers must be possible: one a handler, those of the engine, and those that read for a moment.
const CONSUMERS: i32 = 64;
/// So large must a message be allowed to be: the largest body that travels inside, and its headers.
const MESSAGE_BYTES: i32 = 1024 * 1024;

/// What a stream is for. Some settings matter to one and not to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Events, in the order in which they came.
    Log,
    /// Keys and values, some of which expire.
    Bucket,
    /// Large bodies.
    Blobs,
}

/// What to do with a stream that is there.
pub fn decide(part: Part, found: &Config, wanted: &Config) -> Decision<Config> {
    let (mut config, mut rules) = (found.clone(), Rules::default());
    let what = match part {
        Part::Log => format!("the stream {}", found.name),
        Part::Bucket | Part::Blobs => {
            let bucket = found.name.trim_start_matches("KV_").trim_start_matches("OBJ_");
            format!("the bucket {bucket} (stream {})", found.name)
        }
    };
    // What somebody said in the settings of another process is meant.
    let wanted = &match part {
        Part::Log => Retention::of(wanted).or(Retention::of(found)).on(wanted.clone()),
        Part::Bucket | Part::Blobs => wanted.clone(),
    };
    keeping(part, &mut config, wanted, &mut rules);
    limits(part, &mut config, wanted, &mut rules);
    use_of(part, &mut config, wanted, &mut rules);
    rules.decide(what, config)
}

/// Whether it keeps what it takes.
fn keeping(part: Part, config: &mut Config, wanted: &Config, rules: &mut Rules) {
    rules.must(
        "retention",
        &config.retention,
        &wanted.retention,
        config.retention == RetentionPolicy::Limits,
        "an event would be gone once one handler has it, or at once if none listens",
    );
    rules.must(
        "storage",
        &config.storage,
        &wanted.storage,
        config.storage == StorageType::File,
        "a restart of the server would lose everything",
    );
    rules.must("sealed", &config.sealed, &wanted.sealed, !config.sealed, "it takes nothing any more");
    let mirror = config.mirror.as_ref().map(|source| source.name.clone());
    rules.must("mirror", &mirror, &None::<String>, mirror.is_none(), "a mirror takes nothing itself");
    rules.must(
        "subject_transform",
        &config.subject_transform.is_some(),
        &false,
        config.subject_transform.is_none(),
        "what is stored would have another subject than what was sent",
    );
    let asynchronous = config.persist_mode == Some(PersistenceMode::Async);
    rules.must(
        "persist_mode",
        &config.persist_mode,
        &wanted.persist_mode,
        !asynchronous,
        "it acknowledges what it does not have yet",
    );
    rules.must(
        "allow_msg_counter",
        &config.allow_message_counter,
        &wanted.allow_message_counter,
        !config.allow_message_counter,
        "it takes numbers only",
    );
    rules.same("no_ack", &mut config.no_ack, false, "nobody would know that it has an event");
    // Nothing is removed from the log; from the others, what is replaced.
    let purge = part == Part::Log || !config.deny_purge;
    rules.must("deny_purge", &config.deny_purge, &wanted.deny_purge, purge, "entries could not be removed");
    let expired = Duration::ZERO;
    let old_enough =
        config.max_age == expired || (wanted.max_age != expired && config.max_age >= wanted.max_age);
    rules.fit("max_age", &mut config.max_age, wanted.max_age, old_enough, "it would forget too early");
}

/// What it drops or refuses when there is much.
fn limits(part: Part, config: &mut Config, wanted: &Config, rules: &mut Rules) {
    let drops = config.discard == DiscardPolicy::Old;
    let (wide, why) =
        ("unlimited, or with discard `new`", "when it is full, the oldest would be dropped, seen or not");
    let count = config.max_messages;
    rules.must("max_msgs", &count, &wide, count <= 0 || !drops, why);
    let bytes = config.max_bytes;
    if wanted.max_bytes > 0 {
        let fits = bytes <= 0 || bytes >= wanted.max_bytes;
        rules.fit("max_bytes", &mut config.max_bytes, wanted.max_bytes, fits, "it would forget too early");
    } else {
        rules.must("max_bytes", &bytes, &wide, bytes <= 0 || !drops, why);
    }
    if config.max_messages <= 0 && config.max_bytes <= 0 {
        rules.any("discard", &config.discard, &wanted.discard);
    }
    let each = config.max_messages_per_subject;
    match part {
        Part::Log => rules.must(
            "max_msgs_per_subject",
            &each,
            &wanted.max_messages_per_subject,
            each <= 0,
            "of each type of events it would keep the last ones alone",
        ),
        // Without one, the client does not take it for a bucket.
        Part::Bucket => rules.fit(
            "max_msgs_per_subject",
            &mut config.max_messages_per_subject,
            wanted.max_messages_per_subject,
            each > 0,
            "it would keep every value that a key ever had",
        ),
        Part::Blobs => rules.must(
            "max_msgs_per_subject",
            &each,
            &wanted.max_messages_per_subject,
            each <= 0,
            "of a large body it would keep the last piece alone",
        ),
    }
    let size = config.max_message_size;
    let fits = size <= 0 || size >= MESSAGE_BYTES;
    rules.fit(
        "max_msg_size",
        &mut config.max_message_size,
        wanted.max_message_size,
        fits,
        "events can be larger",
    );
    let consumers = config.max_consumers;
    let fits = consumers <= 0 || consumers >= CONSUMERS;
    rules.must("max_consumers", &consumers, &wanted.max_consumers, fits, "each handler needs one");
    // The server says zeros for none.
    let narrow = config
        .consumer_limits
        .as_ref()
        .is_some_and(|limits| limits.max_ack_pending > 0 || limits.inactive_threshold > Duration::ZERO);
    rules.fit(
        "consumer_limits",
        &mut config.consumer_limits,
        None,
        !narrow,
        "a handler that is away for a while would lose its place",
    );
}

/// What we do with it.
fn use_of(part: Part, config: &mut Config, wanted: &Config, rules: &mut Rules) {
    let missing: Vec<String> =
        wanted.subjects.iter().filter(|subject| !config.subjects.contains(subject)).cloned().collect();
    let all = config.subjects.iter().chain(&missing).cloned().collect();
    rules.fit("subjects", &mut config.subjects, all, missing.is_empty(), "it would not take what we send");
    rules.same("allow_direct", &mut config.allow_direct, true, "it is read by direct gets");
    match part {
        Part::Log => {
            let wide = config.duplicate_window >= wanted.duplicate_window;
            rules.fit(
                "duplicate_window",
                &mut config.duplicate_window,
                wanted.duplicate_window,
                wide,
                "it must know an id until the index does",
            );
        }
        Part::Bucket => {
            let why = "an entry could not expire by itself";
            rules.same("allow_msg_ttl", &mut config.allow_message_ttl, true, why);
            let marked = config.subject_delete_marker_ttl.is_some_and(|ttl| ttl > Duration::ZERO);
            let wanted = wanted.subject_delete_marker_ttl;
            rules.fit(
                "subject_delete_marker_ttl",
                &mut config.subject_delete_marker_ttl,
                wanted,
                marked,
                why,
            );
        }
        Part::Blobs => {}
    }
    let rollup = config.allow_rollup || !wanted.allow_rollup;
    rules.fit(
        "allow_rollup_hdrs",
        &mut config.allow_rollup,
        wanted.allow_rollup,
        rollup,
        "a value replaces another",
    );
    rules.any("num_replicas", &config.num_replicas, &wanted.num_replicas);
    rules.any("description", &config.description, &wanted.description);
    rules.any("republish", &config.republish.is_some(), &wanted.republish.is_some());
    rules.any("sources", &config.sources.as_ref().map(Vec::len), &wanted.sources.as_ref().map(Vec::len));
    rules.any("compression", &config.compression.is_some(), &wanted.compression.is_some());
    rules.any("placement", &config.placement, &wanted.placement);
    rules.any("deny_delete", &config.deny_delete, &wanted.deny_delete);
}

#[cfg(test)]
mod tests;

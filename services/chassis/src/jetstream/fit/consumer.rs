//! The rules for the durable consumers of handlers.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Config, DeliverPolicy, ReplayPolicy};

use super::{Decision, Rules};

/// What to do with a consumer that is there. Its place in the log never moves.
pub fn decide(name: &str, found: &Config, wanted: &Config) -> Decision<Config> {
    let (mut config, mut rules) = (found.clone(), Rules::default());
    kind(&config, wanted, &mut rules);
    deliveries(&mut config, wanted, &mut rules);
    rules.decide(format!("the consumer {name}"), config)
}

/// What the server does not change, and what would lose events if it did.
fn kind(config: &Config, wanted: &Config, rules: &mut Rules) {
    rules.must(
        "deliver_subject",
        &config.deliver_subject,
        &wanted.deliver_subject,
        config.deliver_subject.is_none(),
        "it pushes, and a handler pulls",
    );
    rules.must(
        "durable_name",
        &config.durable_name,
        &wanted.durable_name,
        config.durable_name == wanted.durable_name,
        "it goes when nobody uses it, and its place with it",
    );
    rules.must(
        "ack_policy",
        &config.ack_policy,
        &wanted.ack_policy,
        config.ack_policy == AckPolicy::Explicit,
        "an event would count as handled before it is",
    );
    let started = match config.deliver_policy {
        // Where it began cannot be changed any more, and need not be: it goes on where it stands.
        DeliverPolicy::All
        | DeliverPolicy::New
        | DeliverPolicy::ByStartSequence { .. }
        | DeliverPolicy::ByStartTime { .. } => true,
        DeliverPolicy::Last | DeliverPolicy::LastPerSubject => false,
    };
    rules.must(
        "deliver_policy",
        &config.deliver_policy,
        &"one that passes over nothing",
        started,
        "it passed over events that nobody has seen",
    );
    rules.must(
        "replay_policy",
        &config.replay_policy,
        &wanted.replay_policy,
        config.replay_policy == ReplayPolicy::Instant,
        "events would come at the speed at which they were published",
    );
    rules.must(
        "mem_storage",
        &config.memory_storage,
        &wanted.memory_storage,
        !config.memory_storage,
        "a restart of the server would lose its place",
    );
    rules.any("num_replicas", &config.num_replicas, &wanted.num_replicas);
    rules.any("description", &config.description, &wanted.description);
    rules.any("sample_freq", &config.sample_frequency, &wanted.sample_frequency);
    rules.any("max_waiting", &config.max_waiting, &wanted.max_waiting);
    rules.any("pause_until", &config.pause_until, &wanted.pause_until);
}

/// What is the program's own choice.
fn deliveries(config: &mut Config, wanted: &Config, rules: &mut Rules) {
    let own = "the program says so";
    // One subject may be told in the one field or in the other.
    let subjects = |config: &Config| {
        let one = Some(config.filter_subject.clone()).filter(|subject| !subject.is_empty());
        let mut all: Vec<String> = config.filter_subjects.iter().cloned().chain(one).collect();
        all.sort();
        all
    };
    if subjects(config) != subjects(wanted) {
        let mut found = subjects(config);
        rules.fit(
            "filter_subjects",
            &mut found,
            subjects(wanted),
            false,
            "the handler hears other types now",
        );
        config.filter_subject.clone_from(&wanted.filter_subject);
        config.filter_subjects.clone_from(&wanted.filter_subjects);
    }
    rules.same("ack_wait", &mut config.ack_wait, wanted.ack_wait, own);
    rules.same("max_ack_pending", &mut config.max_ack_pending, wanted.max_ack_pending, own);
    let unlimited = config.max_deliver <= 0;
    rules.fit(
        "max_deliver",
        &mut config.max_deliver,
        wanted.max_deliver,
        unlimited,
        "an event would be dropped in silence",
    );
    rules.same("backoff", &mut config.backoff, wanted.backoff.clone(), "it takes the place of ack_wait");
    let stays = config.inactive_threshold == Duration::ZERO;
    rules.fit(
        "inactive_threshold",
        &mut config.inactive_threshold,
        wanted.inactive_threshold,
        stays,
        "it would go when the program is away, and its place with it",
    );
    rules.same(
        "headers_only",
        &mut config.headers_only,
        wanted.headers_only,
        "events would come without bodies",
    );
    let pull = "a pull would be refused";
    let free = config.max_batch == 0;
    rules.fit("max_batch", &mut config.max_batch, wanted.max_batch, free, pull);
    let free = config.max_bytes == 0;
    rules.fit("max_bytes", &mut config.max_bytes, wanted.max_bytes, free, pull);
    let free = config.max_expires == Duration::ZERO;
    rules.fit("max_expires", &mut config.max_expires, wanted.max_expires, free, pull);
    let same =
        config.priority_policy == wanted.priority_policy && config.priority_groups == wanted.priority_groups;
    if !same {
        rules.fit("priority_groups", &mut config.priority_groups, wanted.priority_groups.clone(), false, own);
        config.priority_policy = wanted.priority_policy.clone();
        config.priority_timeout = wanted.priority_timeout;
    }
}

#[cfg(test)]
mod tests;

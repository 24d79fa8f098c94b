use async_nats::jetstream::stream::{ConsumerLimits, Source};

use super::super::Verdict;
use super::*;
use crate::jetstream::stream::{blobs, bucket, log};

fn wanted(part: Part) -> Config {
    match part {
        Part::Log => log(),
        Part::Bucket => bucket("ledger", Duration::ZERO),
        Part::Blobs => blobs(Duration::from_hours(24 * 30)),
    }
}

fn differences(decision: Decision<Config>) -> (Verdict, Option<Config>, Vec<&'static str>) {
    let names = |differences: Vec<super::super::Difference>| differences.iter().map(|d| d.setting).collect();
    match decision {
        Decision::Adopt(differences) => (Verdict::Adopt, None, names(differences)),
        Decision::Update(config, differences) => (Verdict::Update, Some(*config), names(differences)),
        Decision::Refuse(unfit) => (Verdict::Refuse, None, names(unfit.differences)),
    }
}

#[test]
fn what_we_made_fits_as_it_is() {
    for part in [Part::Log, Part::Bucket, Part::Blobs] {
        assert_eq!(decide(part, &wanted(part), &wanted(part)), Decision::Adopt(Vec::new()), "{part:?}");
    }
}

type Change = fn(&mut Config);

#[test]
fn every_difference_has_its_verdict() {
    use Part::{Blobs, Bucket, Log};
    use Verdict::{Adopt, Refuse, Update};
    let cases: &[(Part, &str, Verdict, Change)] = &[
        (Log, "retention", Refuse, |c| c.retention = RetentionPolicy::WorkQueue),
        (Log, "retention", Refuse, |c| c.retention = RetentionPolicy::Interest),
        (Bucket, "storage", Refuse, |c| c.storage = StorageType::Memory),
        (Log, "sealed", Refuse, |c| c.sealed = true),
        (Log, "mirror", Refuse, |c| {
            c.mirror = Some(Source { name: "OTHER".to_owned(), ..Source::default() });
        }),
        (Log, "persist_mode", Refuse, |c| c.persist_mode = Some(PersistenceMode::Async)),
        (Log, "allow_msg_counter", Refuse, |c| c.allow_message_counter = true),
        (Log, "no_ack", Update, |c| c.no_ack = true),
        (Log, "deny_delete", Adopt, |c| c.deny_delete = true),
        (Bucket, "deny_purge", Refuse, |c| c.deny_purge = true),
        (Log, "max_age", Update, |c| c.max_age = Duration::from_hours(24)),
        (Log, "max_age", Adopt, |c| c.max_age = Duration::from_hours(24 * 365)),
        (Log, "max_age", Adopt, |c| c.max_age = Duration::ZERO),
        (Bucket, "max_age", Update, |c| c.max_age = Duration::from_hours(24 * 365)),
        (Log, "max_msgs", Refuse, |c| c.max_messages = 1_000_000),
        (Log, "max_bytes", Refuse, |c| c.max_bytes = 1 << 30),
        (Bucket, "max_bytes", Refuse, |c| (c.max_bytes, c.discard) = (1 << 30, DiscardPolicy::Old)),
        (Log, "discard", Adopt, |c| c.discard = DiscardPolicy::New),
        (Log, "max_msgs_per_subject", Refuse, |c| c.max_messages_per_subject = 10),
        (Bucket, "max_msgs_per_subject", Update, |c| c.max_messages_per_subject = -1),
        (Bucket, "max_msgs_per_subject", Adopt, |c| c.max_messages_per_subject = 5),
        (Blobs, "max_msgs_per_subject", Refuse, |c| c.max_messages_per_subject = 1),
        (Log, "max_msg_size", Update, |c| c.max_message_size = 1000),
        (Log, "max_msg_size", Adopt, |c| c.max_message_size = 8_000_000),
        (Log, "max_consumers", Refuse, |c| c.max_consumers = 3),
        (Log, "consumer_limits", Update, |c| {
            let inactive_threshold = Duration::from_mins(1);
            c.consumer_limits = Some(ConsumerLimits { inactive_threshold, max_ack_pending: 0 });
        }),
        (Log, "subjects", Update, |c| c.subjects = vec!["signalbox.events.>".to_owned()]),
        (Log, "allow_direct", Update, |c| c.allow_direct = false),
        (Log, "duplicate_window", Update, |c| c.duplicate_window = Duration::from_mins(2)),
        (Log, "duplicate_window", Adopt, |c| c.duplicate_window = Duration::from_hours(5)),
        (Bucket, "allow_msg_ttl", Update, |c| c.allow_message_ttl = false),
        (Bucket, "subject_delete_marker_ttl", Update, |c| c.subject_delete_marker_ttl = None),
        (Blobs, "allow_rollup_hdrs", Update, |c| c.allow_rollup = false),
        (Log, "num_replicas", Adopt, |c| c.num_replicas = 3),
        (Log, "description", Adopt, |c| c.description = Some("ours".to_owned())),
    ];
    for (part, setting, verdict, change) in cases {
        let mut found = wanted(*part);
        change(&mut found);
        let (decided, config, settings) = differences(decide(*part, &found, &wanted(*part)));
        assert_eq!((decided, settings), (*verdict, vec![*setting]), "{part:?} {found:?}");
        // What is updated fits then, and nothing else was touched.
        if let Some(config) = config {
            let again = decide(*part, &config, &wanted(*part));
            assert!(matches!(again, Decision::Adopt(_)), "{setting}: {again:?}");
        }
    }
}

#[test]
fn a_limit_that_makes_senders_wait_will_do() {
    let mut found = log();
    (found.max_bytes, found.discard) = (1 << 30, DiscardPolicy::New);
    assert_eq!(decide(Part::Log, &found, &log()), Decision::Adopt(Vec::new()));
}

#[test]
fn an_update_keeps_what_is_not_ours() {
    let mut found = log();
    found.subjects = vec!["signalbox.events.>".to_owned(), "foreign.>".to_owned()];
    (found.num_replicas, found.allow_direct) = (3, false);
    let Decision::Update(config, _) = decide(Part::Log, &found, &log()) else { panic!("it is not updated") };
    assert_eq!(config.subjects, ["signalbox.events.>", "foreign.>", "signalbox.redrive.*"]);
    assert!(config.allow_direct && config.num_replicas == 3);
}

#[test]
fn a_refusal_tells_all_that_is_wrong_and_nothing_else() {
    let mut found = log();
    (found.retention, found.storage, found.allow_direct) =
        (RetentionPolicy::WorkQueue, StorageType::Memory, false);
    let Decision::Refuse(unfit) = decide(Part::Log, &found, &log()) else { panic!("it is not refused") };
    let text = unfit.to_string();
    assert!(text.starts_with(
        "the stream SIGNALBOX is there, but cannot be used: retention is WorkQueue, not Limits"
    ));
    assert!(text.contains("storage is Memory, not File") && !text.contains("allow_direct"), "{text}");
}

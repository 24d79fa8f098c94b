use super::super::Verdict;
use super::*;

fn wanted() -> Config {
    Config {
        durable_name: Some("notifier".to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(10),
        max_deliver: -1,
        max_ack_pending: 10_000,
        filter_subjects: vec!["signalbox.events.a".to_owned(), "signalbox.redrive.notifier".to_owned()],
        ..Config::default()
    }
}

fn verdict(decision: Decision<Config>) -> (Verdict, Vec<&'static str>) {
    let names = |differences: Vec<super::super::Difference>| differences.iter().map(|d| d.setting).collect();
    match decision {
        Decision::Adopt(differences) => (Verdict::Adopt, names(differences)),
        Decision::Update(_, differences) => (Verdict::Update, names(differences)),
        Decision::Refuse(unfit) => (Verdict::Refuse, names(unfit.differences)),
    }
}

type Change = fn(&mut Config);

#[test]
fn every_difference_of_a_consumer_has_its_verdict() {
    use Verdict::{Adopt, Refuse, Update};
    let cases: &[(&str, Verdict, Change)] = &[
        ("deliver_subject", Refuse, |c| c.deliver_subject = Some("push".to_owned())),
        ("durable_name", Refuse, |c| c.durable_name = None),
        ("ack_policy", Refuse, |c| c.ack_policy = AckPolicy::None),
        ("ack_policy", Refuse, |c| c.ack_policy = AckPolicy::All),
        ("deliver_policy", Refuse, |c| c.deliver_policy = DeliverPolicy::LastPerSubject),
        ("replay_policy", Refuse, |c| c.replay_policy = ReplayPolicy::Original),
        ("mem_storage", Refuse, |c| c.memory_storage = true),
        ("num_replicas", Adopt, |c| c.num_replicas = 3),
        ("filter_subjects", Update, |c| c.filter_subjects = vec!["signalbox.events.b".to_owned()]),
        ("ack_wait", Update, |c| c.ack_wait = Duration::from_secs(30)),
        ("max_ack_pending", Update, |c| c.max_ack_pending = 1000),
        ("max_deliver", Update, |c| c.max_deliver = 3),
        ("backoff", Update, |c| c.backoff = vec![Duration::from_secs(1)]),
        ("inactive_threshold", Update, |c| c.inactive_threshold = Duration::from_mins(1)),
        ("headers_only", Update, |c| c.headers_only = true),
        ("max_batch", Update, |c| c.max_batch = 1),
        ("max_expires", Update, |c| c.max_expires = Duration::from_secs(1)),
    ];
    for (setting, expected, change) in cases {
        let mut found = wanted();
        change(&mut found);
        let decision = decide("notifier", &found, &wanted());
        if let Decision::Update(config, _) = &decision {
            assert!(matches!(decide("notifier", config, &wanted()), Decision::Adopt(_)), "{setting}");
        }
        assert_eq!(verdict(decision), (*expected, vec![*setting]), "{found:?}");
    }
}

#[test]
fn where_a_consumer_began_is_no_difference() {
    for policy in [DeliverPolicy::New, DeliverPolicy::ByStartSequence { start_sequence: 7 }] {
        let found = Config { deliver_policy: policy, ..wanted() };
        assert_eq!(decide("notifier", &found, &wanted()), Decision::Adopt(Vec::new()));
    }
}

#[test]
fn one_subject_is_the_same_in_either_field_and_the_order_of_several_is_none() {
    let mut found = wanted();
    found.filter_subjects.reverse();
    assert_eq!(decide("notifier", &found, &wanted()), Decision::Adopt(Vec::new()));
    let single = Config { filter_subjects: vec!["a".to_owned()], ..wanted() };
    let told = Config { filter_subjects: Vec::new(), filter_subject: "a".to_owned(), ..wanted() };
    assert_eq!(decide("notifier", &told, &single), Decision::Adopt(Vec::new()));
}

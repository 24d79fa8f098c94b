//! The rules for the limits of the log that the settings say, and how they are remembered on the server: in the metadata
//! of the stream, so that a process whose settings do not say them takes them for meant.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy};

use super::{Decision, Rules};
use crate::jetstream::retention::Retention;

/// For how many seconds somebody said that events are kept.
const AGE: &str = "signalbox.retention_age";
/// How many bytes of events somebody said that are kept.
const BYTES: &str = "signalbox.retention_bytes";

impl Retention {
    /// What a stream says that somebody said.
    pub fn of(config: &Config) -> Self {
        let number = |key: &str| config.metadata.get(key)?.parse::<u64>().ok();
        Self { age: number(AGE).map(Duration::from_secs), bytes: number(BYTES) }
    }

    /// What this one does not say, another does.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { age: self.age.or(other.age), bytes: self.bytes.or(other.bytes) }
    }

    /// A log that is made with these limits.
    pub fn on(self, mut config: Config) -> Config {
        if let Some(age) = self.age {
            config.max_age = age;
            config.metadata.insert(AGE.to_owned(), age.as_secs().to_string());
        }
        if let Some(bytes) = self.bytes {
            config.max_bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            config.discard = DiscardPolicy::Old;
            config.metadata.insert(BYTES.to_owned(), bytes.to_string());
        }
        config
    }
}

/// What to do with a log that is there, whose other settings fit already.
pub fn decide(found: &Config, retention: Retention) -> Decision<Config> {
    let (mut config, mut rules) = (found.clone(), Rules::default());
    let wanted = retention.on(found.clone());
    let own = "the settings say so";
    rules.same("max_age", &mut config.max_age, wanted.max_age, own);
    rules.same("max_bytes", &mut config.max_bytes, wanted.max_bytes, own);
    let full = "full of events that were handled, it would refuse all others for good";
    rules.same("discard", &mut config.discard, wanted.discard, full);
    let marks = |retention: Retention| (retention.age, retention.bytes);
    let said = marks(Retention::of(&config));
    if said != marks(Retention::of(&wanted)) {
        let mut said = said;
        rules.same(
            "metadata",
            &mut said,
            marks(Retention::of(&wanted)),
            "others would not know that it is meant",
        );
        config.metadata.clone_from(&wanted.metadata);
    }
    let counted = config.max_messages > 0 && config.discard == DiscardPolicy::Old;
    let why =
        "with discard `old`, which nats.retention_bytes needs, the oldest would be dropped, seen or not";
    rules.must("max_msgs", &config.max_messages, &"unlimited", !counted, why);
    let window = config.duplicate_window;
    let fits = config.max_age.is_zero() || window <= config.max_age;
    let why = "the server remembers ids for no longer than events";
    rules.must("duplicate_window", &window, &"no longer than nats.retention_age", fits, why);
    rules.decide(format!("the stream {}", found.name), config)
}

#[cfg(test)]
mod tests {
    use super::super::stream::{Part, decide as decide_stream};
    use super::*;
    use crate::jetstream::stream::log;

    const WEEK: Duration = Duration::from_hours(24 * 7);
    const GIB: u64 = 1 << 30;

    fn limits(age: Option<Duration>, bytes: Option<u64>) -> Retention {
        Retention::new(age, bytes).expect("they can be kept")
    }

    fn changed(found: &Config, retention: Retention) -> (Config, Vec<&'static str>) {
        match decide(found, retention) {
            Decision::Update(config, differences) => {
                (*config, differences.iter().map(|difference| difference.setting).collect())
            }
            other => panic!("it is not changed: {other:?}"),
        }
    }

    #[test]
    fn what_nobody_said_stays() {
        let foreign = Config { max_bytes: 5, discard: DiscardPolicy::New, max_age: Duration::ZERO, ..log() };
        for found in [log(), foreign] {
            assert_eq!(decide(&found, Retention::default()), Decision::Adopt(Vec::new()), "{found:?}");
        }
    }

    #[test]
    fn limits_are_set_and_marked_and_nothing_else_is_touched() {
        let (config, settings) = changed(&log(), limits(Some(WEEK), Some(GIB)));
        assert_eq!(settings, ["max_age", "max_bytes", "metadata"]);
        assert_eq!((config.max_age, config.max_bytes, config.discard), (WEEK, 1 << 30, DiscardPolicy::Old));
        let metadata = config.metadata.clone();
        assert_eq!((&*metadata[AGE], &*metadata[BYTES], metadata.len()), ("604800", "1073741824", 2));
        let (max_age, max_bytes) = (log().max_age, log().max_bytes);
        assert_eq!(Config { max_age, max_bytes, metadata: log().metadata, ..config }, log());
    }

    #[test]
    fn what_was_made_so_is_as_it_should_be_for_us_and_for_those_who_say_nothing() {
        let ours = limits(Some(WEEK), Some(GIB));
        let made = ours.on(log());
        assert_eq!(decide(&made, ours), Decision::Adopt(Vec::new()));
        assert_eq!(decide(&made, Retention::default()), Decision::Adopt(Vec::new()));
        assert_eq!(decide_stream(Part::Log, &made, &log()), Decision::Adopt(Vec::new()));
        assert_eq!(decide_stream(Part::Log, &made, &ours.on(log())), Decision::Adopt(Vec::new()));
    }

    #[test]
    fn a_limit_that_nobody_marked_is_a_refusal_still_and_one_that_is_narrower_than_its_mark_is_widened() {
        let unmarked = Config { max_bytes: 1 << 30, ..log() };
        assert!(matches!(decide_stream(Part::Log, &unmarked, &log()), Decision::Refuse(_)));
        let ours = limits(Some(WEEK), Some(GIB));
        let narrower = Config { max_bytes: 1 << 20, max_age: WEEK / 2, ..ours.on(log()) };
        let Decision::Update(config, _) = decide_stream(Part::Log, &narrower, &log()) else {
            panic!("it is not updated")
        };
        assert_eq!(*config, ours.on(log()));
    }

    #[test]
    fn a_log_that_makes_senders_wait_becomes_one_that_drops_unless_its_messages_are_counted() {
        let waits = Config { max_bytes: 1 << 30, discard: DiscardPolicy::New, ..log() };
        let (config, settings) = changed(&waits, limits(None, Some(GIB)));
        assert_eq!((settings, config.discard), (vec!["discard", "metadata"], DiscardPolicy::Old));
        let counted = Config { max_messages: 1000, ..waits };
        let Decision::Refuse(unfit) = decide(&counted, limits(None, Some(GIB))) else {
            panic!("it is not refused")
        };
        assert!(unfit.to_string().contains("max_msgs is 1000, not \"unlimited\""), "{unfit}");
        assert!(matches!(decide(&counted, limits(Some(WEEK), None)), Decision::Update(..)));
    }

    #[test]
    fn ids_are_remembered_for_no_longer_than_events() {
        let found = Config { duplicate_window: WEEK * 2, ..log() };
        assert!(matches!(decide(&found, limits(Some(WEEK), None)), Decision::Refuse(_)));
    }
}

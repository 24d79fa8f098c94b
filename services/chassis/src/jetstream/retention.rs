//! How much of the log the server keeps, where the settings say so. A narrower limit waits until no handler would lose
//! by it what it has not seen: meanwhile the log grows, and that is told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::consumer::{AckPolicy, Info};
use async_nats::jetstream::stream::{self, Config, DiscardPolicy};
use chrono::TimeDelta;
use futures::TryStreamExt as _;
use thiserror::Error;

use super::fit::{self, Decision};
use super::ground::Ground;
use super::history;
use super::stream::{Assets, STREAM};

/// A day.
const DAY: Duration = Duration::from_hours(24);
/// An event must outlast the attempts of its handler, which wait up to 5 min each, and the server's own memory of ids.
const SHORTEST: Duration = DAY;
/// What was done with an event must be remembered for longer than it can be delivered: effects, attempts and runs are
/// for 45 days.
const LONGEST: Duration = Duration::from_hours(24 * 44);
const _: () = assert!(
    LONGEST.as_secs() < crate::ledger::REMEMBERED.as_secs()
        && LONGEST.as_secs() < crate::attempts::REMEMBERED.as_secs()
        && LONGEST.as_secs() < crate::replay::REMEMBERED.as_secs(),
    "an event would outlast what is remembered of it"
);
/// The smallest log: with less, what waits in the pulls of one handler would be dropped under it.
const SMALLEST: u64 = 16 * 1024 * 1024;
/// The largest: what the server can count.
const LARGEST: u64 = i64::MAX as u64;
/// What a message takes at most: the largest payload that a server takes by default, and what it writes beside it.
const MESSAGE_BYTES: u64 = 1024 * 1024 + 64 * 1024;
/// How often limits that cannot be set yet are tried.
const AGAIN: Duration = Duration::from_mins(1);

/// How much of the log the server keeps; what is not said stays as it is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// For how long.
    pub(super) age: Option<Duration>,
    /// How many bytes of it.
    pub(super) bytes: Option<u64>,
}

/// A limit that cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OutOfRange {
    /// The age.
    #[error(
        "retention_age is from 1d, which an event needs for its attempts, to 44d: what was done with it is remembered for 45"
    )]
    Age,
    /// The bytes.
    #[error("retention_bytes is from 16MiB, which a handler needs for what is on its way, to 8191PiB")]
    Bytes,
}

impl Retention {
    /// Limits that can be kept.
    pub fn new(age: Option<Duration>, bytes: Option<u64>) -> Result<Self, OutOfRange> {
        if age.is_some_and(|age| !(SHORTEST..=LONGEST).contains(&age)) {
            return Err(OutOfRange::Age);
        }
        if bytes.is_some_and(|bytes| !(SMALLEST..=LARGEST).contains(&bytes)) {
            return Err(OutOfRange::Bytes);
        }
        Ok(Self { age, bytes })
    }

    /// Nothing is said.
    fn is_unset(self) -> bool {
        self == Self::default()
    }
}

/// Limits wait for handlers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "events would be dropped that {} not seen: start what handles them; a consumer that nobody needs any more is \
     deleted with `nats consumer rm {STREAM} NAME`",
    who(.consumers)
)]
pub struct Held {
    /// Who, and the first position that it has not seen.
    consumers: Vec<(String, u64)>,
    /// The first position that would stay.
    kept: u64,
}

fn who(consumers: &[(String, u64)]) -> String {
    let names: Vec<&str> = consumers.iter().map(|(name, _)| name.as_str()).collect();
    format!("{} {}", names.join(", "), if names.len() == 1 { "has" } else { "have" })
}

/// Sets the limits, as soon as that can be, and ends then.
pub(super) async fn keep(ground: Arc<Ground>) {
    // What was said before, but for the positions, which move.
    let (mut held, mut failed) = (BTreeSet::new(), None);
    loop {
        let error = match apply(&ground).await {
            Ok(()) => return,
            Err(error) => error,
        };
        if let Some(Held { consumers, kept }) = error.downcast_ref() {
            for (name, unseen) in consumers.iter().filter(|(name, _)| held.insert(name.clone())) {
                tracing::error!(
                    consumer = name,
                    from = unseen,
                    to = kept - 1,
                    "the log is not narrowed to nats.retention_age and nats.retention_bytes: this consumer has not seen \
                     events that would be dropped; it grows until it has. One that nobody needs any more is deleted with \
                     the `nats` command"
                );
            }
            held.retain(|name| consumers.iter().any(|(holding, _)| holding == name));
        } else {
            let error = Some(format!("{error:#}"));
            if failed != error {
                tracing::error!(
                    error,
                    "the limits of the log stay as they are; they are tried again each minute"
                );
                failed = error;
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Sets the limits, if nobody loses by it what it has not seen.
pub(super) async fn apply(ground: &Ground) -> anyhow::Result<()> {
    if ground.retention.is_unset() {
        return Ok(());
    }
    let assets = ground.assets().await?;
    let info = assets.stream.get_info().await.context("cannot look at the log")?;
    let (config, differences) = match fit::retention::decide(&info.config, ground.retention) {
        Decision::Adopt(_) => return Ok(()),
        Decision::Update(config, differences) => (config, fit::list(&differences)),
        Decision::Refuse(unfit) => return Err(unfit.into()),
    };
    let hint = || {
        format!(
            "cannot change the log ({differences}): a NATS user that may can do it by `signalbox nats setup`"
        )
    };
    let held = ground.explained(held(ground, &assets, &info, &config).await).with_context(hint)?;
    let events = held.as_ref().map_or(0, |Held { consumers, kept }| {
        consumers.iter().map(|(_, unseen)| kept - unseen).max().unwrap_or(0)
    });
    ground.numbers.held.set(i64::try_from(events).unwrap_or(i64::MAX));
    if let Some(held) = held {
        return Err(anyhow::Error::new(held));
    }
    let updated = ground.context.update_stream(&*config).await.map(|_| ());
    ground.explained(updated.map_err(anyhow::Error::new)).with_context(hint)?;
    tracing::warn!(stream = STREAM, differences, "the log has other limits now");
    Ok(())
}

/// Who would lose by it.
async fn held(
    ground: &Ground,
    assets: &Assets,
    found: &stream::Info,
    wanted: &Config,
) -> anyhow::Result<Option<Held>> {
    let by_bytes = kept_by_bytes(found, wanted);
    let kept = by_bytes.max(kept_by_age(ground, assets, &found.config, wanted).await?);
    let mut consumers = Vec::new();
    if kept > found.state.first_sequence {
        let mut all = assets.stream.consumers();
        while let Some(info) = all.try_next().await.context("cannot list the consumers of the log")? {
            if let Some(unseen) = unseen(assets, &info).await?.filter(|unseen| *unseen < kept) {
                consumers.push((info.name, unseen));
            }
        }
    }
    consumers.sort();
    Ok((!consumers.is_empty()).then_some(Held { consumers, kept }))
}

/// The first position that is young enough; 0 when the age is not narrowed.
async fn kept_by_age(
    ground: &Ground,
    assets: &Assets,
    found: &Config,
    wanted: &Config,
) -> anyhow::Result<u64> {
    let forever = |config: &Config| config.max_age.is_zero();
    if forever(wanted) || (!forever(found) && found.max_age <= wanted.max_age) {
        return Ok(0);
    }
    let age = TimeDelta::from_std(wanted.max_age).context("the age is out of range")?;
    history::seek(assets, history::now(ground, STREAM).await? - age).await
}

/// The first position that surely stays when the log becomes as small as that: the sizes of messages are not known, so
/// each is taken for the largest.
fn kept_by_bytes(found: &stream::Info, wanted: &Config) -> u64 {
    let limit = u64::try_from(wanted.max_bytes).unwrap_or(0);
    let drops = found.config.discard == DiscardPolicy::Old && found.config.max_bytes > 0;
    if limit == 0 || found.state.bytes <= limit || (drops && found.config.max_bytes <= wanted.max_bytes) {
        return 0;
    }
    (found.state.last_sequence + 1).saturating_sub(limit / MESSAGE_BYTES)
}

/// The first position that a consumer has not settled, if there is one and it will have to.
async fn unseen(assets: &Assets, info: &Info) -> anyhow::Result<Option<u64>> {
    let settles = info.config.durable_name.is_some() && info.config.ack_policy != AckPolicy::None;
    if !settles || (info.num_pending == 0 && info.num_ack_pending == 0) {
        return Ok(None);
    }
    let one = Some(info.config.filter_subject.clone()).filter(|subject| !subject.is_empty());
    let mut subjects: Vec<String> = info.config.filter_subjects.iter().cloned().chain(one).collect();
    if subjects.is_empty() {
        subjects.push(">".to_owned());
    }
    history::next_of(assets, &subjects, info.ack_floor.stream_sequence + 1).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_cannot_be_kept_are_refused() {
        let hours = |hours| Some(Duration::from_hours(hours));
        for age in [hours(24), hours(24 * 7), hours(24 * 44), None] {
            assert!(Retention::new(age, None).is_ok(), "{age:?}");
        }
        for age in [hours(0), hours(23), hours(24 * 44 + 1), Some(Duration::MAX)] {
            assert_eq!(Retention::new(age, None), Err(OutOfRange::Age), "{age:?}");
        }
        assert!(Retention::new(None, Some(SMALLEST)).is_ok());
        for bytes in [0, SMALLEST - 1, u64::MAX] {
            assert_eq!(Retention::new(None, Some(bytes)), Err(OutOfRange::Bytes), "{bytes}");
        }
    }

    #[test]
    fn a_refusal_names_all_who_hold() {
        let held = |names: &[&str]| {
            let consumers = names.iter().map(|&name| (name.to_owned(), 1)).collect();
            Held { consumers, kept: 2 }.to_string()
        };
        assert!(held(&["a"]).starts_with("events would be dropped that a has not seen"), "{}", held(&["a"]));
        assert!(held(&["a", "b"]).contains("that a, b have not seen"), "{}", held(&["a", "b"]));
    }
}

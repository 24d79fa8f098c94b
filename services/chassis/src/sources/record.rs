//! What is known of one Source. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// The format of the record.
const VERSION: u32 = 1;
/// How many days count for what is usual: a week has a weekend.
const DAYS: u64 = 7;
/// A Source that is known for a shorter time has no habits yet.
const KNOWN_FOR: Duration = Duration::from_hours(24);
/// A shorter silence is never called one.
const SHORTEST: Duration = Duration::from_hours(1);
/// How much longer than the longest usual gap a silence is, in halves: one and a half times.
const HALVES: u32 = 3;

/// What is known of one Source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    v: u32,
    /// Its kind. Another one under the same name is another Source.
    pub kind: String,
    /// When it was first sent to.
    pub since: DateTime<Utc>,
    /// When a request was last accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<DateTime<Utc>>,
    /// When a request was last refused, by how it was answered (a word of an enum of the gateway).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, Refused>,
    /// The longest time without an accepted request, in seconds, by the day on which it ended.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    gaps: BTreeMap<NaiveDate, u64>,
}

/// A request that was refused, or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub error: String,
}

/// What came to one process since it wrote the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The kind of the Source.
    pub kind: String,
    /// When the first of it came.
    pub since: DateTime<Utc>,
    /// When the first and the last of the accepted requests came.
    pub accepted: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The last refused request of each answer.
    pub refused: BTreeMap<String, Refused>,
}

/// Nothing came for longer than usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// For how long.
    pub lasts: Duration,
    /// The longest time without anything in the week before.
    pub usual: Duration,
}

impl Record {
    /// Reads a record; `None` when it is damaged or of another version.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|record: &Self| record.v == VERSION)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a record is plain data with string keys")
    }

    /// The last request that was refused, and how it was answered.
    pub fn last_refused(&self) -> Option<(&str, &Refused)> {
        let last = self.refused.iter().max_by_key(|(_, refused)| refused.at);
        last.map(|(answer, refused)| (answer.as_str(), refused))
    }

    /// The longest time without an accepted request in the week up to the last one; `None` when it is too early to say.
    pub fn usual(&self, now: DateTime<Utc>) -> Option<Duration> {
        if between(self.since, now) < KNOWN_FOR {
            return None;
        }
        self.gaps.values().max().map(|seconds| Duration::from_secs(*seconds))
    }

    /// Whether nothing was accepted for longer than usual: for more than an hour, and for half as long again as ever in the
    /// week before.
    ///
    /// ```
    /// use std::time::Duration;
    /// use chassis::sources::{News, Record};
    /// let at = |hours: i64| chrono::DateTime::from_timestamp(hours * 3600, 0).unwrap();
    /// let accepted = |known: Option<Record>, hours| {
    ///     let accepted = Some((at(hours), at(hours)));
    ///     let news = News { kind: "github".to_owned(), since: at(hours), accepted, refused: Default::default() };
    ///     Some(news.added_to(known))
    /// };
    /// // Something comes every six hours, for two days …
    /// let record = (0..8).map(|n| n * 6).fold(None, accepted).unwrap();
    /// assert_eq!(record.silence(at(50)), None);
    /// // … and then nothing for twelve.
    /// assert_eq!(record.silence(at(54)).unwrap().usual, Duration::from_secs(6 * 3600));
    /// ```
    pub fn silence(&self, now: DateTime<Utc>) -> Option<Silence> {
        let (lasts, usual) = (between(self.accepted?, now), self.usual(now)?);
        (lasts > SHORTEST && lasts > usual * HALVES / 2).then_some(Silence { lasts, usual })
    }
}

impl News {
    /// What is known with it.
    #[must_use]
    pub fn added_to(&self, known: Option<Record>) -> Record {
        let Self { kind, since, accepted, refused } = self;
        let new = || Record {
            v: VERSION,
            kind: kind.clone(),
            since: *since,
            accepted: None,
            refused: BTreeMap::new(),
            gaps: BTreeMap::new(),
        };
        let mut record = known.filter(|known| known.kind == *kind).unwrap_or_else(new);
        record.since = record.since.min(*since);
        if let Some((first, last)) = *accepted {
            // Within the news there is no gap that counts: they are of seconds.
            if let Some(before) = record.accepted.filter(|before| *before < first) {
                let gap = record.gaps.entry(first.date_naive()).or_default();
                *gap = (*gap).max(between(before, first).as_secs());
            }
            let accepted = record.accepted.map_or(last, |before| before.max(last));
            record.accepted = Some(accepted);
            let oldest = accepted.date_naive().checked_sub_days(Days::new(DAYS));
            record.gaps.retain(|day, _| oldest.is_none_or(|oldest| *day > oldest));
        }
        for (answer, refused) in refused {
            let known = record.refused.entry(answer.clone()).or_insert_with(|| refused.clone());
            if known.at < refused.at {
                known.clone_from(refused);
            }
        }
        record
    }
}

/// No time is negative, whatever clocks do.
fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}

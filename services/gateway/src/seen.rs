//! When each Source was last accepted and last refused.
//!
//! The one place where a label is no word of an enum: it is the name of a Source that the catalog in force declares, so
//! there are as many as the user wrote. What is no longer declared is forgotten at the next look.
//!
//! What comes is news, until `keep.rs` has written it down.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chassis::metrics::{Error, Registry, make};
use chassis::sources::{News, Record, Refused};
use chrono::{DateTime, Utc};
use prometheus::IntGaugeVec;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use resources::Current;
use strum::IntoEnumIterator as _;
use tokio::sync::Notify;

use crate::answer::Answer;
use crate::metrics::SourceLabel;

/// When each Source was last accepted and last refused.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    catalog: Current,
    sources: Arc<Mutex<HashMap<String, Last>>>,
    some: Arc<Notify>,
    accepted: IntGaugeVec,
    refused: IntGaugeVec,
}

/// What is known of one Source, in Unix seconds.
#[derive(Debug)]
struct Last {
    kind: SourceLabel,
    accepted: Option<i64>,
    /// By answer.
    refused: BTreeMap<&'static str, i64>,
    /// What is not written down yet.
    news: Option<News>,
}

impl Seen {
    /// Registers what it shows; the catalog says which Sources there are.
    pub(crate) fn register(registry: &Registry, catalog: Current) -> Result<Self, Error> {
        let accepted = make::gauges(
            "signalbox_gateway_source_last_accepted_timestamp_seconds",
            "When a request to this source was last accepted, in Unix seconds.",
            &["source", "source_kind"],
        )?;
        let refused = make::gauges(
            "signalbox_gateway_source_last_refused_timestamp_seconds",
            "When a request to this source was last refused or failed with this answer, in Unix seconds.",
            &["source", "source_kind", "answer"],
        )?;
        let seen = Self { catalog, sources: Arc::default(), some: Arc::default(), accepted, refused };
        registry.register(Box::new(seen.clone()))?;
        Ok(seen)
    }

    /// A request to a declared Source was answered; `why` is why not with 202.
    pub(crate) fn answered(
        &self,
        source: &str,
        kind: SourceLabel,
        answer: Answer,
        at: DateTime<Utc>,
        why: Option<String>,
    ) {
        let mut sources = self.lock();
        let last = Last::of(&mut sources, source, kind);
        let news = last.news.get_or_insert_with(|| News {
            kind: kind.name().to_owned(),
            since: at,
            accepted: None,
            refused: BTreeMap::new(),
        });
        if answer.is_good() {
            last.accepted = Some(at.timestamp());
            let first = news.accepted.map_or(at, |(first, _)| first);
            news.accepted = Some((first, at));
        } else {
            last.refused.insert(answer.name(), at.timestamp());
            let error = why.unwrap_or_default();
            news.refused.insert(answer.name().to_owned(), Refused { at, error });
        }
        drop(sources);
        self.some.notify_one();
    }

    /// Waits until there are news.
    pub(crate) async fn some(&self) {
        self.some.notified().await;
    }

    /// Takes what is not written down yet, by the name of its Source.
    pub(crate) fn take(&self) -> Vec<(String, News)> {
        let mut sources = self.lock();
        sources.iter_mut().filter_map(|(name, last)| Some((name.clone(), last.news.take()?))).collect()
    }

    /// These news could not be written down: they stay news, older than what came meanwhile.
    pub(crate) fn give_back(&self, name: &str, news: News) {
        if let Some(last) = self.lock().get_mut(name).filter(|last| last.kind.name() == news.kind) {
            last.news = Some(match last.news.take() {
                Some(later) => followed(news, later),
                None => news,
            });
        }
        self.some.notify_one();
    }

    /// Knows what was written down, by this process or another one.
    pub(crate) fn learn(&self, name: &str, record: &Record) {
        let Some(kind) = SourceLabel::iter().find(|kind| kind.name() == record.kind) else { return };
        let mut sources = self.lock();
        if sources.get(name).is_some_and(|last| last.kind != kind) {
            return;
        }
        let last = Last::of(&mut sources, name, kind);
        last.accepted = last.accepted.max(record.accepted.map(|at| at.timestamp()));
        for answer in Answer::iter() {
            if let Some(Refused { at, .. }) = record.refused.get(answer.name()) {
                let known = last.refused.entry(answer.name()).or_default();
                *known = (*known).max(at.timestamp());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Last>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Last {
    /// What is known of a Source; of one whose name another kind has taken, nothing.
    fn of<'s>(sources: &'s mut HashMap<String, Self>, name: &str, kind: SourceLabel) -> &'s mut Self {
        let new = || Self { kind, accepted: None, refused: BTreeMap::new(), news: None };
        let last = sources.entry(name.to_owned()).or_insert_with(new);
        if last.kind != kind {
            *last = new();
        }
        last
    }
}

/// News of one Source, and later ones.
fn followed(mut news: News, later: News) -> News {
    let News { kind: _, since: _, accepted, refused } = later;
    news.accepted = match (news.accepted, accepted) {
        (Some((first, _)), Some((_, last))) => Some((first, last)),
        (one, other) => other.or(one),
    };
    news.refused.extend(refused);
    news
}

impl Collector for Seen {
    fn desc(&self) -> Vec<&Desc> {
        self.accepted.desc().into_iter().chain(self.refused.desc()).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let catalog = self.catalog.get();
        let mut sources = self.lock();
        sources.retain(|name, last| {
            catalog.sources.get(name).is_some_and(|source| SourceLabel::from(&source.kind) == last.kind)
        });
        self.accepted.reset();
        self.refused.reset();
        for (name, Last { kind, accepted, refused, news: _ }) in &*sources {
            if let Some(at) = accepted {
                self.accepted.with_label_values(&[name, kind.name()]).set(*at);
            }
            for (answer, at) in refused {
                self.refused.with_label_values(&[name, kind.name(), answer]).set(*at);
            }
        }
        // Still under the lock: two looks at once would reset each other's numbers.
        self.accepted.collect().into_iter().chain(self.refused.collect()).collect()
    }
}

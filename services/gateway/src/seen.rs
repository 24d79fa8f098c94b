//! When each Source was last accepted and last refused.
//!
//! The one place where a label is no word of an enum: it is the name of a Source that the catalog in force declares, so
//! there are as many as the user wrote. What is no longer declared is forgotten at the next look.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chassis::metrics::{Error, Registry, make};
use prometheus::IntGaugeVec;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use resources::Current;

use crate::answer::Answer;
use crate::metrics::SourceLabel;

/// When each Source was last accepted and last refused.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    catalog: Current,
    sources: Arc<Mutex<HashMap<String, Last>>>,
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
        let seen = Self { catalog, sources: Arc::default(), accepted, refused };
        registry.register(Box::new(seen.clone()))?;
        Ok(seen)
    }

    /// A request to a declared Source was answered.
    pub(crate) fn answered(&self, source: &str, kind: SourceLabel, answer: Answer, at: i64) {
        let mut sources = self.lock();
        let new = || Last { kind, accepted: None, refused: BTreeMap::new() };
        let last = sources.entry(source.to_owned()).or_insert_with(new);
        if last.kind != kind {
            // Another Source has taken the name.
            *last = new();
        }
        if answer.is_good() {
            last.accepted = Some(at);
        } else {
            last.refused.insert(answer.name(), at);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Last>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        for (name, Last { kind, accepted, refused }) in &*sources {
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

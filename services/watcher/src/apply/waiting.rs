//! What time alone will change: an object that is not ready *for five minutes*.
//!
//! Only in memory: since when it is so stands in the object itself (or in what is kept of it), so that after a restart
//! the first list makes it anew.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::key::Key;

/// Objects that have to be looked at again, each at its time.
pub struct Waiting<S> {
    by_time: BTreeSet<(DateTime<Utc>, Key)>,
    by_key: BTreeMap<Key, (DateTime<Utc>, S)>,
}

impl<S> Default for Waiting<S> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), by_key: BTreeMap::new() }
    }
}

impl<S> Waiting<S> {
    /// Looks again at an object at that time, as it stands now; `None`: it need not be.
    pub fn set(&mut self, key: Key, again: Option<(DateTime<Utc>, S)>) {
        self.forget(&key);
        if let Some((at, sight)) = again {
            self.by_time.insert((at, key.clone()));
            self.by_key.insert(key, (at, sight));
        }
    }

    /// The object need not be looked at again.
    pub fn forget(&mut self, key: &Key) {
        if let Some((at, _)) = self.by_key.remove(key) {
            self.by_time.remove(&(at, key.clone()));
        }
    }

    /// None of them need be.
    pub fn clear(&mut self) {
        self.by_time.clear();
        self.by_key.clear();
    }

    /// When the first one has to be.
    pub fn first(&self) -> Option<DateTime<Utc>> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out one whose time has come.
    pub fn due(&mut self, now: DateTime<Utc>) -> Option<(Key, S)> {
        let (at, _) = self.by_time.first()?;
        if *at > now {
            return None;
        }
        let (_, key) = self.by_time.pop_first()?;
        let (_, sight) = self.by_key.remove(&key)?;
        Some((key, sight))
    }
}

//! The durable consumers: those that are open here, and those that are only known.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::consumer::Consumer;
use super::keys::{self, Part};
use super::state::State;

/// The consumers that were opened by this process.
#[derive(Default)]
pub struct Consumers(Mutex<HashMap<String, Arc<Consumer>>>);

/// Where a consumer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// Everything up to here is settled.
    pub floor: u64,
    /// When a process had it open last, in milliseconds since 1970; `None` when this one has.
    pub opened: Option<i64>,
}

impl Consumers {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Consumer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one that was just opened; one of the same name is replaced.
    pub fn insert(&self, consumer: Arc<Consumer>) {
        if let Some(before) = self.lock().insert(consumer.name().to_owned(), consumer) {
            before.replace();
        }
    }

    /// Writes all places anew.
    pub fn save_all(&self) {
        for consumer in self.lock().values() {
            consumer.save_all();
        }
    }

    /// The names of those that are open here.
    pub fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Where those stand that are open here.
    pub fn here(&self) -> Vec<Standing> {
        let standing = |(name, consumer): (&String, &Arc<Consumer>)| Standing {
            name: name.clone(),
            floor: consumer.floor(),
            opened: None,
        };
        self.lock().iter().map(standing).collect()
    }

    /// Where all known consumers stand.
    pub fn standings(&self, state: &State) -> anyhow::Result<Vec<Standing>> {
        let mut opened = HashMap::new();
        let mut floors = HashMap::new();
        for (key, value) in state.scan(keys::CONSUMERS, keys::CONSUMERS, usize::MAX)? {
            if let Some(name) = keys::consumer_of(&key, Part::Floor) {
                floors.insert(name, keys::number(&value).unwrap_or(0));
            } else if let Some(name) = keys::consumer_of(&key, Part::Opened) {
                opened.insert(name, keys::number(&value).unwrap_or(0).cast_signed());
            }
        }
        for (name, consumer) in &*self.lock() {
            floors.insert(name.clone(), consumer.floor());
            opened.remove(name);
        }
        let here = self.names();
        let standing = |(name, floor): (String, u64)| {
            let opened = (!here.contains(&name)).then(|| opened.get(&name).copied().unwrap_or(0));
            Standing { name, floor, opened }
        };
        Ok(floors.into_iter().map(standing).collect())
    }
}

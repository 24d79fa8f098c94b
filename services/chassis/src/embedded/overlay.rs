//! What a batch will change, laid over what the tree holds: later commands of a batch see earlier ones.

use std::collections::HashMap;

/// The changes of one batch.
pub struct Overlay<'a> {
    tree: &'a sled::Tree,
    changes: HashMap<Vec<u8>, Option<Vec<u8>>>,
}

impl<'a> Overlay<'a> {
    /// No changes yet.
    pub fn new(tree: &'a sled::Tree) -> Self {
        Self { tree, changes: HashMap::new() }
    }

    /// The value as it will be.
    pub fn get(&self, key: &[u8]) -> sled::Result<Option<Vec<u8>>> {
        match self.changes.get(key) {
            Some(changed) => Ok(changed.clone()),
            None => Ok(self.tree.get(key)?.map(|value| value.to_vec())),
        }
    }

    /// Whether this batch leaves the key alone so far.
    pub fn is_untouched(&self, key: &[u8]) -> bool {
        !self.changes.contains_key(key)
    }

    /// Sets a value.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.insert(key, Some(value));
    }

    /// Removes a key.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes as one atomic batch.
    pub fn into_batch(self) -> sled::Batch {
        let mut batch = sled::Batch::default();
        for (key, value) in self.changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        batch
    }
}

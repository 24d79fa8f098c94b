//! The few things of sealed files that were used last.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// At most so many values, by the name of their file; the one that was not used for the longest time goes first.
pub struct Cache<T> {
    most: usize,
    values: Mutex<VecDeque<(u64, Arc<T>)>>,
}

impl<T> Cache<T> {
    /// An empty one.
    pub fn new(most: usize) -> Self {
        Self { most, values: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(u64, Arc<T>)>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of that file; made if it is not here.
    pub fn get(&self, name: u64, make: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<Arc<T>> {
        let mut values = self.lock();
        if let Some(at) = values.iter().position(|(other, _)| *other == name) {
            let (name, value) = values.remove(at).expect("its place was just found");
            values.push_front((name, value.clone()));
            return Ok(value);
        }
        drop(values);
        // Not under the lock: it reads a file. Two that ask at once read it twice, which does no harm.
        let value = Arc::new(make()?);
        let mut values = self.lock();
        values.push_front((name, value.clone()));
        values.truncate(self.most);
        Ok(value)
    }

    /// Lets the value of that file go.
    pub fn forget(&self, name: u64) {
        self.lock().retain(|(other, _)| *other != name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_was_not_used_for_the_longest_time_goes_first() {
        let cache = Cache::new(2);
        let made = |name| *cache.get(name, || Ok(name * 10)).unwrap();
        assert_eq!((made(1), made(2), made(1), made(3)), (10, 20, 10, 30));
        let kept = |name| *cache.get(name, || Ok(0)).unwrap();
        assert_eq!((kept(1), kept(3)), (10, 30));
        assert_eq!(kept(2), 0, "it was gone");
        cache.forget(2);
        assert_eq!(made(2), 20);
    }
}

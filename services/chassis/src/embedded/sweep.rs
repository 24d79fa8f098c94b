//! Looking for what has expired, a piece at a time.

use std::time::{Duration, Instant};

use super::overlay::Overlay;

/// How often it is looked for.
const EVERY: Duration = Duration::from_secs(30);
/// How many entries one look may pass: bounds what a batch waits for it.
const ENTRIES: usize = 1_000;

/// Looks through the keys of one prefix, over and over.
pub struct Sweep {
    prefix: &'static [u8],
    looked: Option<Instant>,
    /// Where the next look begins.
    from: Option<sled::IVec>,
}

impl Sweep {
    /// Of the keys with that prefix.
    pub fn of(prefix: &'static [u8]) -> Self {
        Self { prefix, looked: None, from: None }
    }

    /// Removes some of what is to go, if the last look was long enough ago.
    pub fn some(
        &mut self,
        overlay: &mut Overlay<'_>,
        db: &sled::Db,
        mut goes: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> sled::Result<()> {
        if self.looked.is_some_and(|looked| looked.elapsed() < EVERY) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let from = self.from.take().unwrap_or_else(|| self.prefix.into());
        for (count, found) in db.range(from..).enumerate() {
            let (key, value) = found?;
            if !key.starts_with(self.prefix) {
                break;
            }
            if count == ENTRIES {
                self.from = Some(key);
                break;
            }
            // A command of this batch may have just written it anew.
            if overlay.is_untouched(&key) && goes(&key, &value) {
                overlay.remove(key.to_vec());
            }
        }
        Ok(())
    }
}

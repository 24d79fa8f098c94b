//! What is left of the disk. Events stop first, while there is still enough for what handlers write to finish their work;
//! then that stops, too.

use std::path::{Path, PathBuf};

use super::options::Options;

/// The disk of the folder.
#[derive(Debug, Clone)]
pub struct Space {
    dir: PathBuf,
    /// Below it no event is taken.
    reserve: u64,
}

/// What wants to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// An event or a large body of so many bytes.
    Event(u64),
    /// A place of a consumer, the ledger, a dead letter: it may use most of the reserve.
    State,
}

impl Space {
    /// The disk of that folder.
    pub fn new(dir: &Path, options: &Options) -> Self {
        Self { dir: dir.to_owned(), reserve: options.reserve_bytes }
    }

    /// How many bytes are free; `None` when the system does not say.
    pub fn free(&self) -> Option<u64> {
        let of = rustix::fs::statvfs(&self.dir).ok()?;
        of.f_bavail.checked_mul(of.f_frsize)
    }

    /// Whether there is room for it; if not, what to tell.
    pub fn room_for(&self, what: Use) -> Result<(), String> {
        let (bytes, mark) = match what {
            Use::Event(bytes) => (bytes, self.reserve),
            Use::State => (0, self.reserve / 4),
        };
        let needed = mark.saturating_add(bytes);
        match self.free() {
            Some(free) if free < needed => Err(format!(
                "{} are free on the disk of {}, and {} must be: free some, or keep less; it goes on by itself",
                kib(free),
                self.dir.display(),
                kib(needed),
            )),
            Some(_) | None => Ok(()),
        }
    }
}

/// A number of bytes as people read it; rounded up, so that what is needed is never zero.
fn kib(bytes: u64) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(reserve_bytes: u64) -> Space {
        let options = Options { reserve_bytes, ..Options::default() };
        Space::new(Path::new("/"), &options)
    }

    #[test]
    fn events_stop_before_the_state_does() {
        let free = with(0).free().unwrap();
        assert!(with(0).room_for(Use::Event(1)).is_ok());
        assert!(with(free / 2).room_for(Use::Event(free)).is_err());
        let tight = with(free.saturating_mul(2));
        assert!(tight.room_for(Use::Event(0)).is_err() && tight.room_for(Use::State).is_ok());
        assert!(with(free.saturating_mul(8)).room_for(Use::State).is_err());
    }
}

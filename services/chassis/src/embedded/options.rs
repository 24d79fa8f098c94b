//! How much the embedded bus keeps, and what it leaves free.

use std::time::Duration;

/// A day.
const DAY: Duration = Duration::from_hours(24);
/// A mebibyte.
const MIB: u64 = 1024 * 1024;

/// What may differ from folder to folder. The default is right for a small server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// An event is kept for at least this long.
    pub retention_age: Duration,
    /// When the log takes more bytes than this, its oldest events go before their time.
    pub retention_bytes: u64,
    /// So many bytes of the disk stay free of events: handlers need them to finish their work, which frees more.
    pub reserve_bytes: u64,
    /// A file of the log is closed when it is larger than this, and the next one begun. Events are dropped a file at a
    /// time, and a start reads the last file whole.
    pub generation_bytes: u64,
    /// A file of the log is closed when its first event is older than this.
    pub generation_age: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention_age: DAY * 30,
            retention_bytes: 10 * 1024 * MIB,
            reserve_bytes: 64 * MIB,
            generation_bytes: 64 * MIB,
            generation_age: DAY,
        }
    }
}

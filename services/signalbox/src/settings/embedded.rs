//! How much the embedded bus keeps.

use chassis::embedded::Options;
use serde::Deserialize;

use crate::duration::Period;
use crate::size::Size;

/// How much the embedded bus keeps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Embedded {
    /// An event is kept for at least this long.
    pub retention_age: Period,
    /// When the log takes more than this, its oldest events go before their time.
    pub retention_bytes: Size,
    /// So much of the disk stays free of events.
    pub reserve: Size,
}

impl Default for Embedded {
    fn default() -> Self {
        let Options { retention_age, retention_bytes, reserve_bytes, generation_bytes: _, generation_age: _ } =
            Options::default();
        Self {
            retention_age: Period(retention_age),
            retention_bytes: Size(retention_bytes),
            reserve: Size(reserve_bytes),
        }
    }
}

impl Embedded {
    /// What the engine needs.
    pub fn options(&self) -> Options {
        let Self { retention_age, retention_bytes, reserve } = self;
        let (bytes, age) = (retention_bytes.0, retention_age.0);
        let Options { generation_bytes, generation_age, .. } = Options::default();
        Options {
            retention_age: age,
            retention_bytes: bytes,
            reserve_bytes: reserve.0,
            // Dropped a file at a time: the files of a small or short-lived log are small.
            generation_bytes: generation_bytes.min(bytes / 8).max(64 * 1024),
            generation_age: generation_age.min(age / 8).max(std::time::Duration::from_secs(1)),
        }
    }
}

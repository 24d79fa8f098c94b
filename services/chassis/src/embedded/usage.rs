//! What the bus takes on the disk, for metrics and for people.

use std::sync::PoisonError;

use super::Embedded;
use super::retention::Held;

/// What the bus takes on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Files of the log.
    pub files: usize,
    /// Bytes of the log.
    pub bytes: u64,
    /// Records of the log.
    pub records: u64,
    /// Bytes that are free on its disk; `None` when the system does not say.
    pub free: Option<u64>,
    /// Old events that cannot be dropped because a consumer has not seen them.
    pub held: Option<Held>,
}

impl Embedded {
    /// What the bus takes on the disk.
    pub fn usage(&self) -> Usage {
        let size = self.0.log.size();
        Usage {
            files: size.files,
            bytes: size.bytes,
            records: size.records,
            free: self.0.space.free(),
            held: self.0.held.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

//! Whether the bus and the store do their part, for the readiness of the process.

use std::sync::{Mutex, PoisonError};

use chassis::Waits;

/// What is waited for, if anything.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<Option<String>>);

impl Pulse {
    /// Content, or why not.
    pub fn check(&self) -> Result<(), String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().map_or(Ok(()), Err)
    }

    fn set(&self, waits: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = waits;
    }
}

impl Waits for Pulse {
    fn waits(&self, why: String) {
        self.set(Some(why));
    }

    fn flows(&self) {
        self.set(None);
    }
}

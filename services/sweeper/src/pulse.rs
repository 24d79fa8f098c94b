//! Whether the bus and the store do their part, for the readiness of the process.

use std::sync::{Mutex, PoisonError};

/// What is waited for, if anything.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<Option<String>>);

impl Pulse {
    /// The bus or the store does not do its part.
    pub fn waits(&self, why: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// They do.
    pub fn flows(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Content, or why not.
    pub fn check(&self) -> Result<(), String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().map_or(Ok(()), Err)
    }
}

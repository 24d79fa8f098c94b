//! GitHub asked to be left alone: until then nobody who shares the client asks.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use crate::Error;
use crate::error::Limit;

/// Until when nothing is asked.
#[derive(Debug, Default)]
pub(crate) struct Patience(Mutex<Option<(Limit, DateTime<Utc>)>>);

impl Patience {
    /// The error of whoever asks too early.
    pub(crate) fn check(&self, now: DateTime<Utc>) -> Result<(), Error> {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *waits {
            Some((limit, until)) if now < until => {
                Err(Error::RateLimited { limit, until, message: String::new() })
            }
            _ => {
                *waits = None;
                Ok(())
            }
        }
    }

    /// Keeps what an error says of a limit.
    pub(crate) fn learn(&self, error: &Error) {
        if let Error::RateLimited { limit, until, .. } = error {
            let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let later = waits.is_none_or(|(_, known)| known < *until);
            if later {
                *waits = Some((*limit, *until));
            }
        }
    }
}

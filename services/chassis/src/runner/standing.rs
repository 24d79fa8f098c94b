//! Whether a handler gets its events, for the readiness.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Health;

/// One error may be mended by the next attempt, as after a reconnect; so many in a row are told.
const TOLD_AFTER: u32 = 2;

/// Whether a handler, or another service that asks for a lease, gets what it needs from the bus.
#[derive(Clone, Default)]
pub struct Standing(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// Errors since something went well.
    failures: u32,
    last: String,
}

impl Standing {
    /// Nothing is known yet. Whoever asks for the readiness hears of it under the handler's name.
    pub fn of(handler: &'static str, health: Option<&Health>) -> Self {
        let standing = Self::default();
        if let Some(health) = health {
            let asked = standing.clone();
            health.register(handler, move || {
                let answer = asked.check();
                Box::pin(async move { answer })
            });
        }
        standing
    }

    /// It gets its events, or another process does.
    pub fn well(&self) {
        self.known().failures = 0;
    }

    /// The bus gave an error in the place of an event.
    pub fn failed(&self, error: &str) {
        let mut known = self.known();
        known.failures = known.failures.saturating_add(1);
        error.clone_into(&mut known.last);
    }

    /// The bus does not let it have events at all.
    pub fn refused(&self, error: &str) {
        self.failed(error);
        let mut known = self.known();
        known.failures = known.failures.max(TOLD_AFTER);
    }

    fn check(&self) -> Result<(), String> {
        let known = self.known();
        if known.failures < TOLD_AFTER {
            return Ok(());
        }
        Err(format!("it gets nothing from the bus: {}", known.last))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_handler_that_gets_no_events_is_named_until_it_does() {
        let health = Health::default();
        let standing = Standing::of("automator", Some(&health));
        assert!(health.ready().await.ok);
        standing.failed("cut off");
        assert!(health.ready().await.ok, "the next attempt may mend it");
        standing.failed("cut off again");
        let report = health.ready().await;
        assert_eq!((report.ok, report.checks[0].name), (false, "automator"));
        let error = report.checks[0].error.clone();
        assert_eq!(error.as_deref(), Some("it gets nothing from the bus: cut off again"));
        standing.well();
        assert!(health.ready().await.ok);
        standing.refused("no permission");
        assert!(!health.ready().await.ok);
    }
}

//! Ready or not, and why not.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, join_all};
use serde::Serialize;

/// How long one check may take. Shorter than the usual time-out of a probe that asks (kubelet: 1 s unless set; our chart
/// sets 5 s), longer than a bus under load needs for a write.
pub const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The checks that decide whether this process is ready.
///
/// Liveness is not decided here: a process that answers at all is alive, and restarting it would not mend its bus.
#[derive(Clone, Default)]
pub struct Health {
    checks: Arc<RwLock<Vec<(&'static str, Check)>>>,
}

/// The answer of all checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every check is content.
    pub ok: bool,
    /// In the order in which they were registered.
    pub checks: Vec<CheckReport>,
}

/// The answer of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// What was checked.
    pub name: &'static str,
    /// Whether it is content.
    pub ok: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Health {
    /// Adds a check. It runs each time that somebody asks, so it should be cheap; it is cut off after
    /// [`CHECK_TIMEOUT`].
    pub fn register(
        &self,
        name: &'static str,
        check: impl Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync + 'static,
    ) {
        self.checks.write().unwrap_or_else(PoisonError::into_inner).push((name, Arc::new(check)));
    }

    /// Runs all checks, side by side.
    pub async fn ready(&self) -> Report {
        let checks = self.checks.read().unwrap_or_else(PoisonError::into_inner).clone();
        let checks = join_all(checks.into_iter().map(|(name, check)| run(name, check))).await;
        Report { ok: checks.iter().all(|check| check.ok), checks }
    }
}

async fn run(name: &'static str, check: Check) -> CheckReport {
    let begun = Instant::now();
    let result = tokio::time::timeout(CHECK_TIMEOUT, check()).await;
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let error = match result {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(_elapsed) => Some(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())),
    };
    CheckReport { name, ok: error.is_none(), error, took_ms }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checks = self.checks.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_list().entries(checks.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::Health;

    #[tokio::test]
    async fn without_checks_it_is_ready() {
        assert!(Health::default().ready().await.ok);
    }

    #[tokio::test]
    async fn one_failing_check_makes_it_unready_and_says_why() {
        let health = Health::default();
        health.register("bus", || Box::pin(async { Ok(()) }));
        health.register("kubernetes", || Box::pin(async { Err("connection refused".to_owned()) }));
        let report = health.ready().await;
        assert!(!report.ok);
        assert!(report.checks[0].ok && report.checks[0].error.is_none());
        assert_eq!(report.checks[1].name, "kubernetes");
        assert_eq!(report.checks[1].error.as_deref(), Some("connection refused"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_is_cut_off_and_the_others_are_not_held_up() {
        let health = Health::default();
        health.register("hangs", || Box::pin(pending()));
        health.register("hangs too", || Box::pin(pending()));
        health.register("answers", || Box::pin(async { Ok(()) }));
        let begun = tokio::time::Instant::now();
        let report = health.ready().await;
        assert_eq!(begun.elapsed().as_secs(), 2, "the checks run side by side");
        assert_eq!(report.checks.iter().map(|check| check.ok).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(report.checks[0].error.as_deref(), Some("no answer within 2 s"));
    }
}

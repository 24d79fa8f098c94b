//! One switch that tells everything to come to an end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code after a second signal: 128 and the number of SIGINT, as shells count.
const EXIT_AT_ONCE: i32 = 130;

/// Tells everything that holds a clone of it to come to an end. Once triggered, it stays so.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// A switch that is not triggered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells everybody.
    pub fn trigger(&self) {
        self.0.cancel();
    }

    /// Returns when it is triggered. Cancel-safe.
    pub async fn triggered(&self) {
        self.0.cancelled().await;
    }

    /// Whether it is triggered.
    pub fn is_triggered(&self) -> bool {
        self.0.is_cancelled()
    }

    /// A switch that is triggered with this one, and that can be triggered alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// From now on SIGTERM and SIGINT trigger it; a second signal ends the process at once.
    ///
    /// Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// When the operating system refuses the signal handlers.
    pub fn on_signals(&self) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            let name = either(&mut terminate, &mut interrupt).await;
            tracing::info!(signal = name, "shutting down; another signal ends the process at once");
            shutdown.trigger();
            let name = either(&mut terminate, &mut interrupt).await;
            tracing::warn!(signal = name, "second signal: ending at once");
            std::process::exit(EXIT_AT_ONCE);
        });
        Ok(())
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

#[cfg(test)]
mod tests {
    use super::Shutdown;

    #[tokio::test]
    async fn every_clone_and_child_is_told_and_stays_told() {
        let shutdown = Shutdown::new();
        let (clone, child) = (shutdown.clone(), shutdown.child());
        assert!(!clone.is_triggered());
        let waiting = tokio::spawn(async move { clone.triggered().await });
        shutdown.trigger();
        waiting.await.expect("the waiting task ends by itself");
        child.triggered().await;
        assert!(shutdown.is_triggered());
    }

    #[tokio::test]
    async fn a_child_alone_does_not_tell_its_parent() {
        let shutdown = Shutdown::new();
        let child = shutdown.child();
        child.trigger();
        assert!(child.is_triggered());
        assert!(!shutdown.is_triggered());
    }
}

//! One process of several is active for a handler, or another service: the one that has its lease.

use std::sync::Arc;

use prometheus::IntGauge;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::standing::Standing;
use crate::Shutdown;
use crate::lease::{Fence, Lease, Leases};

/// Does the work until shutdown: where there are leases, while this process has that of `name`, and anew whenever it has it
/// again. The work ends by itself on shutdown and when the lease is lost; `active` shows whether it is done here.
pub async fn alone<E, W>(
    leases: Option<Arc<Leases>>,
    name: &str,
    active: &IntGauge,
    standing: &Standing,
    shutdown: &Shutdown,
    mut work: impl FnMut(Fence) -> W,
) -> Result<(), E>
where
    W: Future<Output = Result<(), E>>,
{
    let Some(leases) = leases else {
        active.set(1);
        return work(Fence::none()).await;
    };
    active.set(0);
    while let Some(lease) = wait(&leases, name, standing, shutdown).await {
        active.set(1);
        let fence = lease.fence();
        let (done, keeper) = keep(leases.clone(), lease);
        let result = work(fence).await;
        active.set(0);
        done.cancel();
        let _ = keeper.await;
        result?;
        if shutdown.is_triggered() {
            break;
        }
        tracing::warn!(handler = name, "the lease is lost: another process may be active");
    }
    Ok(())
}

/// The lease of a handler, as soon as it can be had; `None` on shutdown.
async fn wait(leases: &Leases, handler: &str, standing: &Standing, shutdown: &Shutdown) -> Option<Lease> {
    let name = format!("handler/{handler}");
    let mut told = false;
    loop {
        let failed = match leases.acquire(&name).await {
            Ok(Some(lease)) => {
                tracing::info!(handler, token = lease.fence().token(), "active");
                standing.well();
                return Some(lease);
            }
            Ok(None) => {
                standing.well();
                None
            }
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                standing.refused(&error);
                Some(error)
            }
        };
        if !std::mem::replace(&mut told, true) {
            if let Some(error) = failed {
                tracing::warn!(handler, error, "no lease yet, trying again");
            } else {
                tracing::info!(handler, "another process is active: waiting for its lease");
            }
        }
        // Not all at once.
        let wait = crate::backoff::jitter(Leases::beat());
        tokio::select! {
            () = shutdown.triggered() => return None,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Keeps the lease until it is lost or the token is cancelled, and then lets it go.
fn keep(leases: Arc<Leases>, mut lease: Lease) -> (CancellationToken, AbortOnDropHandle<()>) {
    let done = CancellationToken::new();
    let cancelled = done.clone();
    let keeper = tokio::spawn(async move {
        tokio::select! {
            () = leases.keep(&mut lease) => {}
            () = cancelled.cancelled() => {}
        }
        leases.release(lease).await;
    });
    // Whoever does not come to let it go does not keep it for ever.
    (done, AbortOnDropHandle::new(keeper))
}

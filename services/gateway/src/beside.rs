//! Work that would hold up other requests goes to a thread beside them.

use crate::Limits;
use crate::refusal::Refusal;

/// Runs `work`, which takes time in proportion to `bytes`: in place when that is a moment, else on a blocking thread.
///
/// The work ends even if nobody waits for it any more.
pub(crate) async fn run<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    if bytes <= Limits::LOOKED_AT_IN_PLACE {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        // The runtime is going down and has not begun with it.
        Err(_) => Refusal::Overloaded,
    })
}

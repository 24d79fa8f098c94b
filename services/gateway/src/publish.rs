//! Putting events on the bus; nothing is answered with 202 before this returned.

use std::time::Duration;

use chassis::{Bus, PublishError, Published};
use events::Envelope;

use crate::refusal::Refusal;

/// How many events of one notification are published at once: enough for the bus to store them in one go, few enough
/// that a large notification does not take all of its places in the queue.
const AT_ONCE: usize = 32;

/// An event that is on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Its id.
    pub(crate) id: String,
    /// Its type.
    pub(crate) ty: String,
    /// It was there already.
    pub(crate) duplicate: bool,
}

impl Taken {
    fn of(event: &Envelope, published: Published) -> Self {
        Self { id: event.id().to_owned(), ty: event.ty().to_owned(), duplicate: published.duplicate }
    }
}

/// Publishes an event, in the time that is given.
pub(crate) async fn one(bus: &dyn Bus, event: &Envelope, within: Duration) -> Result<Taken, Refusal> {
    in_time(within, async { Ok(Taken::of(event, bus.publish(event).await?)) }).await
}

/// Publishes all events in their order, in the time that is given; the first failure is the failure of all.
///
/// Those that are on the bus by then stay there: the sender sends all of them again, and the bus knows them.
pub(crate) async fn each(
    bus: &dyn Bus,
    events: &[Envelope],
    within: Duration,
) -> Result<Vec<Taken>, Refusal> {
    let publishing = async {
        let mut taken = Vec::with_capacity(events.len());
        for some in events.chunks(AT_ONCE) {
            for (event, published) in some.iter().zip(bus.publish_all(some).await) {
                taken.push(Taken::of(event, published?));
            }
        }
        Ok(taken)
    };
    in_time(within, publishing).await
}

async fn in_time<T>(
    within: Duration,
    publishing: impl Future<Output = Result<T, PublishError>>,
) -> Result<T, Refusal> {
    match tokio::time::timeout(within, publishing).await {
        Ok(published) => published.map_err(Refusal::NotStored),
        Err(_) => Err(Refusal::NotStoredInTime { within }),
    }
}

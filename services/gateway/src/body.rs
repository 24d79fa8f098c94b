//! Reading a body: no larger, no slower and, over all requests, no more memory than the limits say.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures::StreamExt as _;
use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::refusal::Refusal;

/// What a body may have before its sender is proven to send more, in bytes. Most deliveries are smaller.
const FIRST_SHARE: usize = 16 << 10;

/// The memory for bodies, shared by all requests: one permit a byte.
#[derive(Debug)]
pub(crate) struct Bodies {
    budget: Arc<Semaphore>,
    held: IntGauge,
}

/// A body in memory. Its share of the budget is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    /// The bytes, untouched.
    pub(crate) bytes: Vec<u8>,
    share: Share,
}

/// A share of the budget.
#[derive(Debug)]
pub(crate) struct Share {
    permit: Option<OwnedSemaphorePermit>,
    held: IntGauge,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.held.sub(as_gauge(self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)));
    }
}

impl Held {
    /// The bytes, and their share of the budget, which must live as long as they do.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Share) {
        (self.bytes, self.share)
    }
}

impl Bodies {
    /// A budget of so many bytes; `held` shows how many are in use.
    pub(crate) fn new(budget: usize, held: IntGauge) -> Self {
        Self { budget: Arc::new(Semaphore::new(budget.min(Semaphore::MAX_PERMITS))), held }
    }

    /// Reads the body to its end. `declared` is what `Content-Length` says.
    ///
    /// Memory is taken as the bytes come in, not as they are announced: a sender that announces much and sends nothing
    /// holds nothing.
    pub(crate) async fn read(
        &self,
        body: Body,
        declared: Option<usize>,
        limit: usize,
        within: Duration,
    ) -> Result<Held, Refusal> {
        let reading = self.collect(body, limit, declared.unwrap_or(limit));
        tokio::time::timeout(within, reading).await.unwrap_or(Err(Refusal::TooSlow { within }))
    }

    async fn collect(&self, body: Body, limit: usize, expected: usize) -> Result<Held, Refusal> {
        let share = Share { permit: None, held: self.held.clone() };
        let mut held = Held { bytes: Vec::new(), share };
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(Refusal::BrokenOff)?;
            let length = held.bytes.len() + chunk.len();
            if length > limit {
                return Err(Refusal::TooLarge { limit });
            }
            if length > held.bytes.capacity() {
                // Doubling keeps the copying linear; beyond what is expected there is nothing to double for.
                let capacity = (held.bytes.capacity() * 2).max(FIRST_SHARE).min(expected).max(length);
                self.grow(&mut held, capacity)?;
            }
            held.bytes.extend_from_slice(&chunk);
        }
        Ok(held)
    }

    fn grow(&self, held: &mut Held, capacity: usize) -> Result<(), Refusal> {
        let wanted = u32::try_from(capacity - held.bytes.capacity()).map_err(|_| Refusal::Overloaded)?;
        // Not waited for: requests that wait for each other's memory while they hold some would wait for ever.
        let more = self.budget.clone().try_acquire_many_owned(wanted).map_err(|_| Refusal::Overloaded)?;
        self.held.add(i64::from(wanted));
        match &mut held.share.permit {
            Some(permit) => permit.merge(more),
            none @ None => *none = Some(more),
        }
        held.bytes.reserve_exact(capacity - held.bytes.len());
        Ok(())
    }
}

fn as_gauge(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use axum::body::{Body, Bytes};
    use futures::{StreamExt as _, stream};
    use prometheus::IntGauge;

    use super::{Bodies, FIRST_SHARE};
    use crate::refusal::Refusal;

    const LIMIT: usize = 100 << 10;
    const PATIENCE: Duration = Duration::from_secs(10);

    fn bodies(budget: usize) -> (Bodies, IntGauge) {
        let held = IntGauge::new("held", "Bytes in use.").unwrap();
        (Bodies::new(budget, held.clone()), held)
    }

    fn chunked(chunk: usize, chunks: usize) -> Body {
        Body::from_stream(stream::iter(
            (0..chunks).map(move |_| Ok::<_, Infallible>(Bytes::from(vec![b'x'; chunk]))),
        ))
    }

    #[tokio::test]
    async fn a_body_at_the_limit_is_read_whole() {
        let (bodies, held) = bodies(LIMIT);
        let body = bodies.read(chunked(1 << 10, 100), None, LIMIT, PATIENCE).await.unwrap();
        assert_eq!(body.bytes.len(), LIMIT);
        assert_eq!(held.get(), i64::try_from(LIMIT).unwrap());
        drop(body);
        assert_eq!(held.get(), 0);
    }

    #[tokio::test]
    async fn one_byte_more_is_too_large() {
        let (bodies, held) = bodies(LIMIT * 2);
        // What is announced does not count: the bytes do.
        for declared in [None, Some(1), Some(LIMIT)] {
            let refusal = bodies.read(chunked(1 << 10, 101), declared, LIMIT, PATIENCE).await.unwrap_err();
            assert!(matches!(refusal, Refusal::TooLarge { limit: LIMIT }), "{refusal:?}");
        }
        assert_eq!(held.get(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up_and_gives_its_memory_back() {
        let (bodies, held) = bodies(LIMIT);
        let trickle = Body::from_stream(stream::repeat(()).then(|()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, Infallible>(Bytes::from_static(b"x"))
        }));
        let refusal = bodies.read(trickle, None, LIMIT, PATIENCE).await.unwrap_err();
        assert!(matches!(refusal, Refusal::TooSlow { within: PATIENCE }), "{refusal:?}");
        assert_eq!(held.get(), 0);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_no_body() {
        let (bodies, _) = bodies(LIMIT);
        let broken = Body::from_stream(stream::iter([Ok(Bytes::from_static(b"{")), Err("connection reset")]));
        assert!(matches!(bodies.read(broken, None, LIMIT, PATIENCE).await, Err(Refusal::BrokenOff(_))));
    }

    #[tokio::test]
    async fn beyond_the_budget_senders_are_told_to_come_again_until_memory_is_given_back() {
        let (bodies, held) = bodies(2 * FIRST_SHARE);
        let first = bodies.read(chunked(1, 1), None, LIMIT, PATIENCE).await.unwrap();
        let second = bodies.read(chunked(1, 1), None, LIMIT, PATIENCE).await.unwrap();
        assert!(matches!(bodies.read(chunked(1, 1), None, LIMIT, PATIENCE).await, Err(Refusal::Overloaded)));
        drop(first);
        let third = bodies.read(chunked(1, 1), None, LIMIT, PATIENCE).await.unwrap();
        drop((second, third));
        assert_eq!(held.get(), 0);
    }

    #[tokio::test]
    async fn a_sender_that_announces_much_and_sends_little_holds_little() {
        let (bodies, held) = bodies(LIMIT);
        let body = bodies.read(chunked(1, 1), Some(LIMIT), LIMIT, PATIENCE).await.unwrap();
        assert_eq!(held.get(), i64::try_from(FIRST_SHARE).unwrap());
        drop(body);
    }

    #[tokio::test]
    async fn a_small_announced_body_takes_no_more_than_it_needs() {
        let (bodies, held) = bodies(LIMIT);
        let body = bodies.read(chunked(10, 2), Some(20), LIMIT, PATIENCE).await.unwrap();
        assert_eq!(held.get(), 20);
        drop(body);
    }
}

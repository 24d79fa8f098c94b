//! The deliveries of a durable pull consumer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::{AckKind, Message, consumer::pull};
use async_trait::async_trait;
use events::Envelope;
use events::subject::PREFIX;
use futures::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::task::AbortOnDropHandle;

use super::durable::{self, Opened};
use super::gate::{Gate, Pending};
use super::ground::Ground;
use super::message::decode;
use super::place::{self, Known, Place};
use super::settle::Settler;
use super::stream::{Assets, REDRIVE};
use crate::bus::{BusError, ConsumerSpec, Deliveries, Delivery, Position};
use crate::dead::unmarked;
use crate::replay;

/// The server may deliver what was put off this much after its time, which was written down before it was told.
const LATE: Duration = Duration::from_secs(3);
/// So long after an older event of its key that is put off, an event comes again.
const AFTER: Duration = Duration::from_millis(500);

/// Signs of life, in one ack wait, for what is held back.
const BEATS_PER_WAIT: u32 = 3;

/// The deliveries of a durable pull consumer.
pub struct Pull {
    ground: Arc<Ground>,
    spec: ConsumerSpec,
    handler: Arc<str>,
    place: Arc<Place>,
    messages: pull::Stream,
    /// How many may be in flight. The server's own limit counts what is put off, too, so it must be far larger: one
    /// stuck key would stop all others.
    places: Arc<Semaphore>,
    gate: Gate,
    /// What came while the gate is closed, without a place among those in flight: what another process had in flight and
    /// on its way is more than there are places, and all of it has to come before the gate opens.
    held: VecDeque<Message>,
    /// What came last and was not looked at yet.
    arrived: Option<(Message, Option<OwnedSemaphorePermit>)>,
    /// The keys of which events are put off since a former life: which, and until when.
    put_off: BTreeMap<String, BTreeMap<u64, Instant>>,
    /// The last delivery, as the server counts them for this consumer.
    sequence: Option<u64>,
    /// The highest place that was delivered.
    highest: u64,
    beats: Interval,
    _keeper: AbortOnDropHandle<()>,
}

impl Pull {
    /// Makes or resumes the consumer. What may be changed of one that exists is changed; its place in the log stays.
    pub async fn open(ground: Arc<Ground>, spec: ConsumerSpec) -> anyhow::Result<Self> {
        let opened = durable::open(&ground, &spec, None).await?;
        let limit = opened.limit();
        let Opened { messages, record, gate, put_off, until, highest } = opened;
        let place = Arc::new(Place::new(&spec, record));
        place.limited(Some(limit));
        for (position, until) in until {
            place.put_off(position, until);
        }
        let mut beats = tokio::time::interval(spec.ack_wait / BEATS_PER_WAIT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let keeper = tokio::spawn(place.clone().keep(ground.clone()));
        Ok(Self {
            places: Arc::new(Semaphore::new(spec.max_in_flight)),
            handler: Arc::from(spec.name.as_str()),
            held: VecDeque::new(),
            arrived: None,
            sequence: None,
            _keeper: AbortOnDropHandle::new(keeper),
            ground,
            spec,
            place,
            messages,
            gate,
            put_off,
            highest,
            beats,
        })
    }

    /// Opens it anew after it was lost, at the place that is known.
    async fn reopen(&mut self) -> anyhow::Result<()> {
        self.ground.doubt();
        self.place.limited(None);
        let opened = durable::open(&self.ground, &self.spec, Some(&self.place)).await?;
        let limit = opened.limit();
        let Opened { messages, record, gate, put_off, until: _, highest } = opened;
        (self.messages, self.gate, self.put_off) = (messages, gate, put_off);
        // Those that were given out keep their place in it.
        self.place.adopt(record);
        self.place.limited(Some(limit));
        self.held.clear();
        (self.sequence, self.highest) = (None, highest);
        Ok(())
    }

    /// There is a gap between this delivery and the last: were some lost on the way when a connection broke, or given to a
    /// process that went on asking after its lease was over?
    async fn after_gap(&mut self, sequence: u64) -> anyhow::Result<()> {
        let gap = self.sequence.is_some_and(|before| sequence > before + 1);
        if gap && matches!(self.gate, Gate::Open) {
            let assets = self.ground.assets().await?;
            let info = assets.stream.consumer_info(&self.spec.name).await.context("cannot look at it")?;
            let put_off = place::all_put_off(&self.ground, &assets, &self.spec.name).await?;
            let Known { here, put_off } =
                self.place.known(info.ack_floor.stream_sequence, put_off.keys().copied());
            let pending = Pending {
                all: info.num_ack_pending,
                // This one is here, too.
                here: here + 1,
                put_off,
                above: self.highest,
                ack_wait: self.spec.ack_wait,
            };
            self.gate = Gate::of(pending, Instant::now());
            if matches!(self.gate, Gate::Closed { .. }) {
                self.limit(&assets, durable::NOTHING_NEW).await?;
            }
        }
        Ok(())
    }

    async fn limit(&self, assets: &Assets, limit: i64) -> anyhow::Result<()> {
        self.place.limited(None);
        durable::limit(assets, &self.spec, limit).await?;
        self.place.limited(Some(limit));
        Ok(())
    }

    async fn open_gate(&mut self) -> anyhow::Result<()> {
        if let Gate::Closed { missing, .. } = &self.gate
            && *missing > 0
        {
            tracing::warn!(
                handler = self.spec.name,
                missing,
                "deliveries of a former process did not come back in their time: newer events go on without them"
            );
        }
        let assets = self.ground.assets().await?;
        self.limit(&assets, durable::MAX_UNSETTLED).await?;
        self.gate = Gate::Open;
        self.held.make_contiguous().sort_by_key(sequence_of);
        Ok(())
    }

    /// Takes a message in: gives it out, or holds it back.
    fn take(
        &mut self,
        message: Message,
        permit: Option<OwnedSemaphorePermit>,
    ) -> anyhow::Result<Option<Delivery>> {
        let info = message.info().map_err(anyhow::Error::from_boxed)?;
        let (position, delivered) = (info.stream_sequence, info.delivered);
        // A server that was killed may have forgotten that it delivered it.
        let again = delivered > 1 || position <= self.highest;
        let early = self.place.early(position, Instant::now());
        if early.is_none() && !self.gate.pass(position, again, Instant::now()) {
            self.held.push_back(message);
            return Ok(None);
        }
        self.highest = self.highest.max(position);
        let reply = message.reply.clone().context("a message of the log cannot be acknowledged")?;
        let alone = message.subject.starts_with(REDRIVE);
        let event = decode(&message.subject, message.headers.as_ref(), &message.payload)
            .map(|event| replay::delivered(event, alone));
        let heard = hears(&self.spec, &message.subject, event.as_ref().ok());
        if !heard || !self.place.arrived(position) {
            let client = self.ground.client.clone();
            tokio::spawn(async move { client.publish(reply, AckKind::Ack.into()).await });
            return Ok(None);
        }
        let key = event.as_ref().ok().map(|event| event.partition_key().into_owned());
        let settler = Settler {
            ground: self.ground.clone(),
            place: self.place.clone(),
            handler: self.handler.clone(),
            position,
            key: key.clone(),
            reply,
            permit: Mutex::new(permit),
        };
        if let Some(after) = early.or_else(|| self.behind(key.as_deref(), position)) {
            tokio::spawn(async move {
                let settled = crate::bus::Acker::settle(&settler, crate::bus::Settle::Return(after)).await;
                if let Err(error) = settled {
                    tracing::debug!(position, error = %anyhow::Error::new(error), "it comes back after its ack wait");
                }
            });
            return Ok(None);
        }
        let redriven = message.subject.starts_with(REDRIVE);
        let (event, first_tried) = if redriven { unmarked(event) } else { (event, None) };
        let acker = Box::new(settler);
        Ok(Some(Delivery { position: Position(position), again, first_tried, event, acker }))
    }

    /// For how long an event must wait for older ones of its key that are put off since a former life.
    fn behind(&mut self, key: Option<&str>, position: u64) -> Option<Duration> {
        let put_off = self.put_off.get_mut(key?)?;
        let after = wait_behind(put_off, position, Instant::now());
        if put_off.is_empty() {
            self.put_off.remove(key?);
        }
        after
    }

    async fn beat(&self) {
        for message in &self.held {
            if let Err(error) = message.ack_with(AckKind::Progress).await {
                tracing::debug!(error, "a sign of life did not get through");
            }
        }
    }
}

/// For how long a delivery of a key must wait for those of `put_off` that stand before it. It is one of them itself then, so
/// that those behind it wait for it; one that has come, or does not come in its time, is no longer waited for.
fn wait_behind(put_off: &mut BTreeMap<u64, Instant>, position: u64, now: Instant) -> Option<Duration> {
    put_off.remove(&position);
    put_off.retain(|_, until| *until + LATE > now);
    let until = put_off.range(..position).map(|(_, until)| *until).max()?;
    let after = until.saturating_duration_since(now) + AFTER;
    put_off.insert(position, now + after);
    Some(after)
}

/// Whether a message is the handler's. The filter of the durable holds whole tokens, and so may bring more.
fn hears(spec: &ConsumerSpec, subject: &str, event: Option<&Envelope>) -> bool {
    // A redelivery is for the handler that its subject names, whatever it hears.
    let Some(of_subject) = subject.strip_prefix(PREFIX) else { return true };
    // What cannot be read is known by its subject alone, and must end as somebody's dead letter.
    let ty = event.map_or(of_subject, Envelope::ty);
    spec.types.iter().any(|glob| events::subject::fits(glob, ty))
}

fn sequence_of(message: &Message) -> u64 {
    message.info().map_or(0, |info| info.stream_sequence)
}

enum Came {
    Message(Box<Message>, Option<OwnedSemaphorePermit>),
    Failed(pull::MessagesError),
    Ended,
}

#[async_trait]
impl Deliveries for Pull {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        let failed = |error: anyhow::Error| BusError::new("take the next delivery", error);
        loop {
            // Kept beside, so that nothing is lost if this is cancelled here.
            if let Some((message, _)) = &self.arrived {
                let info = message.info().map_err(|error| failed(anyhow::Error::from_boxed(error)))?;
                let sequence = info.consumer_sequence;
                self.after_gap(sequence).await.map_err(failed)?;
                self.sequence = Some(sequence);
            }
            if let Some((message, permit)) = self.arrived.take()
                && let Some(delivery) = self.take(message, permit).map_err(failed)?
            {
                return Ok(delivery);
            }
            let open = matches!(self.gate, Gate::Open);
            if open && !self.held.is_empty() {
                tokio::select! {
                    biased;
                    permit = self.places.clone().acquire_owned() => {
                        let Some(message) = self.held.pop_front() else { continue };
                        match self.take(message, permit.ok()).map_err(failed)? {
                            Some(delivery) => return Ok(delivery),
                            None => continue,
                        }
                    }
                    _ = self.beats.tick() => {
                        self.beat().await;
                        continue;
                    }
                }
            }
            let opens = self.gate.opens(Instant::now());
            let came = async {
                let permit = if open { self.places.clone().acquire_owned().await.ok() } else { None };
                match self.messages.next().await {
                    Some(Ok(message)) => Came::Message(Box::new(message), permit),
                    Some(Err(error)) => Came::Failed(error),
                    None => Came::Ended,
                }
            };
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(opens.unwrap_or_else(Instant::now)), if opens.is_some() => {
                    self.open_gate().await.map_err(failed)?;
                }
                () = self.place.replaced() => self.reopen().await.map_err(failed)?,
                _ = self.beats.tick(), if !self.held.is_empty() => self.beat().await,
                came = came => match came {
                    Came::Message(message, permit) => self.arrived = Some((*message, permit)),
                    Came::Failed(error) => {
                        if durable::is_lost(&error) {
                            self.reopen().await.map_err(failed)?;
                        }
                        return self.ground.explained(Err(error.into())).map_err(failed);
                    }
                    Came::Ended => {
                        self.reopen().await.map_err(failed)?;
                        return Err(failed(anyhow::anyhow!("the stream of deliveries ended; it was begun anew")));
                    }
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_stands_behind_several_that_are_put_off_waits_for_all_of_them_whatever_comes_first() {
        let now = Instant::now();
        let (soon, later) = (now + Duration::from_secs(1), now + Duration::from_secs(2));
        let mut put_off = BTreeMap::from([(10, soon), (20, later)]);
        assert_eq!(wait_behind(&mut put_off, 5, now), None, "one that stands before them");
        let behind_both = Duration::from_secs(2) + AFTER;
        assert_eq!(wait_behind(&mut put_off, 30, now), Some(behind_both));
        assert_eq!(
            wait_behind(&mut put_off, 40, now),
            Some(behind_both + AFTER),
            "and for the one that waits"
        );
        assert_eq!(wait_behind(&mut put_off, 10, soon), None, "it has come");
        assert_eq!(wait_behind(&mut put_off, 30, later), Some(AFTER), "the other one is late");
        assert_eq!(wait_behind(&mut put_off, 20, later), None);
        assert_eq!(wait_behind(&mut put_off, 30, later), None);
        assert_eq!(wait_behind(&mut put_off, 40, later), None);
        assert_eq!(put_off, BTreeMap::new());
    }

    #[tokio::test]
    async fn what_does_not_come_in_its_time_is_no_longer_waited_for() {
        let now = Instant::now();
        let mut put_off = BTreeMap::from([(10, now)]);
        assert!(wait_behind(&mut put_off, 30, now + LATE / 2).is_some());
        assert_eq!(wait_behind(&mut put_off, 20, now + LATE), None);
    }
}

//! One request, as it is told afterwards: one log line (for several alerts one each) and the metrics.

use std::time::Duration;

use chrono::{DateTime, Utc};
use events::Envelope;
use resources::Source;
use resources::source::Rate;
use tokio::time::Instant;

use crate::Gateway;
use crate::answer::{Accepted, Answer};
use crate::cloudevents::Permission;
use crate::metrics::{GatewayMetrics, SourceLabel};
use crate::publish::Taken;
use crate::rate::{Caller, Rates, Turn};
use crate::refusal::Refusal;
use crate::secrets::LiveSecrets;
use crate::seen::Seen;

/// How much of the reason of a refusal is kept for `signalbox source list`, in characters.
const LONGEST_REASON: usize = 300;

/// How much of an unknown name is worth a place in the log, in characters: as much as a name may have.
const LONGEST_NAME: usize = 63;

/// How many events a line names: a batch may have a thousand.
const MOST_NAMED: usize = 20;

/// One request.
///
/// If it is dropped without an answer (the sender hung up, so the handler was dropped), that is told, too.
pub(crate) struct Visit<'a> {
    metrics: &'a GatewayMetrics,
    seen: &'a Seen,
    rates: &'a Rates,
    now: DateTime<Utc>,
    started: Instant,
    source: String,
    kind: SourceLabel,
    /// Ids and types of its events, as far as they are known; several with commas between them.
    event: (String, String),
    bytes: usize,
    /// The largest body, if the source says so itself.
    body_limit: Option<usize>,
    /// How often its source takes requests, if the source says so, whatever its kind.
    rate: Option<Rate>,
    turn: Option<Turn<'a>>,
    answered: bool,
}

impl<'a> Visit<'a> {
    /// The headers are here; `name` is what the address says.
    pub(crate) fn begin(gateway: &'a Gateway, name: &str, now: DateTime<Utc>) -> Self {
        Self {
            metrics: &gateway.metrics,
            seen: &gateway.seen,
            rates: &gateway.rates,
            now,
            started: Instant::now(),
            source: name.chars().take(LONGEST_NAME).collect(),
            kind: SourceLabel::None,
            event: Default::default(),
            bytes: 0,
            body_limit: None,
            rate: None,
            turn: None,
            answered: false,
        }
    }

    /// The name is that of a source.
    pub(crate) fn knows(&mut self, source: &Source) {
        self.kind = SourceLabel::from(&source.kind);
        self.body_limit = source.guard.body_limit;
        self.rate = source.guard.rate;
    }

    /// The headers of a delivery say what it is; nothing is proven yet.
    pub(crate) fn claims(&mut self, id: &str, ty: String) {
        self.event = (id.to_owned(), ty);
    }

    /// The body says what events these are.
    pub(crate) fn carries(&mut self, events: &[Envelope]) {
        let join = |of: fn(&Envelope) -> &str| {
            let mut all = events.iter().take(MOST_NAMED).map(of).collect::<Vec<_>>().join(",");
            if events.len() > MOST_NAMED {
                all.push_str(",…");
            }
            all
        };
        self.event = (join(Envelope::id), join(Envelope::ty));
    }

    /// The body is here.
    pub(crate) fn read(&mut self, bytes: usize) {
        self.bytes = bytes;
        #[expect(clippy::cast_precision_loss, reason = "a histogram counts in f64, exact up to 2^53")]
        self.metrics.body_bytes.with_label_values(&[self.kind.name()]).observe(bytes as f64);
    }

    /// Secrets were needed; says which of them could not be read.
    pub(crate) fn used(&self, secrets: &LiveSecrets) {
        for error in &secrets.unreadable {
            self.metrics.unreadable_secrets.with_label_values(&[self.kind.name()]).inc();
            tracing::error!(
                source = self.source,
                error = error as &dyn std::error::Error,
                "cannot read a secret of this source"
            );
        }
    }

    /// The largest body that its source takes, in bytes; `of_kind` when the source does not say.
    pub(crate) fn body_limit(&self, of_kind: usize) -> usize {
        self.body_limit.unwrap_or(of_kind)
    }

    /// The sender is proven, and its events could be stored: counts the request against the rate of its source.
    pub(crate) fn take_turn(&mut self) -> Result<(), Refusal> {
        let Some(rate) = self.rate else { return Ok(()) };
        let caller = Caller { source: self.source.clone(), origin: None };
        let turn = self.rates.take(caller, rate, Instant::now());
        self.turn = Some(turn.map_err(|after| Refusal::TooOften { after })?);
        Ok(())
    }

    /// Which kind of source it goes to.
    pub(crate) fn kind(&self) -> SourceLabel {
        self.kind
    }

    /// Which source it goes to, by name.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// All events are on the bus.
    pub(crate) fn accepted(mut self, accepted: &Accepted) {
        let (answer, seconds) = self.close(accepted.answer(), None);
        let taken = accepted.taken();
        for Taken { id, ty, duplicate } in taken {
            tracing::info!(
                event.id = id,
                event.type = ty,
                source = self.source,
                answer,
                duplicate,
                bytes = self.bytes,
                seconds,
                "accepted"
            );
        }
        if taken.is_empty() {
            tracing::info!(
                source = self.source,
                answer,
                bytes = self.bytes,
                seconds,
                "accepted, without any event"
            );
        }
    }

    /// An origin may send.
    pub(crate) fn permitted(mut self, permission: &Permission) {
        let (answer, seconds) = self.close(Answer::Permitted, None);
        let Permission { origin, rate } = permission;
        tracing::info!(source = self.source, answer, origin, rate, seconds, "an origin may send");
    }

    /// No event was taken.
    pub(crate) fn refused(mut self, refusal: &Refusal) {
        let (answer, seconds) = self.close(refusal.answer(), Some(refusal.in_full()));
        let status = refusal.status();
        if let Some(turn) = self.turn.take().filter(|_| status.is_server_error()) {
            // What failed because of us will come again, and must not be late because of us, too.
            turn.give_back();
        }
        let error = refusal as &dyn std::error::Error;
        let (id, ty) = &self.event;
        // The fields of `accepted`, and why not.
        macro_rules! tell {
            ($level:ident, $text:literal) => {
                tracing::$level!(
                    event.id = id,
                    event.type = ty,
                    source = self.source,
                    answer,
                    status = status.as_u16(),
                    bytes = self.bytes,
                    seconds,
                    error,
                    $text
                )
            };
        }
        if status.is_server_error() {
            tell!(error, "not accepted");
        } else {
            tell!(warn, "refused");
        }
    }

    fn close(&mut self, answer: Answer, why: Option<String>) -> (&'static str, f64) {
        self.answered = true;
        let elapsed: Duration = self.started.elapsed();
        self.metrics.requests.with_label_values(&[self.kind.name(), answer.name()]).inc();
        self.metrics.seconds.with_label_values(&[self.kind.name()]).observe(elapsed.as_secs_f64());
        let last = [&self.metrics.last_refused, &self.metrics.last_accepted][usize::from(answer.is_good())];
        last.with_label_values(&[self.kind.name()]).set(self.now.timestamp());
        if self.kind != SourceLabel::None {
            let why = why.map(|why| why.chars().take(LONGEST_REASON).collect());
            self.seen.answered(&self.source, self.kind, answer, self.now, why);
        }
        (answer.name(), elapsed.as_secs_f64())
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let (answer, seconds) =
                self.close(Answer::HungUp, Some("the sender hung up before the answer".to_owned()));
            let (id, ty) = &self.event;
            tracing::warn!(
                event.id = id,
                event.type = ty,
                source = self.source,
                answer,
                bytes = self.bytes,
                seconds,
                "the sender hung up before the answer"
            );
        }
    }
}

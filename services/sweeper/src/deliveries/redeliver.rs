//! Apply: another attempt of a delivery that cannot be fetched. An effect in the ledger.

use std::sync::Arc;

use chassis::failure::Decision;
use chassis::{Context, Failure, Intended, Reconciled};
use events::payload::source::{Gap, Outcome, What};
use github::Error;
use reqwest::Method;

use super::gather;
use super::record::Open;
use super::round::Round;
use crate::announce::{self, Place};
use crate::sweeper::Sweeper;

/// Whether another attempt is on its way.
pub enum Asked {
    /// It is.
    Yes,
    /// It cannot be had; why.
    Never(String),
    /// Not now.
    Later(Option<Error>),
}

impl Round {
    /// Asks GitHub for another attempt, once for each time that it is decided.
    pub(super) async fn redeliver(&self, open: &Open) -> Asked {
        // What the ledger knows the effect by: this delivery of this Source. It is not published.
        let gap = Gap {
            source: self.name.clone(),
            what: What::Deliveries,
            outcome: Outcome::Filled,
            from: open.at,
            to: open.at,
            count: 1,
            missed: Vec::new(),
            reason: None,
        };
        let about = format!("{}/{}", self.name, open.guid);
        let event = announce::event(Place { source: &about, number: open.delivery }, &gap, open.at);
        let (bus, store, clock) =
            (self.ports.bus.clone(), self.ports.store.clone(), self.ports.clock.clone());
        let cx = Context::new(Sweeper::NAME, Arc::new(event), 1, bus, store, clock).under(self.fence.clone());
        let step = format!("redeliver/{}", open.asked + 1);
        let asked = cx.effect(&step, || self.was_asked(open), |intended| self.ask(open, intended)).await;
        match asked {
            Ok(()) => {
                tracing::info!(source = self.name, guid = open.guid, "asked GitHub to deliver it again");
                Asked::Yes
            }
            Err(Failure { error, decision: Decision::Reject, .. }) => Asked::Never(format!("{error:#}")),
            Err(failure) => {
                let error = failure.error.downcast::<Error>();
                Asked::Later(Some(error.unwrap_or_else(|error| Error::NoAnswer(format!("{error:#}")))))
            }
        }
    }

    /// Whether there is an attempt that is newer than the last one known.
    async fn was_asked(&self, open: &Open) -> Result<Reconciled<()>, Failure> {
        let listed = gather::list(&self.github, &self.sweep.hook, open.last, &mut None).await;
        let listing = listed.map_err(|error| error.failure(self.ports.clock.now()))?;
        let newer = |attempt: &gather::Attempt| attempt.guid == open.guid && attempt.delivered_at > open.last;
        let happened = listing.is_some_and(|listing| listing.attempts.iter().any(newer));
        Ok(if happened { Reconciled::Happened(()) } else { Reconciled::Absent })
    }

    async fn ask(&self, open: &Open, intended: Intended) -> Result<(), Failure> {
        let place = format!("{}/{}/attempts", gather::deliveries(&self.sweep.hook), open.delivery);
        let asked = self.github.send(Method::POST, &place, None, &intended).await;
        asked.map(drop).map_err(|error| error.failure(self.ports.clock.now()))
    }
}

//! Apply: one sweep. Fetches and publishes, asks for redelivery, and keeps what came of it.
//!
//! | step | a crash after it |
//! |---|---|
//! | 1. what will be fetched is kept | all is fetched anew |
//! | 2. each is fetched and published, oldest first | the bus drops what it has; by 1 it is known from where |
//! | 3. up to when all is done, and what is to be said about it, is kept in one write | 4 is made up for |
//! | 4. that is published, and taken out of the record | nothing is left to do |

use std::collections::BTreeSet;

use chassis::failpoint;
use chrono::{DateTime, TimeDelta, Utc};
use events::payload::source::{Became, Missed, Outcome, What};
use github::Error;
use resources::source::Deliveries;

use super::decide::{Decision, OVERLAP, Wanted};
use super::fetch::{self, Fetched};
use super::gather;
use super::record::{Open, Record};
use super::redeliver::Asked;
use super::round::{Kept, Round};
use crate::announce::{self, Place};
use crate::keep::Stop;

/// What became of a decision.
pub struct Done {
    /// What was missing, with what became of it.
    pub missed: Vec<Missed>,
    /// What it is waiting for.
    open: Vec<Open>,
    /// Those that were dealt with, and their last attempts.
    settled: Vec<(String, DateTime<Utc>)>,
    /// Up to when everything is looked at.
    through: DateTime<Utc>,
    /// What ended it early.
    pub ended: Option<Error>,
}

/// What one that was fetched came to.
enum One {
    /// This, with the id of its event, or the reason why there is none.
    Came(Became, Option<String>, Option<String>),
    /// The Source does not take it.
    Foreign,
    /// What was sent cannot be seen; why.
    Hidden(String),
}

impl Round {
    /// Steps 1 and 2.
    pub(super) async fn act(&self, kept: &mut Kept, decision: Decision) -> Result<Done, Stop> {
        let Decision { fetch, redelivered, ask, wait, lost, gone: _, through, more: _ } = decision;
        let before: BTreeSet<String> = kept.record.begun.clone();
        if !fetch.is_empty() && self.sweep.deliveries == Deliveries::Failed {
            let begun = fetch.iter().map(|wanted| wanted.guid.clone()).chain(before.clone()).collect();
            self.keep(kept, Record { begun, ..kept.record.clone() }).await?;
        }
        failpoint::hit("sweeper-begun");
        let now = self.ports.clock.now();
        let mut done = Done { missed: Vec::new(), open: wait, settled: Vec::new(), through, ended: None };
        for open in redelivered {
            done.settled.push((open.guid.clone(), now));
            done.missed.push(missed(&open, Became::Redelivered, None));
        }
        for open in lost {
            done.give_up(&open, open.reason.clone(), now);
        }
        let mut asks = ask;
        for wanted in &fetch {
            match self.fetch(wanted, &before).await {
                Ok(One::Came(became, event_id, reason)) => done.take(wanted, became, event_id, reason),
                Ok(One::Foreign) => done.settled.push((wanted.guid.clone(), wanted.last)),
                Ok(One::Hidden(reason)) => asks.push(open(wanted, reason)),
                Err(error) => {
                    done.through = done.through.min(wanted.at);
                    done.ended = Some(error);
                    break;
                }
            }
        }
        for open in asks {
            let asked = if done.ended.is_some() { Asked::Later(None) } else { self.redeliver(&open).await };
            match asked {
                Asked::Yes => {
                    let (asked, asked_at) = (open.asked + 1, Some(self.ports.clock.now()));
                    done.open.push(Open { asked, asked_at, ..open });
                }
                Asked::Never(why) => done.give_up(&open, format!("{}; {why}", open.reason), now),
                Asked::Later(error) => {
                    done.open.push(open);
                    done.ended = done.ended.or(error);
                }
            }
        }
        Ok(done)
    }

    /// Fetches and publishes one. An error says nothing about this one alone.
    async fn fetch(&self, wanted: &Wanted, before: &BTreeSet<String>) -> Result<One, Error> {
        let delivery = match gather::fetch(&self.github, &self.sweep.hook, wanted.delivery).await {
            Ok(delivery) => delivery,
            Err(error) if is_of_the_delivery(&error) => return Ok(One::Hidden(chain(&error))),
            Err(error) => return Err(error),
        };
        let event = match fetch::event(&self.source, wanted, &delivery) {
            Fetched::Event(event) => event,
            Fetched::Foreign => return Ok(One::Foreign),
            Fetched::NotKept => return Ok(One::Hidden("GitHub does not show what was sent".to_owned())),
            Fetched::NoEvent(error) => return Ok(One::Came(Became::Lost, None, Some(chain(&error)))),
        };
        let published = self.ports.publish(&self.name, &event).await;
        failpoint::hit("sweeper-published");
        Ok(match published {
            Ok(published) => {
                let known = published.duplicate && !before.contains(&wanted.guid);
                let became = if known { Became::Known } else { Became::Published };
                One::Came(became, Some(event.id().to_owned()), None)
            }
            Err(error) => One::Came(Became::Lost, None, Some(error.to_string())),
        })
    }

    /// Steps 3 and 4.
    pub(super) async fn settle(
        &self,
        kept: &mut Kept,
        done: &Done,
        gone: Option<(DateTime<Utc>, DateTime<Utc>)>,
    ) -> Result<(), Stop> {
        let now = self.ports.clock.now();
        let Done { missed, open, settled, through, ended: _ } = done;
        let mut record = Record { through: *through, open: open.clone(), ..kept.record.clone() };
        record.begun.clear();
        record.settled.extend(settled.iter().cloned());
        record.settled.retain(|_, last| *last >= *through - OVERLAP);
        record.failed = None;
        if let Some(span) = gone {
            let reason = self.why_gone();
            self.say(&mut record, |place| Some(announce::lost(place, What::Deliveries, span, reason, now)));
        }
        let (lost, filled): (Vec<Missed>, Vec<Missed>) =
            missed.iter().cloned().partition(|missed| missed.became == Became::Lost);
        // What the bus had from elsewhere is no gap, unless something was missing, too.
        let is_gap = filled.iter().any(|missed| missed.became != Became::Known);
        for (missed, outcome, is_gap) in [(filled, Outcome::Filled, is_gap), (lost, Outcome::Lost, true)] {
            if is_gap {
                self.say(&mut record, |place| announce::gap(place, What::Deliveries, outcome, missed, now));
            }
        }
        if record != kept.record {
            self.keep(kept, record).await?;
        }
        failpoint::hit("sweeper-kept");
        self.finish(kept).await
    }

    /// Puts an announcement into the record.
    pub(super) fn say(&self, record: &mut Record, event: impl FnOnce(Place<'_>) -> Option<events::Envelope>) {
        let place = Place { source: &self.name, number: record.said + 1 };
        if let Some(event) = event(place) {
            record.said += 1;
            record.unpublished.push(event);
        }
    }

    fn why_gone(&self) -> String {
        let days = self.keeps().num_days();
        format!(
            "GitHub keeps deliveries for {days} days, or there are more of them than are looked at in one sweep"
        )
    }

    /// For how long GitHub keeps deliveries ("Redelivering webhooks" of its documentation).
    pub(super) fn keeps(&self) -> TimeDelta {
        let host = self.sweep.access.api.as_deref().map_or("api.github.com", |api| {
            api.trim_start_matches("https://")
                .trim_start_matches("http://")
                .split('/')
                .next()
                .unwrap_or_default()
        });
        // A server of one's own keeps them for longer.
        if host == "api.github.com" || host.ends_with(".ghe.com") {
            TimeDelta::days(3)
        } else {
            TimeDelta::days(7)
        }
    }
}

impl Done {
    fn take(&mut self, wanted: &Wanted, became: Became, event_id: Option<String>, reason: Option<String>) {
        self.settled.push((wanted.guid.clone(), wanted.last));
        self.missed.push(Missed {
            id: wanted.guid.clone(),
            event_type: wanted.event_type.clone(),
            event_id,
            time: wanted.at,
            became,
            reason,
        });
    }

    fn give_up(&mut self, open: &Open, reason: String, now: DateTime<Utc>) {
        self.settled.push((open.guid.clone(), now));
        self.missed.push(missed(open, Became::Lost, Some(reason)));
    }
}

fn missed(open: &Open, became: Became, reason: Option<String>) -> Missed {
    let Open { guid, event_type, at, .. } = open;
    Missed { id: guid.clone(), event_type: event_type.clone(), event_id: None, time: *at, became, reason }
}

fn open(wanted: &Wanted, reason: String) -> Open {
    let Wanted { guid, delivery, event: _, event_type, at, last } = wanted.clone();
    Open { guid, delivery, event_type, at, last, asked: 0, asked_at: None, reason }
}

/// Whether an error says something about this delivery alone.
fn is_of_the_delivery(error: &Error) -> bool {
    matches!(
        error,
        Error::Missing { .. } | Error::Refused { .. } | Error::TooLarge { .. } | Error::Unreadable(_)
    )
}

/// An error with its causes.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

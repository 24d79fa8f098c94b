//! One attempt, from the letter to what the ledger keeps: one line of the log, one count of the metric.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::anyhow;
use chassis::{Failure, Intended, Reconciled};
use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use reqwest::{Client, Url};
use resources::Delivery;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::decide::{Arrived, Decision, Has, Heard, Then, decide, has};
use crate::gather::Letter;
use crate::metrics::{Answer, NotifierMetrics};
use crate::{apply, quote};

/// What the ledger keeps of a message that was sent, or may have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "receipt", rename_all = "lowercase")]
pub(crate) enum Receipt {
    /// The channel took it.
    Confirmed {
        /// What it answered.
        status: u16,
    },
    /// It may have arrived; it is not sent again.
    Unconfirmed,
}

/// An earlier attempt may have arrived: the endpoint is asked, and where it cannot be, `delivery` of the channel decides.
pub(crate) async fn reconcile(
    http: &Client,
    letter: &Letter,
    metrics: &NotifierMetrics,
) -> Result<Reconciled<Receipt>, Failure> {
    match &letter.ask {
        Some(at) => asked(&apply::ask(http, at, &letter.headers).await, at, letter, metrics),
        None => Ok(by_choice(letter, metrics)),
    }
}

fn asked(
    heard: &Heard,
    at: &Url,
    letter: &Letter,
    metrics: &NotifierMetrics,
) -> Result<Reconciled<Receipt>, Failure> {
    let (answer, reconciled) = match (has(heard), heard) {
        (Has::Yes, Heard::Answer { status, .. }) => {
            (Answer::HadArrived, Ok(Reconciled::Happened(Receipt::Confirmed { status: *status })))
        }
        (Has::No, _) => (Answer::HadNotArrived, Ok(Reconciled::Absent)),
        (Has::Yes | Has::NotKnown, _) => {
            let reason =
                reason("the endpoint, asked whether the message arrived,", heard, at, &letter.headers);
            (Answer::NotAsked, Err(Failure::retry(anyhow!(reason))))
        }
    };
    metrics.count(letter.kind, answer);
    tracing::info!(answer = <&'static str>::from(answer), "asked whether an earlier attempt arrived");
    reconciled
}

fn by_choice(letter: &Letter, metrics: &NotifierMetrics) -> Reconciled<Receipt> {
    match letter.delivery {
        Delivery::AtLeastOnce => {
            tracing::warn!(
                "it is not known whether an earlier attempt arrived: sending again, it may come twice"
            );
            Reconciled::Absent
        }
        Delivery::AtMostOnce => {
            tracing::warn!(
                "it is not known whether an earlier attempt arrived: not sending again, it may be lost"
            );
            metrics.count(letter.kind, Answer::Unconfirmed);
            Reconciled::Happened(Receipt::Unconfirmed)
        }
    }
}

/// Sends the letter once.
pub(crate) async fn send(
    http: &Client,
    letter: &Letter,
    metrics: &NotifierMetrics,
    now: DateTime<Utc>,
    longest_wait: Duration,
    intended: Intended,
) -> Result<Receipt, Failure> {
    let started = Instant::now();
    let heard = apply::post(http, letter, &intended).await;
    let took = started.elapsed();
    chassis::failpoint::hit("notifier.after-send");
    let decision = decide(letter.kind, &heard, now, longest_wait);
    let (kind, answer): (&'static str, &'static str) = (letter.kind.into(), decision.answer.into());
    metrics.count(letter.kind, decision.answer);
    metrics.seconds.with_label_values(&[kind]).observe(took.as_secs_f64());
    tracing::info!(channel_kind = kind, answer, millis = took.as_millis(), "tried to send");
    receipt(&heard, decision, letter)
}

fn receipt(heard: &Heard, decision: Decision, letter: &Letter) -> Result<Receipt, Failure> {
    let Decision { answer: _, then, arrived } = decision;
    let said = || reason("the channel", heard, &letter.url, &letter.headers);
    let failure = match (then, heard) {
        (Then::Done, Heard::Answer { status, .. }) => return Ok(Receipt::Confirmed { status: *status }),
        (Then::Done | Then::Again(None), _) => Failure::retry(anyhow!(said())),
        (Then::Again(Some(after)), _) => Failure::retry_after(anyhow!(said()), after),
        (Then::Never, _) => Failure::reject(anyhow!(said())),
    };
    Err(match arrived {
        Arrived::No => failure.effect_absent(),
        Arrived::Yes | Arrived::NotKnown => failure,
    })
}

/// What happened, for people.
fn reason(who: &str, heard: &Heard, url: &Url, headers: &HeaderMap) -> String {
    match heard {
        Heard::Answer { status, body, .. } => {
            let mut reason = format!("{who} answered {status}");
            if (300..400).contains(status) {
                reason.push_str(", and redirects are not followed");
            }
            if let Some(quote) = quote::of(body, url, headers) {
                // Writing to a String cannot fail.
                let _ = write!(reason, ": {quote}");
            }
            reason
        }
        Heard::NoConnection(why) => format!("no connection to {}: {why}", who.trim_end_matches(',')),
        Heard::NoAnswer(why) => format!("{who} did not answer in time: {why}"),
        Heard::BrokenOff(why) => format!("the connection broke off before there was an answer: {why}"),
    }
}

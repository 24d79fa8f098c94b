//! Driving a dead letter again, and what must not be forgotten by it: when its event was tried first.
//!
//! Effects that were done are not done again, because the ledger knows them; and it forgets. So a letter whose event was
//! tried longer ago than the ledger surely remembers is not driven again unless somebody who has looked at the world says
//! so. The time goes with the event, so that one that dies again does not count as young.

use chrono::{DateTime, SecondsFormat, Utc};
use events::{Envelope, extension};

use super::{DeadError, DeadLetter, DeadLetters};
use crate::bus::{Bus, Undecodable};
use crate::ledger::SURE;
use crate::store::{Bucket, Expect, StoreError};

impl DeadLetter {
    /// When its event was tried first, as far as it is known: an effect of it is no older.
    pub fn first_tried(&self) -> DateTime<Utc> {
        let known = self.failures.iter().map(|failed| failed.at).chain(self.first_tried);
        known.fold(self.died_at, DateTime::min)
    }

    fn is_forgotten(&self, now: DateTime<Utc>) -> bool {
        (now - self.first_tried()).to_std().is_ok_and(|age| age > SURE)
    }
}

impl DeadLetters {
    /// Delivers its event once more to the handler that gave up, and forgets the dead letter: if the handler gives up
    /// again, it is a dead letter again. Effects that were done before are not done again (the ledger knows them);
    /// [`DeadError::Forgotten`] when it was tried so long ago that the ledger may not.
    pub async fn redrive(
        &self,
        bus: &dyn Bus,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<DeadLetter, DeadError> {
        let (letter, revision) = self.find(id).await?;
        if letter.event.is_some() && letter.is_forgotten(now) {
            return Err(DeadError::Forgotten { id: id.to_owned(), first_tried: letter.first_tried() });
        }
        self.drive(bus, letter, revision).await
    }

    /// As [`Self::redrive`], however old it is: for whoever has looked whether its effects happened.
    pub async fn redrive_forced(&self, bus: &dyn Bus, id: &str) -> Result<DeadLetter, DeadError> {
        let (letter, revision) = self.find(id).await?;
        self.drive(bus, letter, revision).await
    }

    async fn drive(&self, bus: &dyn Bus, letter: DeadLetter, revision: u64) -> Result<DeadLetter, DeadError> {
        let id = &letter.id;
        let Some(event) = &letter.event else {
            return Err(DeadError::Undecodable(id.clone()));
        };
        let event = events::json::from_value(event)
            .map_err(|source| DeadError::Broken { id: id.clone(), source: source.into() })?;
        let event = marked(&event, letter.first_tried());
        // One token for each death: a redrive that is repeated after a crash in between delivers nothing twice, and one
        // after a second death delivers again. (The place alone does not tell deaths apart: a delivery whose end was lost
        // on the way to the bus can die once more.)
        let token = format!("{id}/{}/{}", letter.position, letter.died_at.timestamp_micros());
        bus.redeliver(&letter.handler, &event, &token).await?;
        match self.store.delete(Bucket::DeadLetters, id, Expect::Revision(revision)).await {
            // The handler has given up again meanwhile: that is another dead letter.
            Ok(()) | Err(StoreError::Conflict) => Ok(letter),
            Err(error) => Err(error.into()),
        }
    }
}

/// The event with the time at which it was tried first.
fn marked(event: &Envelope, first_tried: DateTime<Utc>) -> Envelope {
    let time = first_tried.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let built = event.to_builder().extension(extension::FIRST_TRIED, time).build();
    built.expect("a valid event stays valid with one more attribute that is a time")
}

/// The event of a redelivery as it was, and the time at which it was tried first.
pub(crate) fn unmarked(
    event: Result<Envelope, Undecodable>,
) -> (Result<Envelope, Undecodable>, Option<DateTime<Utc>>) {
    let Ok(marked) = event else { return (event, None) };
    let time = marked.extension(extension::FIRST_TRIED).and_then(|time| time.parse().ok());
    if time.is_none() {
        // Driven again by an older version, or delivered for a replay.
        return (Ok(marked), None);
    }
    let built = marked.to_builder().without_extension(extension::FIRST_TRIED).build();
    (Ok(built.expect("a valid event stays valid with one attribute less")), time)
}

#[cfg(test)]
mod tests;

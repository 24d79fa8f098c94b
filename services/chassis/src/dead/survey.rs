//! All dead letters, also those whose record is damaged.

use super::{DeadError, DeadLetter, DeadLetters, parse};
use crate::store::{Bucket, Entry, Expect, StoreError};

/// All dead letters.
#[derive(Debug, Default)]
pub struct Survey {
    /// Those that can be read, oldest first.
    pub letters: Vec<DeadLetter>,
    /// Those that cannot: one of them must not hide the others.
    pub damaged: Vec<Damaged>,
}

/// A dead letter whose record cannot be read: damaged, or written by a newer version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Names it.
    pub id: String,
    /// Why it cannot be read.
    pub reason: String,
}

impl DeadLetters {
    /// All dead letters.
    pub async fn survey(&self) -> Result<Survey, DeadError> {
        let mut survey = Survey::default();
        for (id, entry) in self.store.scan(Bucket::DeadLetters, "").await? {
            match parse(&id, &entry.value) {
                Ok(letter) => survey.letters.push(letter),
                Err(error) => {
                    let reason = format!("{:#}", anyhow::Error::new(error));
                    survey.damaged.push(Damaged { id, reason });
                }
            }
        }
        survey.letters.sort_by(|a, b| (a.died_at, &a.id).cmp(&(b.died_at, &b.id)));
        survey.damaged.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(survey)
    }

    /// Forgets a dead letter; returns it, if it can be read. One that dies again meanwhile is [`DeadError::Changed`].
    pub async fn drop(&self, id: &str) -> Result<Option<DeadLetter>, DeadError> {
        let Some(Entry { value, revision }) = self.store.get(Bucket::DeadLetters, id).await? else {
            return Err(DeadError::Unknown(id.to_owned()));
        };
        self.delete(id, revision).await?;
        Ok(parse(id, &value).ok())
    }

    /// Forgets this dead letter, and no later one that has its id.
    pub async fn drop_this(&self, letter: &DeadLetter) -> Result<(), DeadError> {
        let (found, revision) = self.find(&letter.id).await?;
        if found != *letter {
            return Err(DeadError::Changed(letter.id.clone()));
        }
        self.delete(&letter.id, revision).await
    }

    async fn delete(&self, id: &str, revision: u64) -> Result<(), DeadError> {
        match self.store.delete(Bucket::DeadLetters, id, Expect::Revision(revision)).await {
            Ok(()) => Ok(()),
            // Another letter is in its place, or somebody else has settled it.
            Err(StoreError::Conflict) => match self.store.get(Bucket::DeadLetters, id).await? {
                Some(_) => Err(DeadError::Changed(id.to_owned())),
                None => Err(DeadError::Unknown(id.to_owned())),
            },
            Err(error) => Err(error.into()),
        }
    }
}

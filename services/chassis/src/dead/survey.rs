//! All dead letters, also those whose record is damaged.

use super::{DeadError, DeadLetter, DeadLetters, parse};
use crate::store::{Bucket, Expect};

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

    /// Forgets a dead letter; returns it, if it can be read.
    pub async fn drop(&self, id: &str) -> Result<Option<DeadLetter>, DeadError> {
        let letter = match self.get(id).await {
            Ok(letter) => Some(letter),
            Err(DeadError::Broken { .. }) => None,
            Err(error) => return Err(error),
        };
        self.store.delete(Bucket::DeadLetters, id, Expect::Any).await?;
        Ok(letter)
    }
}

//! Before the log takes its first event: the last place that was given must be known, and the state has a part in that.

use std::sync::mpsc::{Receiver, RecvTimeoutError};

use super::appender::{Command, Parts};
use super::keys;
use super::log::Log;
use super::state::State;
use super::trouble::{Trouble, WriteError};

/// What the writer of the log knows before it begins.
pub struct Opening {
    /// What it works on.
    pub parts: Parts,
    /// Whether it can begin.
    pub trouble: Trouble,
    /// The last place; of the log alone while the state is closed.
    pub last: u64,
}

impl Opening {
    /// Learns it, unless the state could not be opened.
    pub fn of(parts: Parts) -> anyhow::Result<Self> {
        const WHAT: &str = "the log of the embedded bus";
        let last = parts.log.last();
        if let Some(error) = parts.unopened.clone() {
            return Ok(Self { trouble: Trouble::begun(WHAT, error), parts, last });
        }
        let mut opening = Self { trouble: Trouble::new(WHAT), parts, last };
        opening.learn()?;
        Ok(opening)
    }

    fn learn(&mut self) -> anyhow::Result<()> {
        let Parts { log, state, retention, .. } = &mut self.parts;
        self.last = last_given(log, state)?;
        retention.learn(state)
    }

    /// Answers that nothing can be written until the state is open; `false` when it is to end before.
    pub fn until_known(&mut self, queue: &Receiver<Command>) -> bool {
        while let Some(patience) = self.trouble.patience() {
            match queue.recv_timeout(patience) {
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
                Ok(command) => {
                    if let Err(error) = self.trouble.check() {
                        command.fail(&error);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.trouble.is_due() {
                // The writer of the state opens it, and says what hinders it.
                match self.parts.state.db().map_err(anyhow::Error::new).and_then(|_| self.learn()) {
                    Ok(()) => self.trouble.is_over(),
                    Err(_) => self.trouble.waits(),
                }
            }
        }
        true
    }
}

impl Command {
    fn fail(self, error: &WriteError) {
        match self {
            Self::Append { series, reply, .. } => {
                series.is_broken_from_now_on();
                drop(reply.send(Err(error.clone())));
            }
            Self::Restore { reply, .. } | Self::Probe { reply } => drop(reply.send(Err(error.clone()))),
            Self::Tidy { reply } => drop(reply.send(())),
            Self::Stop => {}
        }
    }
}

/// The last place that was given to an event. A place that is used twice would hide the second event from whoever has
/// settled the first, so it is never below one that a consumer has passed.
fn last_given(log: &Log, state: &State) -> anyhow::Result<u64> {
    let mut given = 0;
    for (key, value) in state.scan(keys::CONSUMERS, keys::CONSUMERS, usize::MAX)? {
        given = given.max(keys::passed(&key, &value).unwrap_or(0));
    }
    let last = log.last();
    if given > last && log.first().is_some() {
        tracing::error!(
            last,
            given,
            "the end of the log is missing: the disk has lost what it said it had written"
        );
    }
    Ok(last.max(given))
}

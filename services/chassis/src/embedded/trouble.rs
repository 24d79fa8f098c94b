//! What a thread that writes does about a disk that fails: it says so once, answers that it cannot write, and tries again,
//! with longer and longer pauses, until it works.

use std::time::{Duration, Instant};

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);

/// Why a write did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// The disk is full.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The disk or a file is broken.
    #[error("the disk or the folder of the embedded bus does not take what is written: {0}")]
    Broken(String),
    /// One before it in its batch was not stored, so this was not, either.
    #[error("one before it in its batch was not stored")]
    Behind,
    /// The engine was closed.
    #[error("the embedded bus is closed")]
    Ended,
}

impl WriteError {
    /// What that error of the disk is.
    pub fn of(error: &anyhow::Error) -> Self {
        let full = error.chain().any(|cause| {
            let io = match cause.downcast_ref::<sled::Error>() {
                Some(sled::Error::Io(io)) => Some(io),
                _ => cause.downcast_ref::<std::io::Error>(),
            };
            io.is_some_and(|io| {
                matches!(
                    io.kind(),
                    std::io::ErrorKind::StorageFull
                        | std::io::ErrorKind::QuotaExceeded
                        | std::io::ErrorKind::FileTooLarge
                )
            })
        });
        let text = format!("{error:#}");
        if full { Self::Full(text) } else { Self::Broken(text) }
    }
}

/// The trouble of one file.
pub struct Trouble {
    what: &'static str,
    broken: Option<Broken>,
    /// There was too little room at the last look.
    no_room: bool,
}

struct Broken {
    error: WriteError,
    due: Instant,
    pause: Duration,
}

impl Trouble {
    /// None.
    pub fn new(what: &'static str) -> Self {
        Self { what, broken: None, no_room: false }
    }

    /// There was trouble before it began.
    pub fn begun(what: &'static str, error: WriteError) -> Self {
        let broken = Broken { error, due: Instant::now() + SHORTEST, pause: SHORTEST };
        Self { what, broken: Some(broken), no_room: false }
    }

    /// How long to wait for the next try; `None` when nothing is broken.
    pub fn patience(&self) -> Option<Duration> {
        self.broken.as_ref().map(|broken| broken.due.saturating_duration_since(Instant::now()))
    }

    /// Whether something is broken and should be tried now.
    pub fn is_due(&self) -> bool {
        self.broken.as_ref().is_some_and(|broken| broken.due <= Instant::now())
    }

    /// A write has failed; returns what to answer.
    pub fn begins(&mut self, error: &anyhow::Error) -> WriteError {
        tracing::error!(
            error = format!("{error:#}"),
            "{} cannot be written; it is tried again until it can",
            self.what
        );
        let error = WriteError::of(error);
        self.broken = Some(Broken { error: error.clone(), due: Instant::now() + SHORTEST, pause: SHORTEST });
        error
    }

    /// It could not be mended this time.
    pub fn goes_on(&mut self, error: &anyhow::Error) {
        let pause = self.broken.as_ref().map_or(SHORTEST, |broken| (broken.pause * 2).min(LONGEST));
        tracing::warn!(
            error = format!("{error:#}"),
            again_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            "{} still cannot be written",
            self.what
        );
        self.broken = Some(Broken { error: WriteError::of(error), due: Instant::now() + pause, pause });
    }

    /// It is as it was: who can mend it has not yet.
    pub fn waits(&mut self) {
        if let Some(broken) = &mut self.broken {
            broken.due = Instant::now() + SHORTEST;
        }
    }

    /// It is mended.
    pub fn is_over(&mut self) {
        tracing::info!("{} can be written again", self.what);
        self.broken = None;
    }

    /// Fails while something is broken.
    pub fn check(&self) -> Result<(), WriteError> {
        self.broken.as_ref().map_or(Ok(()), |broken| Err(broken.error.clone()))
    }

    /// Fails while there is no room; otherwise says whether there was none before.
    pub fn space(&mut self, room: Result<(), String>) -> Result<bool, WriteError> {
        match room {
            Ok(()) => {
                let before = std::mem::replace(&mut self.no_room, false);
                if before {
                    tracing::info!("there is room for {} again", self.what);
                }
                Ok(before)
            }
            Err(text) => {
                if !std::mem::replace(&mut self.no_room, true) {
                    tracing::error!("there is no room for {}: {text}", self.what);
                }
                Err(WriteError::Full(text))
            }
        }
    }
}

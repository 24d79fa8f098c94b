//! How the program ends: a code for scripts, and a sentence for people.

use std::fmt;
use std::io;
use std::process::ExitCode;

use chassis::engine::OpenError;

/// How a command ended. The numbers are a promise: they are in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// The command line or the settings are wrong. `clap` exits with the same number.
    Usage = 2,
    /// The bus, or the running server, cannot be reached or is in use.
    Unreachable = 3,
    /// There is no such event or dead letter.
    NotFound = 4,
}

/// Why a command stops before its end.
pub enum Stop {
    /// Something is wrong.
    Error(Exit, anyhow::Error),
    /// Whoever read our output has read enough (`… | head -1`): not an error, and nobody is left to tell.
    ClosedPipe,
}

impl Stop {
    /// Stops with this code.
    pub fn with(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self::Error(exit, error.into())
    }
}

impl Stop {
    /// The code of a bus that could not be opened: wrong settings, or a bus that cannot be had.
    pub fn unopened(error: OpenError) -> Self {
        let exit = match &error {
            OpenError::Access { .. } => Exit::Usage,
            OpenError::Locked(_) | OpenError::Embedded { .. } | OpenError::Nats { .. } => Exit::Unreachable,
        };
        Self::with(exit, error)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(Exit::Failed, error.into())
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(exit, error) => write!(f, "{exit:?}: {error:#}"),
            Self::ClosedPipe => f.write_str("closed pipe"),
        }
    }
}

/// Gives an error its exit code where it is known.
pub trait OrStop<T> {
    /// Stops with this code.
    fn or_stop(self, exit: Exit) -> Result<T, Stop>;
}

impl<T, E: Into<anyhow::Error>> OrStop<T> for Result<T, E> {
    fn or_stop(self, exit: Exit) -> Result<T, Stop> {
        self.map_err(|error| Stop::with(exit, error))
    }
}

/// The code for the shell; the error and its causes go to `stderr`, once.
pub fn report(result: Result<Exit, Stop>, stderr: &mut impl io::Write) -> ExitCode {
    let exit = match result {
        Ok(exit) => exit,
        Err(Stop::ClosedPipe) => Exit::Done,
        Err(Stop::Error(exit, error)) => {
            // If nobody takes the message, the code still says it.
            let _ = writeln!(stderr, "error: {}", message(&error));
            exit
        }
    };
    ExitCode::from(exit as u8)
}

/// `cannot do it: because of this: because of that`; an error of several lines begins on a line of its own.
fn message(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        text.push_str(if cause.contains('\n') { ":\n" } else { ": " });
        text.push_str(&cause);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::process::ExitCode;

    use anyhow::anyhow;

    use super::{Exit, Stop, report};

    #[test]
    fn an_error_is_written_once_with_its_causes() {
        let mut written = Vec::new();
        let error = anyhow!("connection refused").context("cannot reach the bus");
        let code = report(Err(Stop::with(Exit::Unreachable, error)), &mut written);
        assert_eq!(code, ExitCode::from(3));
        assert_eq!(String::from_utf8_lossy(&written), "error: cannot reach the bus: connection refused\n");
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        let mut written = Vec::new();
        assert_eq!(report(Err(Stop::ClosedPipe), &mut written), ExitCode::from(0));
        assert!(written.is_empty());
    }
}

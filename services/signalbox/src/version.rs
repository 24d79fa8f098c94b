//! `signalbox version`.

use crate::exit::{Exit, Stop};
use crate::output::Output;

/// Set by whoever builds a release: `SIGNALBOX_COMMIT=$(git rev-parse HEAD) cargo build`.
const COMMIT: Option<&str> = option_env!("SIGNALBOX_COMMIT");

/// Prints the version, the commit and the engines.
pub fn print(out: &mut Output) -> Result<Exit, Stop> {
    out.line(format_args!("signalbox {}", env!("CARGO_PKG_VERSION")))?;
    out.line(format_args!("commit   {}", COMMIT.unwrap_or("unknown (not built from a release)")))?;
    out.line("engines  embedded (sled 0.34.7), nats (JetStream; server 2.10 or newer)")?;
    Ok(Exit::Done)
}

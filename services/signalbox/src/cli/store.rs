//! `signalbox store`.

use std::path::PathBuf;

use clap::Subcommand;

/// Look after what the bus keeps; no service may run on it meanwhile.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Read everything that the bus keeps, and say what is damaged or missing
    ///
    /// Exits with 1 if something is. It also names consumers that no handler reads any more, with how far they are behind at
    /// most: all that came after their place.
    #[command(after_help = "Example:\n  signalbox store verify --bus embedded:/var/lib/signalbox")]
    Verify {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write everything that the bus keeps to a file: events, large bodies, places of the handlers, effects, dead letters
    ///
    /// The file has everything that came in, also what is confidential: only its owner can read it. It is as large as the
    /// bus, and a third more. Exits with 1 if something was damaged; the rest is in the file all the same.
    #[command(after_help = "\
Examples:
  signalbox store export --bus embedded:data --out bus.jsonl
  signalbox store export --bus nats://nats:4222 | zstd > bus.jsonl.zst")]
    Export {
        /// Where to [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Restore an export to an empty bus, of the same engine or the other one
    ///
    /// The file is checked to its end before anything is written. An import that is cut off is recognised: `serve` then
    /// refuses the bus.
    #[command(after_help = "Example:\n  signalbox store import bus.jsonl --bus nats://nats:4222")]
    Import {
        /// The export
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Leave out the messages that were damaged when they were exported
        #[arg(long)]
        without_damaged: bool,
    },
    /// Remove a consumer that no handler of this program reads any more, as `store verify` names it
    ///
    /// Its place in the log goes, and what was put off for it; events, dead letters and effects stay. One that a handler
    /// reads is refused.
    #[command(after_help = "Example:\n  signalbox store forget old-name --bus nats://nats:4222")]
    Forget {
        /// Its exact name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

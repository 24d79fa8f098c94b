//! `signalbox doctor`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Try the program itself.
#[derive(Debug, Subcommand)]
pub enum DoctorCommand {
    /// Send many events through the whole program while it is killed, and account for every one
    ///
    /// Runs the services of this program as processes of their own, in a folder of their own: numbered deliveries go
    /// through the gateway and the automator to a receiver that counts what arrives. Meanwhile services and the bus are
    /// killed with SIGKILL, NATS is restarted, and the disk under an embedded bus is filled. Some deliveries are sent
    /// twice, some effects fail for a while or for ever. At the end every event is accounted for: accepted, kept, its
    /// effect once and in its order, or a dead letter. Exits with 1 and the ids if one is lost, doubled, stuck or out of order,
    /// also if a restart healed it.
    Soak(SoakArgs),
    /// Run a program that ends when standard input is closed
    #[command(hide = true)]
    Guard {
        /// Mount a file system in memory there, with this many bytes, instead of running a program
        #[arg(long, value_name = "BYTES", conflicts_with = "command")]
        tmpfs: Option<u64>,
        /// Where to mount it
        #[arg(long, value_name = "DIR", requires = "tmpfs")]
        at: Option<PathBuf>,
        /// The program and its arguments
        #[arg(last = true, required_unless_present = "tmpfs")]
        command: Vec<OsString>,
    },
}

/// What `soak` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  signalbox doctor soak                                                a minute, on the embedded bus
  signalbox doctor soak --engine jetstream --events 100000 --kills 200
  signalbox doctor soak --seed 7                                       the same deliveries and kills again")]
pub struct SoakArgs {
    /// How many events are sent
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub events: u64,
    /// How often something is killed
    #[arg(long, value_name = "K", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=100_000))]
    pub kills: u64,
    /// Which bus
    #[arg(long, value_enum, default_value_t = SoakEngine::Embedded)]
    pub engine: SoakEngine,
    /// Decides what is killed when, and which events fail [default: a random one, which is printed]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// An empty or new folder for everything, which is kept [default: a temporary one, kept if something is wrong]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The NATS server to start [default: nats-server on the PATH]
    #[arg(long, value_name = "PATH")]
    pub nats_server: Option<PathBuf>,
    /// Leave out the full disk, which is tried with a small file system in memory (mounting one needs root)
    #[arg(long)]
    pub no_full_disk: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Which bus is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SoakEngine {
    /// One process with the bus in a folder
    Embedded,
    /// A NATS server, the gateway alone, and two processes with the other services
    Jetstream,
}

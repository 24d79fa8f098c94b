//! `signalbox nats`.

use std::path::PathBuf;

use clap::Subcommand;

/// Prepare a NATS server.
#[derive(Debug, Subcommand)]
pub enum NatsCommand {
    /// Make a user for each service that may do what the service does, and nothing else
    ///
    /// Writes the seed of each user's nkey to DIR/NAME.nk (for its owner alone) and prints the users as a part of the
    /// server's configuration. A seed that is there is kept, so that the command can be run again after an upgrade.
    #[command(after_help = "\
Examples:
  signalbox nats users --out seeds > users.conf      then `include users.conf` in nats.conf
  SIGNALBOX_NATS__NKEY__FILE=seeds/gateway.nk signalbox serve --only gateway --bus nats://nats:4222")]
    Users {
        /// The folder for the seeds
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Make what is needed on the server, and bring what is there up to date where nothing is lost by it
    ///
    /// `serve` does so by itself where its user may. The users of the single services may not change a stream: after an
    /// upgrade that needs it, run this once as the user `all`.
    #[command(
        after_help = "Example:\n  SIGNALBOX_NATS__NKEY__FILE=seeds/all.nk signalbox nats setup --bus nats://nats:4222"
    )]
    Setup,
}

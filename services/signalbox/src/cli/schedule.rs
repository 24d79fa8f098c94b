//! `signalbox schedule`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Subcommand;
use resources::schedule::{Tz, zone_named};

/// Look at schedules.
#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// Print all schedules of a folder: what each means, its zone, its next and its last tick
    ///
    /// The last tick is read from the bus, if that can be reached; all else is offline.
    #[command(
        after_help = "Examples:\n  signalbox schedule list\n  signalbox schedule list --config config/ --json"
    )]
    List {
        /// The folder with the resources [default: the setting `config`]
        #[arg(long, value_name = "DIR")]
        config: Option<PathBuf>,
        /// Print each as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Print when a schedule, or an expression, comes next
    ///
    /// In the zone of the schedule and in UTC, without the jitter. Needs no bus.
    #[command(after_help = "\
Examples:
  signalbox schedule next nightly
  signalbox schedule next '30 2 * * mon-fri' --zone Europe/Berlin -n 3")]
    Next {
        /// The name of a Source with a schedule, or a crontab line, macro or interval
        #[arg(value_name = "NAME|EXPRESSION")]
        what: String,
        /// How many
        #[arg(short, long, value_name = "N", default_value_t = 10)]
        number: usize,
        /// The time zone of an expression [default: UTC]
        #[arg(long, value_name = "ZONE")]
        zone: Option<ZoneName>,
        /// The folder with the resources [default: the setting `config`]
        #[arg(long, value_name = "DIR")]
        config: Option<PathBuf>,
        /// Print each as one line of JSON
        #[arg(long)]
        json: bool,
    },
}

/// The name of a time zone.
#[derive(Debug, Clone, Copy)]
pub struct ZoneName(pub Tz);

impl FromStr for ZoneName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        zone_named(text).map(Self)
    }
}

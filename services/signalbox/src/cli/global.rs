//! Flags of every command.

use std::path::PathBuf;

use chassis::BusUrl;
use chassis::telemetry::Level;
use clap::Args;
use clap::ValueEnum;

/// Flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The settings file [default: signalbox.yaml, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "SIGNALBOX_SETTINGS", hide_env_values = true)]
    pub settings: Option<PathBuf>,
    /// The bus: embedded:DIR (in that folder) or nats://HOST:PORT [default: embedded:data]
    #[arg(long, global = true, value_name = "URL", value_parser = bus)]
    pub bus: Option<String>,
    /// How log lines look [default: auto: pretty on a terminal, else json]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Which log lines are written: error, warn, info, debug, trace, off, or directives
    /// such as info,chassis=debug [default: info for serve, warn for the others]
    #[arg(long, global = true, value_name = "LEVEL", value_parser = level)]
    pub log_level: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// pretty on a terminal, else json
    Auto,
    /// One JSON object per line
    Json,
    /// For people
    Pretty,
}

impl LogFormat {
    /// As the settings call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Json => "json",
            Self::Pretty => "pretty",
        }
    }
}

/// Checked here, so that a typo is a usage error; kept as text, because a `BusUrl` shows no password.
fn bus(text: &str) -> Result<String, chassis::engine::NotABus> {
    text.parse::<BusUrl>().map(|_| text.to_owned())
}

fn level(text: &str) -> Result<String, chassis::telemetry::InvalidLevel> {
    text.parse::<Level>().map(|_| text.to_owned())
}

impl From<LogFormat> for chassis::telemetry::Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Auto => Self::Auto,
            LogFormat::Json => Self::Json,
            LogFormat::Pretty => Self::Pretty,
        }
    }
}

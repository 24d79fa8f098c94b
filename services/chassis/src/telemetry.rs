//! Logs: one line per thing that happened, for machines or for people.
//!
//! `serve` writes its log to standard output, where a container's log is read; every other command writes it to
//! standard error, so that its answer on standard output can be piped.

mod json;

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::JsonFields;

/// `log` of the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// How a line looks.
    pub format: Format,
    /// Which lines are written.
    pub level: Level,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `pretty` on a terminal, else `json`.
    #[default]
    Auto,
    /// One JSON object per line; the fields of the spans around it are fields of the line.
    Json,
    /// For people; coloured on a terminal unless the environment has `NO_COLOR`.
    Pretty,
}

/// Which lines are written: a level, or directives such as `info,chassis=debug`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Level(String);

/// Where the lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The text is no level.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidLevel {
    /// Neither a level nor `target=level`.
    #[error(
        "`{0}` is no level: use error, warn, info, debug, trace or off, or directives such as `info,chassis=debug`"
    )]
    Word(String),
    /// The directive cannot be read.
    #[error("`{0}` is no directive: use for example `info,chassis=debug`")]
    Directive(String),
}

/// Something has taken the log already.
#[derive(Debug, Error)]
#[error("the log of this process is set up already")]
pub struct AlreadySet;

impl Default for Level {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl Level {
    /// The NATS client tells each attempt to connect, as an error: the chassis tells the same once. Whoever names the
    /// client hears it.
    fn directives(&self) -> String {
        if self.0.contains("async_nats") { self.0.clone() } else { format!("async_nats=off,{}", self.0) }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Level {
    type Err = InvalidLevel;

    fn from_str(text: &str) -> Result<Self, InvalidLevel> {
        for directive in text.split(',').map(str::trim) {
            // `EnvFilter` takes a misspelt level for the name of a module, and then writes nothing.
            if directive.is_empty() || (!directive.contains('=') && directive.parse::<LevelFilter>().is_err())
            {
                return Err(InvalidLevel::Word(directive.to_owned()));
            }
            if EnvFilter::builder().parse(directive).is_err() {
                return Err(InvalidLevel::Directive(directive.to_owned()));
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Level {
    type Error = InvalidLevel;

    fn try_from(text: String) -> Result<Self, InvalidLevel> {
        text.parse()
    }
}

/// From now on this process writes its log as the settings say.
pub fn init(settings: &LogSettings, output: Output) -> Result<(), AlreadySet> {
    let LogSettings { format, level } = settings;
    let terminal = match output {
        Output::Stdout => io::stdout().is_terminal(),
        Output::Stderr => io::stderr().is_terminal(),
    };
    let filter = EnvFilter::new(level.directives());
    let make_writer = move || -> Box<dyn io::Write> {
        match output {
            Output::Stdout => Box::new(io::stdout()),
            Output::Stderr => Box::new(io::stderr()),
        }
    };
    // It would tell on standard error that a line could not be written, and panic when nobody reads that either.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(make_writer).log_internal_errors(false);
    let pretty = match format {
        Format::Auto => terminal,
        Format::Json => false,
        Format::Pretty => true,
    };
    let result = if pretty {
        builder
            .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()))
            .try_init()
    } else {
        builder.fmt_fields(JsonFields::new()).event_format(json::Lines).try_init()
    };
    result.map_err(|_error| AlreadySet)
}

#[cfg(test)]
mod tests {
    use super::{InvalidLevel, Level};

    #[test]
    fn levels_and_directives_are_taken() {
        for text in ["info", "DEBUG", "off", "info,chassis=debug", "warn, gateway::verify=trace"] {
            text.parse::<Level>().unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn a_misspelt_level_is_refused_and_not_taken_for_a_module() {
        for (text, word) in [("inof", "inof"), ("info,verbose", "verbose"), ("", "")] {
            assert_eq!(text.parse::<Level>(), Err(InvalidLevel::Word(word.to_owned())), "{text}");
        }
        assert_eq!("chassis=loud".parse::<Level>(), Err(InvalidLevel::Directive("chassis=loud".to_owned())));
    }
}

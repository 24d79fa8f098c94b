//! Schedule: when a clock says something. Pure: the time is an argument.

mod cron;
mod field;
mod wall;
mod words;
mod zone;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
pub use chrono_tz::Tz;
use strum::IntoStaticStr;

use crate::rule::Flaw;
use cron::Cron;
pub use cron::NEVER;

pub(crate) use zone::parse as zone;

/// A zone by its name in the IANA database; else what is wrong, and what was most likely meant.
pub fn zone_named(text: &str) -> Result<Tz, String> {
    zone(text).map_err(|wrong| match wrong.hint {
        Some(hint) => format!("{}: {hint}", wrong.message),
        None => wrong.message,
    })
}

#[cfg(test)]
mod tests;

/// The longest interval of `@every`: longer ones are dates, which a calendar says better.
const LONGEST_EVERY: Duration = Duration::from_hours(24 * 366);

/// `spec.schedule` of a Source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// When.
    pub expression: Expression,
    /// The zone whose wall clock the expression speaks of.
    pub zone: Tz,
    /// A tick comes up to so much later than its nominal time; how much, is the same for the same tick.
    pub jitter: Duration,
    /// What becomes of ticks that were missed while nothing ran.
    pub catch_up: CatchUp,
    /// No ticks for now; those of this time are not made up for.
    pub suspend: bool,
}

/// What becomes of ticks that were missed while nothing ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum CatchUp {
    /// They are left out.
    None,
    /// The last of them comes late, for all.
    #[default]
    Once,
    /// Each comes late, in order; of many, the last 100.
    All,
}

/// When: a crontab line, a macro or an interval.
#[derive(Clone, PartialEq, Eq)]
pub struct Expression {
    text: String,
    form: Form,
}

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Cron(Box<Cron>),
    /// Whole seconds, counted from the beginning of 1970.
    Every(i64),
}

impl Expression {
    /// Reads a crontab line of five fields, six (seconds first) or seven (a year last), a macro (`@hourly`), or an
    /// interval (`@every 90m`).
    ///
    /// ```
    /// use resources::schedule::Expression;
    /// let expression = Expression::parse("30 2 * * mon-fri").expect("a crontab line");
    /// assert_eq!(expression.words(), "at 02:30, Monday to Friday");
    /// let flaws = Expression::parse("61 2 * * *").expect_err("no hour has so many minutes");
    /// assert_eq!(flaws[0].message, "the minute cannot be 61");
    /// ```
    pub fn parse(text: &str) -> Result<Self, Vec<Flaw>> {
        let line = text.trim();
        let form = match line.split_once(char::is_whitespace) {
            _ if !line.starts_with('@') => Form::Cron(Box::new(Cron::parse(text)?)),
            Some(("@every", interval)) => Form::Every(every(interval.trim())?),
            _ => match macros(line) {
                Some(line) => Form::Cron(Box::new(Cron::parse(line)?)),
                None => return Err(vec![unknown_macro(line)]),
            },
        };
        Ok(Self { text: line.to_owned(), form })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// In words; what has no short words stays as it is written.
    pub fn words(&self) -> String {
        match &self.form {
            Form::Cron(cron) => words::of(cron).unwrap_or_else(|| self.text.clone()),
            Form::Every(seconds) => words::every(*seconds),
        }
    }

    /// The first time after this one, by the wall clock of a zone; `None` when there is none before the year 2101.
    pub fn next_after(&self, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.form {
            Form::Cron(cron) => wall::next_after(cron, zone, after),
            Form::Every(seconds) => {
                let turn = after.timestamp().div_euclid(*seconds).checked_add(1)?;
                DateTime::from_timestamp(turn.checked_mul(*seconds)?, 0)
            }
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl Schedule {
    /// A schedule of this expression by a zone's wall clock, and nothing else said.
    pub fn new(expression: Expression, zone: Tz) -> Self {
        let (jitter, catch_up, suspend) = (Duration::ZERO, CatchUp::default(), false);
        Self { expression, zone, jitter, catch_up, suspend }
    }

    /// The nominal times after this one, in order.
    pub fn after(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        std::iter::successors(self.expression.next_after(self.zone, after), |last| {
            self.expression.next_after(self.zone, *last)
        })
    }

    /// How much later than its nominal time a tick comes, given a number that is the same for the same tick.
    pub fn delay(&self, number: u64) -> TimeDelta {
        let bound = u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        TimeDelta::milliseconds(i64::try_from(number % bound).unwrap_or(i64::MAX))
    }

    /// What a change of makes it another schedule, which has no past.
    pub fn identity(&self) -> String {
        let suspended = if self.suspend { " suspended" } else { "" };
        format!("{} {}{suspended}", self.expression.text, self.zone)
    }
}

const MACROS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

fn macros(text: &str) -> Option<&'static str> {
    MACROS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, line)| *line)
}

fn unknown_macro(text: &str) -> Flaw {
    let names: Vec<&str> = MACROS.iter().map(|(name, _)| *name).chain(["@every"]).collect();
    let hint = match text {
        "@reboot" => Some("a schedule knows no start of the machine: say when".to_owned()),
        "@every" => Some("say how often: `@every 90m`".to_owned()),
        _ => crate::names::suggestion(text, &names),
    };
    Flaw::new(0, format!("there is no macro `{text}`"), hint)
}

fn every(text: &str) -> Result<i64, Vec<Flaw>> {
    let at = "@every ".len();
    let interval = crate::names::duration(text)
        .map_err(|misformed| vec![Flaw::new(at, misformed.message, misformed.hint)])?;
    if interval.is_zero() || interval > LONGEST_EVERY {
        let hint = "write an interval from 1s to 8784h (366 days)".to_owned();
        return Err(vec![Flaw::new(at, format!("`{text}` is not an interval of a schedule"), Some(hint))]);
    }
    Ok(i64::try_from(interval.as_secs()).unwrap_or(i64::MAX))
}

//! A crontab line, with the `cron` crate underneath.
//!
//! That crate wants seconds, counts Sunday as 1, asks for both days where crontab asks for either, and knows nothing of
//! a clock that is put forward or back. So the fields are read here and handed on as lists of numbers; of two
//! restricted days two schedules are made, of which the earlier time counts; and it is asked on a clock without a zone
//! (the wall clock, called UTC), where time is never skipped or repeated. [`super::wall`] does the rest.

use std::str::FromStr as _;

use chrono::{DateTime, NaiveDateTime};

use super::field::{self, Field, Kind};
use crate::rule::Flaw;

/// What is said of a schedule that has no time at all, for those to whom that is no flaw.
pub const NEVER: &str = "this never happens";

const FIELDS: &str = "write `minute hour day-of-month month day-of-week`, with a second before and a year after if \
                      you want: `30 2 * * mon-fri`";

/// A crontab line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    pub second: Field,
    pub minute: Field,
    pub hour: Field,
    pub day_of_month: Field,
    pub month: Field,
    pub day_of_week: Field,
    pub year: Field,
    /// One; two where either day will do.
    schedules: Vec<cron::Schedule>,
}

impl Cron {
    /// Reads five, six or seven fields.
    pub fn parse(text: &str) -> Result<Self, Vec<Flaw>> {
        let words: Vec<(usize, &str)> =
            text.split_whitespace().map(|word| (offset(text, word), word)).collect();
        let end = text.len();
        let words: Vec<(usize, &str)> = match words.len() {
            5 => [(0, "0")].into_iter().chain(words).chain([(end, "*")]).collect(),
            6 => words.into_iter().chain([(end, "*")]).collect(),
            7 => words,
            count => {
                let message = format!("a schedule has 5, 6 or 7 fields, this has {count}");
                return Err(vec![Flaw::new(0, message, Some(FIELDS.to_owned()))]);
            }
        };
        let (mut fields, mut flaws) = (Vec::new(), Vec::new());
        let kinds = [
            Kind::Second,
            Kind::Minute,
            Kind::Hour,
            Kind::DayOfMonth,
            Kind::Month,
            Kind::DayOfWeek,
            Kind::Year,
        ];
        for (kind, (at, word)) in kinds.into_iter().zip(words) {
            match field::parse(kind, word, at) {
                Ok(field) => fields.push(field),
                Err(flaw) => flaws.push(flaw),
            }
        }
        let Ok([second, minute, hour, day_of_month, month, day_of_week, year]) =
            <[Field; 7]>::try_from(fields)
        else {
            return Err(flaws);
        };
        let mut cron =
            Self { second, minute, hour, day_of_month, month, day_of_week, year, schedules: Vec::new() };
        cron.schedules = cron.schedules().map_err(|flaw| vec![flaw])?;
        if cron.next_after(DateTime::UNIX_EPOCH.naive_utc()).is_none() {
            let hint = "no year from 1970 to 2100 has such a day".to_owned();
            return Err(vec![Flaw::new(0, NEVER, Some(hint))]);
        }
        Ok(cron)
    }

    /// The first time on a wall clock after this one.
    pub fn next_after(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        let after = wall.and_utc();
        let next = |schedule: &cron::Schedule| schedule.after(&after).find(|next| *next > after);
        self.schedules.iter().filter_map(next).min().map(|next: DateTime<chrono::Utc>| next.naive_utc())
    }

    /// Whether it says a time of the day rather than an interval: nothing of its time is `*` or has a step.
    pub fn is_fixed(&self) -> bool {
        ![&self.second, &self.minute, &self.hour].into_iter().any(|field| field.interval)
    }

    fn schedules(&self) -> Result<Vec<cron::Schedule>, Flaw> {
        if self.day_of_month.any || self.day_of_week.any {
            return Ok(vec![self.schedule(true, true)?]);
        }
        Ok(vec![self.schedule(true, false)?, self.schedule(false, true)?])
    }

    /// A schedule of the crate, with the days that count.
    fn schedule(&self, by_month: bool, by_week: bool) -> Result<cron::Schedule, Flaw> {
        let text = [
            list(&self.second, 0),
            list(&self.minute, 0),
            list(&self.hour, 0),
            if by_month { list(&self.day_of_month, 0) } else { "*".to_owned() },
            list(&self.month, 0),
            if by_week { list(&self.day_of_week, 1) } else { "*".to_owned() },
            list(&self.year, 0),
        ]
        .join(" ");
        cron::Schedule::from_str(&text).map_err(|error| Flaw::new(0, error.to_string(), None))
    }
}

fn list(field: &Field, shift: u32) -> String {
    if field.any {
        return "*".to_owned();
    }
    field.values.iter().map(|value| (value + shift).to_string()).collect::<Vec<_>>().join(",")
}

/// Where a word that was split off a text begins.
fn offset(text: &str, word: &str) -> usize {
    word.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}

//! One field of a crontab line: a text to the values that it stands for.
//!
//! The numbers of the day of the week are those of crontab here (0 and 7 are Sunday); the `cron` crate counts from 1.

use std::collections::BTreeSet;

use crate::rule::Flaw;

/// Which field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
    Year,
}

/// What a field stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// It is `*` (or `?`): anything.
    pub any: bool,
    /// A `*` or a step is in it: it means an interval rather than a time.
    pub interval: bool,
    /// In order, without repetition; Sunday is 0.
    pub values: BTreeSet<u32>,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
pub(super) const DAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// How many letters of a name will do.
const SHORT: usize = 3;

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of the month",
            Self::Month => "month",
            Self::DayOfWeek => "day of the week",
            Self::Year => "year",
        }
    }

    /// The smallest and the largest number.
    pub fn range(self) -> (u32, u32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 7),
            Self::Year => (1970, 2100),
        }
    }

    fn names(self) -> (&'static [&'static str], u32) {
        match self {
            Self::Month => (&MONTHS, 1),
            Self::DayOfWeek => (&DAYS, 0),
            Self::Second | Self::Minute | Self::Hour | Self::DayOfMonth | Self::Year => (&[], 0),
        }
    }

    /// What may stand in it.
    fn form(self) -> String {
        let (least, most) = self.range();
        match self {
            Self::Month => "write 1-12 or jan-dec".to_owned(),
            Self::DayOfWeek => "write 0-7 (0 and 7 are Sunday) or sun-sat".to_owned(),
            Self::Second | Self::Minute | Self::Hour | Self::DayOfMonth | Self::Year => {
                format!("write {least}-{most}")
            }
        }
    }

    fn flaw(self, at: usize, what: &str, hint: impl Into<String>) -> Flaw {
        Flaw::new(at, format!("the {} {what}", self.name()), Some(hint.into()))
    }
}

/// Reads a field that stands at `at`.
pub(super) fn parse(kind: Kind, text: &str, at: usize) -> Result<Field, Flaw> {
    let mut field = Field { any: false, interval: false, values: BTreeSet::new() };
    let mut offset = at;
    for part in text.split(',') {
        part_of(kind, part, offset, &mut field)?;
        offset += part.len() + 1;
    }
    field.any = text == "*" || text == "?";
    Ok(field)
}

fn part_of(kind: Kind, part: &str, at: usize, field: &mut Field) -> Result<(), Flaw> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let (least, most) = match range {
        "" => return Err(kind.flaw(at, "has nothing in one place", kind.form())),
        "*" => {
            field.interval = true;
            kind.range()
        }
        "?" if matches!(kind, Kind::DayOfMonth | Kind::DayOfWeek) && part == "?" => kind.range(),
        _ => span(kind, range, at)?,
    };
    let step = match step {
        None => 1,
        Some(step) => {
            field.interval = true;
            stride(kind, range, step, at)?
        }
    };
    // Sunday has two numbers, and a step over both would count it twice.
    let most = if range == "*" && kind == Kind::DayOfWeek { 6 } else { most };
    let values = (least..=most).step_by(usize::try_from(step).unwrap_or(usize::MAX));
    field.values.extend(values.map(|value| if kind == Kind::DayOfWeek { value % 7 } else { value }));
    Ok(())
}

fn span(kind: Kind, range: &str, at: usize) -> Result<(u32, u32), Flaw> {
    let Some((from, to)) = range.split_once('-') else {
        return number(kind, range, at).map(|value| (value, value));
    };
    let (from, mut until) = (number(kind, from, at)?, number(kind, to, at + from.len() + 1)?);
    if kind == Kind::DayOfWeek && until == 0 && from > 0 {
        // `fri-sun`, `5-0`
        until = 7;
    }
    if from > until {
        let (least, most) = kind.range();
        // Sunday is in the first half already, as 7.
        let least = if kind == Kind::DayOfWeek { 1 } else { least };
        let lower = if least == until { until.to_string() } else { format!("{least}-{until}") };
        let upper = if most == from { from.to_string() } else { format!("{from}-{most}") };
        return Err(kind.flaw(at, &format!("`{range}` runs backwards"), format!("write `{upper},{lower}`")));
    }
    Ok((from, until))
}

fn stride(kind: Kind, range: &str, step: &str, at: usize) -> Result<u32, Flaw> {
    let (least, most) = kind.range();
    let here = at + range.len() + 1;
    if range != "*" && !range.contains('-') {
        let hint = format!("write `{range}-{most}/{step}`, or `*/{step}` to begin with {least}");
        return Err(kind.flaw(at, &format!("`{range}/{step}` has a step and no range"), hint));
    }
    let parsed = digits(step).filter(|step| *step > 0);
    let Some(parsed) = parsed else {
        return Err(kind.flaw(
            here,
            &format!("cannot have the step `{step}`"),
            "write a number from 1: `*/5`",
        ));
    };
    if parsed > most - least {
        let hint = format!("it would begin anew after {most}: for a longer interval, write `@every`");
        return Err(kind.flaw(here, &format!("cannot have a step of {parsed}"), hint));
    }
    Ok(parsed)
}

fn digits(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn number(kind: Kind, text: &str, at: usize) -> Result<u32, Flaw> {
    let (least, most) = kind.range();
    let cannot =
        format!("cannot be {}", if digits(text).is_some() { text.to_owned() } else { format!("`{text}`") });
    if let Some(number) = digits(text) {
        let fits = (least..=most).contains(&number);
        return if fits { Ok(number) } else { Err(kind.flaw(at, &cannot, kind.form())) };
    }
    let (names, first) = kind.names();
    let word = text.to_ascii_lowercase();
    let found =
        names.iter().position(|name| *name == word || (word.len() == SHORT && name.starts_with(&word)));
    if let Some(index) = found {
        return Ok(first + u32::try_from(index).unwrap_or_default());
    }
    let special = word.bytes().any(|b| b"l#w+h~".contains(&b))
        && word.bytes().all(|b| b.is_ascii_digit() || b"l#w+h~-".contains(&b));
    let hint = if special {
        format!("`L`, `W`, `#`, `+` and `H` are not known here; {}", kind.form())
    } else {
        let short = || names.iter().map(|name| &name[..SHORT]);
        match crate::names::nearest(&word, short().chain(names.iter().copied())) {
            Some(meant) => format!("did you mean `{}`?", &meant[..SHORT]),
            None => kind.form(),
        }
    };
    Err(kind.flaw(at, &cannot, hint))
}

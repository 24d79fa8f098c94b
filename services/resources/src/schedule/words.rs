//! A schedule in words. What would need many is left as it is written.

use std::collections::BTreeSet;

use super::cron::Cron;
use super::field::{DAYS, Field};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// More times, days or numbers than this are no sentence.
const FEW: usize = 6;

/// A crontab line in words, if there are short ones.
pub(super) fn of(cron: &Cron) -> Option<String> {
    let parts: Vec<String> = [time(cron)?, days(cron)?, months(&cron.month)?, years(&cron.year)?]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    Some(parts.join(", "))
}

/// An interval in words.
pub(super) fn every(seconds: i64) -> String {
    let (number, unit) = match seconds {
        seconds if seconds % 86_400 == 0 => (seconds / 86_400, "day"),
        seconds if seconds % 3_600 == 0 => (seconds / 3_600, "hour"),
        seconds if seconds % 60 == 0 => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    };
    if number == 1 { format!("every {unit}") } else { format!("every {number} {unit}s") }
}

fn time(cron: &Cron) -> Option<String> {
    let (second, minute, hour) = (&cron.second, &cron.minute, &cron.hour);
    if let Some(times) = times(cron) {
        let every_day = cron.day_of_month.any && cron.day_of_week.any;
        return Some(format!("{}at {times}", if every_day { "every day " } else { "" }));
    }
    let within_hours = || {
        if hour.any {
            Some(String::new())
        } else {
            spans(hour, |hour| format!("{hour:02}")).map(|hours| format!(" of the hours {hours}"))
        }
    };
    match (single(second), single(minute)) {
        (Some(0), Some(at)) => {
            let place = if at == 0 { String::new() } else { format!(" at minute {at}") };
            if hour.any {
                return Some(format!("every hour{place}"));
            }
            if let Some(step) = stepped(hour, 24) {
                return Some(format!("every {step} hours{place}"));
            }
            spans(hour, |hour| format!("{hour:02}"))
                .map(|hours| format!("at minute {at} of the hours {hours}"))
        }
        (Some(0), None) => {
            let within = within_hours()?;
            if minute.any {
                return Some(format!("every minute{within}"));
            }
            if let Some(step) = stepped(minute, 60) {
                return Some(format!("every {step} minutes{within}"));
            }
            let minutes = few(&minute.values, |minute| minute.to_string())?;
            let within = if hour.any { " of every hour".to_owned() } else { within };
            Some(format!("at the minutes {minutes}{within}"))
        }
        (_, None) if minute.any => {
            let within = within_hours()?;
            if second.any {
                return Some(format!("every second{within}"));
            }
            if let Some(step) = stepped(second, 60) {
                return Some(format!("every {step} seconds{within}"));
            }
            single(second).map(|second| format!("every minute at second {second}{within}"))
        }
        _ => None,
    }
}

/// `02:30 and 14:30`, where that is what it says.
fn times(cron: &Cron) -> Option<String> {
    let (second, minute, hour) = (&cron.second, &cron.minute, &cron.hour);
    let count = second.values.len() * minute.values.len() * hour.values.len();
    if !cron.is_fixed() || count > FEW {
        return None;
    }
    let mut times = Vec::new();
    for hour in &hour.values {
        for minute in &minute.values {
            for at in &second.values {
                let seconds = if single(second) == Some(0) { String::new() } else { format!(":{at:02}") };
                times.push(format!("{hour:02}:{minute:02}{seconds}"));
            }
        }
    }
    Some(and(&times))
}

fn days(cron: &Cron) -> Option<String> {
    let (month, week) = (&cron.day_of_month, &cron.day_of_week);
    let of_month = || {
        let days = spans(month, |day| day.to_string())?;
        Some(format!("on {} {days} of the month", if month.values.len() == 1 { "day" } else { "the days" }))
    };
    let of_week = || {
        let name = |day: u32| {
            let name = DAYS.get(usize::try_from(day).unwrap_or_default()).copied().unwrap_or_default();
            format!("{}{}", name[..1].to_uppercase(), &name[1..])
        };
        // The week of people ends with Sunday.
        let week: BTreeSet<u32> = week.values.iter().map(|day| if *day == 0 { 7 } else { *day }).collect();
        let name = |day: u32| name(day % 7);
        let field = Field { any: false, interval: false, values: week };
        let run = field.values.len() > 2 && is_run(&field.values);
        spans(&field, name).map(|days| if run { days } else { format!("on {days}") })
    };
    Some(match (month.any, week.any) {
        (true, true) => String::new(),
        (false, true) => of_month()?,
        (true, false) => of_week()?,
        (false, false) => format!("{} or {}", of_month()?, of_week()?),
    })
}

fn months(field: &Field) -> Option<String> {
    let name = |month: u32| {
        MONTHS
            .get(usize::try_from(month).unwrap_or_default().wrapping_sub(1))
            .copied()
            .unwrap_or_default()
            .to_owned()
    };
    if field.any { Some(String::new()) } else { spans(field, name).map(|months| format!("in {months}")) }
}

fn years(field: &Field) -> Option<String> {
    if field.any {
        Some(String::new())
    } else {
        spans(field, |year| year.to_string()).map(|years| format!("in {years}"))
    }
}

fn single(field: &Field) -> Option<u32> {
    let mut values = field.values.iter();
    values.next().filter(|_| values.next().is_none()).copied()
}

/// The step of all values of a whole turn: `*/15` of 60, not `*/7`, whose last step is shorter.
fn stepped(field: &Field, turn: u32) -> Option<u32> {
    let count = u32::try_from(field.values.len()).ok()?;
    let step = turn.checked_div(count)?;
    let even = step > 1
        && step * count == turn
        && field
            .values
            .iter()
            .enumerate()
            .all(|(index, value)| u32::try_from(index).is_ok_and(|index| index * step == *value));
    even.then_some(step)
}

fn is_run(values: &BTreeSet<u32>) -> bool {
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return false };
    usize::try_from(last - first).is_ok_and(|span| span + 1 == values.len())
}

/// `9 to 17`, or `1 and 15`.
fn spans(field: &Field, name: impl Fn(u32) -> String) -> Option<String> {
    let values = &field.values;
    if values.len() > 2 && is_run(values) {
        return Some(format!("{} to {}", name(*values.first()?), name(*values.last()?)));
    }
    few(values, name)
}

fn few(values: &BTreeSet<u32>, name: impl Fn(u32) -> String) -> Option<String> {
    (values.len() <= FEW).then(|| and(&values.iter().map(|value| name(*value)).collect::<Vec<_>>()))
}

fn and(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

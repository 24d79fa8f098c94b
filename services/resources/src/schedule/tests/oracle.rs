//! Ours beside croner, on expressions, zones and times by chance.
//!
//! croner takes a list of times (`30 2,14 * * *`) for an interval, where Vixie cron and we do not; there, each time of the
//! list is asked of it by itself.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use proptest::prelude::*;

use super::super::{Expression, Form, Schedule};

/// Where the clock is moved by an hour, half an hour, never; in both halves of the world; at midnight.
const ZONES: [Tz; 8] = [
    Tz::UTC,
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::Asia__Kathmandu,
    Tz::America__Santiago,
    Tz::Africa__Cairo,
    Tz::Pacific__Chatham,
];

/// Nearly all moves of the clock in these zones are in these months.
const MOVES: [&str; 8] = [
    "2026-03-07T12:00:00Z",
    "2026-03-28T12:00:00Z",
    "2026-04-04T00:00:00Z",
    "2026-04-23T12:00:00Z",
    "2026-09-05T12:00:00Z",
    "2026-10-03T00:00:00Z",
    "2026-10-24T12:00:00Z",
    "2026-10-31T12:00:00Z",
];

fn numbers(least: u32, most: u32) -> BoxedStrategy<String> {
    let number = least..=most;
    let range = (number.clone(), number.clone()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b)));
    let stepped = (range.clone(), 1..=(most - least)).prop_map(|(range, step)| format!("{range}/{step}"));
    let part = prop_oneof![3 => number.prop_map(|n| n.to_string()), 1 => range, 1 => stepped];
    prop_oneof![
        4 => Just("*".to_owned()),
        2 => (1..=(most - least)).prop_map(|step| format!("*/{step}")),
        4 => part.clone(),
        2 => prop::collection::vec(part, 2..4).prop_map(|parts| parts.join(",")),
    ]
    .boxed()
}

fn line() -> impl Strategy<Value = String> {
    let days = prop_oneof![
        4 => numbers(0, 7),
        1 => Just("mon-fri".to_owned()),
        1 => Just("SUN".to_owned()),
        1 => Just("tue,Sat".to_owned()),
    ];
    let months = prop_oneof![6 => numbers(1, 12), 1 => Just("jan,MAR,oct".to_owned())];
    let seconds = prop_oneof![3 => Just(String::new()), 2 => numbers(0, 59)];
    (seconds, numbers(0, 59), numbers(0, 23), numbers(1, 31), months, days, any::<bool>()).prop_map(
        |(second, minute, hour, day, month, week, year)| {
            let year = if year && !second.is_empty() { "2026-2028" } else { "" };
            format!("{second} {minute} {hour} {day} {month} {week} {year}").trim().to_owned()
        },
    )
}

/// The next times by croner.
fn oracle(
    text: &str,
    fixed: Option<Vec<[u32; 3]>>,
    zone: Tz,
    after: DateTime<Utc>,
    count: usize,
) -> Vec<DateTime<Utc>> {
    let next = |text: &str| -> Vec<DateTime<Utc>> {
        let cron: Cron = text.parse().unwrap_or_else(|error| panic!("croner refuses `{text}`: {error}"));
        cron.iter_after(after.with_timezone(&zone)).take(count).map(|time| time.to_utc()).collect()
    };
    let Some(times) = fixed else { return next(text) };
    let mut fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() == 5 {
        fields.insert(0, "0");
    }
    let days = fields[3..].join(" ");
    let mut all: Vec<_> = times.iter().flat_map(|[s, m, h]| next(&format!("{s} {m} {h} {days}"))).collect();
    all.sort_unstable();
    all.dedup();
    all.truncate(count);
    all
}

/// Each time of the day that a line lists, if there are few and it is no interval.
fn times(expression: &Expression) -> Option<Vec<[u32; 3]>> {
    let Form::Cron(cron) = &expression.form else { return None };
    if !cron.is_fixed() {
        return None;
    }
    let mut times = Vec::new();
    for second in &cron.second.values {
        for minute in &cron.minute.values {
            times.extend(cron.hour.values.iter().map(|hour| [*second, *minute, *hour]));
        }
    }
    Some(times)
}

fn compare(text: &str, zone: Tz, after: DateTime<Utc>, count: usize) -> Result<(), TestCaseError> {
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        // croner finds no time either.
        Err(flaws) => {
            prop_assert_eq!(&flaws[0].message, "this never happens", "{}", text);
            prop_assert!(oracle(text, None, zone, after, 1).is_empty(), "{}", text);
            return Ok(());
        }
    };
    let times = times(&expression);
    prop_assume!(times.as_ref().is_none_or(|times| times.len() <= 12));
    let schedule = Schedule::new(expression, zone);
    let ours: Vec<DateTime<Utc>> = schedule.after(after).take(count).collect();
    let wanted = oracle(text, times, zone, after, count);
    prop_assert_eq!(&ours, &wanted, "`{}` in {} after {}", text, zone, after);
    prop_assert!(ours.iter().zip(ours.iter().skip(1)).all(|(a, b)| a < b));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn a_line_means_what_croner_takes_it_for(
        text in line(),
        zone in prop::sample::select(&ZONES[..]),
        after in 1_767_225_600_i64..1_830_297_600,
    ) {
        compare(&text, zone, DateTime::from_timestamp(after, 0).expect("a time of this decade"), 5)?;
    }

    #[test]
    fn a_line_means_what_croner_takes_it_for_where_the_clock_is_moved(
        seconds in prop_oneof![Just(""), Just("30 ")],
        minute in numbers(0, 59),
        hour in prop_oneof![Just("*".to_owned()), Just("*/2".to_owned()), numbers(0, 3), numbers(0, 3)],
        zone in prop::sample::select(&ZONES[..]),
        near in prop::sample::select(&MOVES[..]),
        more in 0..100_000_i64,
    ) {
        let after = super::at(near) + TimeDelta::seconds(more);
        compare(&format!("{seconds}{minute} {hour} * * *"), zone, after, 8)?;
    }
}

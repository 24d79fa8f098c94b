mod clock_changes;
mod oracle;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;

use super::{Expression, Schedule};

fn schedule(text: &str, zone: Tz) -> Schedule {
    let expression = Expression::parse(text).unwrap_or_else(|flaws| panic!("{text}: {flaws:?}"));
    Schedule::new(expression, zone)
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("a time of the test").to_utc()
}

/// The next times, on the wall clock with its offset.
fn next(text: &str, zone: Tz, after: &str, count: usize) -> Vec<String> {
    let schedule = schedule(text, zone);
    let times = schedule.after(at(after)).take(count);
    times.map(|time| time.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, true)).collect()
}

fn flaw(text: &str) -> (usize, String, String) {
    let mut flaws = Expression::parse(text).expect_err(text);
    let flaw = flaws.remove(0);
    (flaw.offset, flaw.message, flaw.hint.unwrap_or_default())
}

#[test]
fn sunday_is_0_and_7_and_monday_to_friday_are_1_to_5() {
    // 2026-11-22 is a Sunday.
    let days = |text: &str| {
        next(text, Tz::UTC, "2026-11-22T00:00:00Z", 6)
            .iter()
            .map(|day| day[8..10].to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(days("0 12 * * 0"), "22 29 06 13 20 27");
    assert_eq!(days("0 12 * * 7"), "22 29 06 13 20 27");
    assert_eq!(days("0 12 * * SUN"), "22 29 06 13 20 27");
    assert_eq!(days("0 12 * * 1-5"), "23 24 25 26 27 30");
    assert_eq!(days("0 12 * * mon-fri"), "23 24 25 26 27 30");
    assert_eq!(days("0 12 * * 5-7"), "22 27 28 29 04 05");
    assert_eq!(days("0 12 * * fri-sun"), "22 27 28 29 04 05");
    assert_eq!(days("0 12 * * 0-7"), "22 23 24 25 26 27");
    assert_eq!(days("0 12 * * */2"), "22 24 26 28 29 01");
    assert_eq!(days("0 12 * * Tuesday,thursday"), "24 26 01 03 08 10");
}

#[test]
fn of_two_restricted_days_either_will_do_and_of_one_it_alone_counts() {
    let days = |text: &str| {
        next(text, Tz::UTC, "2026-11-01T00:00:00Z", 5)
            .iter()
            .map(|day| day[5..10].to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(days("0 0 13 * 5"), "11-06 11-13 11-20 11-27 12-04");
    assert_eq!(days("0 0 15 * fri"), "11-06 11-13 11-15 11-20 11-27");
    assert_eq!(days("0 0 15 * *"), "11-15 12-15 01-15 02-15 03-15");
    assert_eq!(days("0 0 15 * ?"), "11-15 12-15 01-15 02-15 03-15");
    assert_eq!(days("0 0 ? * fri"), "11-06 11-13 11-20 11-27 12-04");
    // An impossible day of the month leaves the other.
    assert_eq!(days("0 0 30 2 fri"), "02-05 02-12 02-19 02-26 02-04");
}

#[test]
fn fields_of_seconds_and_years_are_optional() {
    let from = "2026-11-24T10:00:00Z";
    assert_eq!(next("*/30 * * * * *", Tz::UTC, from, 2), ["2026-11-24T10:00:30Z", "2026-11-24T10:01:00Z"]);
    assert_eq!(
        next("15 30 2 1 jan * 2028,2030", Tz::UTC, from, 3),
        ["2028-01-01T02:30:15Z", "2030-01-01T02:30:15Z"]
    );
    assert_eq!(next("0 0 29 feb *", Tz::UTC, from, 2), ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]);
    // Nothing of it lies ahead any more.
    assert!(next("0 0 0 1 1 * 2020", Tz::UTC, from, 1).is_empty());
}

#[test]
fn macros_are_lines_and_an_interval_is_counted_from_1970() {
    for (name, line) in [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@HOURLY", "0 * * * *"),
    ] {
        let from = "2026-03-01T12:34:56Z";
        assert_eq!(
            next(name, Tz::Europe__Berlin, from, 3),
            next(line, Tz::Europe__Berlin, from, 3),
            "{name}"
        );
    }
    let from = "2026-11-24T10:00:00Z";
    assert_eq!(next("@every 90m", Tz::UTC, from, 2), ["2026-11-24T10:30:00Z", "2026-11-24T12:00:00Z"]);
    // Whenever one asks, the times are the same; and the time itself is not after itself.
    assert_eq!(next("@every 90m", Tz::UTC, "2026-11-24T10:30:00Z", 1), ["2026-11-24T12:00:00Z"]);
    assert_eq!(next("@every 90m", Tz::UTC, "2026-11-24T10:29:59.9Z", 1), ["2026-11-24T10:30:00Z"]);
}

#[test]
fn a_wrong_line_is_told_by_its_field_its_place_and_what_would_be_right() {
    for (text, offset, message, hint) in [
        ("* * * *", 0, "a schedule has 5, 6 or 7 fields, this has 4", "write `minute hour"),
        ("", 0, "a schedule has 5, 6 or 7 fields, this has 0", "write `minute hour"),
        ("60 * * * *", 0, "the minute cannot be 60", "write 0-59"),
        ("0 24 * * *", 2, "the hour cannot be 24", "write 0-23"),
        ("0 0 0 * *", 4, "the day of the month cannot be 0", "write 1-31"),
        ("0 0 * 13 *", 6, "the month cannot be 13", "write 1-12 or jan-dec"),
        ("0 0 * * 8", 8, "the day of the week cannot be 8", "write 0-7 (0 and 7 are Sunday) or sun-sat"),
        ("0 0 * * mno", 8, "the day of the week cannot be `mno`", "did you mean `mon`?"),
        ("0  0 * febuary *", 7, "the month cannot be `febuary`", "did you mean `feb`?"),
        ("0 22-2 * * *", 2, "the hour `22-2` runs backwards", "write `22-23,0-2`"),
        ("0 0 * * 6-1", 8, "the day of the week `6-1` runs backwards", "write `6-7,1`"),
        (
            "5/10 * * * *",
            0,
            "the minute `5/10` has a step and no range",
            "write `5-59/10`, or `*/10` to begin with 0",
        ),
        ("*/0 * * * *", 2, "the minute cannot have the step `0`", "write a number from 1"),
        ("*/x * * * *", 2, "the minute cannot have the step `x`", "write a number from 1"),
        ("*/90 * * * *", 2, "the minute cannot have a step of 90", "write `@every`"),
        ("1,,2 * * * *", 2, "the minute has nothing in one place", "write 0-59"),
        ("-5 * * * *", 0, "the minute cannot be ``", "write 0-59"),
        ("0 0 L * *", 4, "the day of the month cannot be `L`", "`L`, `W`, `#`, `+` and `H` are not known"),
        ("0 0 * * 5#2", 8, "the day of the week cannot be `5#2`", "are not known here"),
        ("? * * * *", 0, "the minute cannot be `?`", "write 0-59"),
        ("99999999999 * * * *", 0, "the minute cannot be", "write 0-59"),
        ("0 0 30 2 *", 0, "this never happens", "no year from 1970 to 2100"),
        ("0 0 0 1 1 * 1969", 12, "the year cannot be 1969", "write 1970-2100"),
        ("@hourl", 0, "there is no macro `@hourl`", "did you mean `@hourly`?"),
        ("@reboot", 0, "there is no macro `@reboot`", "say when"),
        ("@every", 0, "there is no macro `@every`", "say how often"),
        ("@every 5", 7, "`5` is not a duration", "write a number and a unit"),
        ("@every 0s", 7, "`0s` is not an interval of a schedule", "from 1s"),
        ("@every 9000h", 7, "`9000h` is not an interval of a schedule", "from 1s"),
    ] {
        let (found, told, would) = flaw(text);
        assert_eq!(found, offset, "{text}: {told}");
        assert!(told.starts_with(message), "{text}: {told}");
        assert!(would.contains(hint), "{text}: {would}");
    }
    let all = Expression::parse("60 24 0 13 8").expect_err("everything is wrong");
    assert_eq!(all.len(), 5, "all are told at once: {all:?}");
}

#[test]
fn an_expression_is_said_in_words_or_as_it_is_written() {
    for (text, words) in [
        ("0 3 * * *", "every day at 03:00"),
        ("30 2,14 * * *", "every day at 02:30 and 14:30"),
        ("30 2 * * mon-fri", "at 02:30, Monday to Friday"),
        ("0 9 * * 1,4", "at 09:00, on Monday and Thursday"),
        ("0 9 * * 0,6", "at 09:00, on Saturday and Sunday"),
        ("0 9 * * 5-7", "at 09:00, Friday to Sunday"),
        ("0 0 1 * *", "at 00:00, on day 1 of the month"),
        ("0 0 1,15 * 1", "at 00:00, on the days 1 and 15 of the month or on Monday"),
        ("0 0 1 1 *", "at 00:00, on day 1 of the month, in January"),
        ("15 30 4 1 jan-mar * 2027", "at 04:30:15, on day 1 of the month, in January to March, in 2027"),
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("*/15 9-17 * * 1-5", "every 15 minutes of the hours 09 to 17, Monday to Friday"),
        ("0 * * * *", "every hour"),
        ("5 * * * *", "every hour at minute 5"),
        ("0 */6 * * *", "every 6 hours"),
        ("10 */6 * * *", "every 6 hours at minute 10"),
        ("0 9-17 * * *", "at minute 0 of the hours 09 to 17"),
        ("10,40 * * * *", "at the minutes 10 and 40 of every hour"),
        ("* * * * * *", "every second"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("30 * * * * *", "every minute at second 30"),
        ("@hourly", "every hour"),
        ("@weekly", "at 00:00, on Sunday"),
        ("@every 90m", "every 90 minutes"),
        ("@every 24h", "every day"),
        ("@every 1s", "every second"),
        // Twenty minutes are not twenty words.
        ("*/7 1-23/3 * * *", "*/7 1-23/3 * * *"),
        ("1,2,3,5,8,13,21,34 * * * *", "1,2,3,5,8,13,21,34 * * * *"),
    ] {
        assert_eq!(Expression::parse(text).expect(text).words(), words, "{text}");
    }
}

#[test]
fn a_delay_is_within_its_bound_and_every_delay_comes_up() {
    let mut schedule = schedule("@hourly", Tz::UTC);
    assert!(schedule.delay(u64::MAX).is_zero());
    schedule.jitter = std::time::Duration::from_millis(3);
    let delays: Vec<i64> = (0..5).map(|number| schedule.delay(number).num_milliseconds()).collect();
    assert_eq!(delays, [0, 1, 2, 3, 0]);
}

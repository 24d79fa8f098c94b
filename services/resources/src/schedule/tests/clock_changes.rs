//! Where the clock is put forward or back: by hand, beside what the oracle says.

use chrono_tz::Tz;
use chrono_tz::Tz::{America__Chicago, America__New_York, Australia__Lord_Howe, Europe__Berlin};

use super::{at, next, schedule};

#[track_caller]
fn comes(text: &str, zone: Tz, after: &str, times: &[&str]) {
    assert_eq!(next(text, zone, after, times.len()), times, "{text} in {zone}");
}

#[test]
fn a_time_that_is_skipped_comes_at_once_after_the_gap() {
    // 02:00 is 03:00.
    comes(
        "30 2 * * *",
        Europe__Berlin,
        "2026-03-28T12:00:00Z",
        &["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
    );
    comes(
        "30 2 * * *",
        America__New_York,
        "2026-03-07T12:00:00Z",
        &["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"],
    );
    // 02:00 is 02:30.
    comes(
        "15 2 * * *",
        Australia__Lord_Howe,
        "2026-10-03T00:00:00Z",
        &["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"],
    );
    // The first instant that is there again is not skipped, and does not come twice.
    comes(
        "0 2,3 * * *",
        Europe__Berlin,
        "2026-03-28T12:00:00Z",
        &["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"],
    );
    comes(
        "30 2,14 * * *",
        Europe__Berlin,
        "2026-03-28T22:00:00Z",
        &["2026-03-29T03:00:00+02:00", "2026-03-29T14:30:00+02:00"],
    );
}

#[test]
fn an_interval_passes_over_the_gap() {
    comes(
        "*/30 * * * *",
        Europe__Berlin,
        "2026-03-29T00:29:00Z",
        &["2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"],
    );
    comes(
        "0 * * * *",
        America__New_York,
        "2026-03-08T05:30:00Z",
        &["2026-03-08T01:00:00-05:00", "2026-03-08T03:00:00-04:00"],
    );
    comes(
        "*/15 * * * *",
        Australia__Lord_Howe,
        "2026-10-03T15:14:00Z",
        &["2026-10-04T01:45:00+10:30", "2026-10-04T02:30:00+11:00", "2026-10-04T02:45:00+11:00"],
    );
    // One hour of one minute is an interval in that hour alone.
    comes("*/20 2 * * *", Europe__Berlin, "2026-03-28T12:00:00Z", &["2026-03-30T02:00:00+02:00"]);
}

#[test]
fn a_time_that_is_repeated_comes_once() {
    // 03:00 is 02:00.
    comes(
        "30 2 * * *",
        Europe__Berlin,
        "2026-10-24T12:00:00Z",
        &["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"],
    );
    comes(
        "30 1 * * *",
        America__New_York,
        "2026-10-31T12:00:00Z",
        &["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"],
    );
    // 02:00 is 01:30.
    comes(
        "45 1 * * *",
        Australia__Lord_Howe,
        "2026-04-04T00:00:00Z",
        &["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"],
    );
    // Also for those who ask within the second pass.
    comes("30,45 2 * * *", Europe__Berlin, "2026-10-25T01:10:00Z", &["2026-10-26T02:30:00+01:00"]);
    // What comes just after it is not held up.
    comes(
        "0 2,3 * * *",
        Europe__Berlin,
        "2026-10-24T22:00:00Z",
        &["2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00"],
    );
}

#[test]
fn an_interval_comes_in_both_passes_of_a_repeated_hour_and_never_goes_back() {
    comes(
        "*/30 * * * *",
        Europe__Berlin,
        "2026-10-25T00:00:00Z",
        &[
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00",
            "2026-10-25T03:00:00+01:00",
        ],
    );
    comes(
        "0 * * * *",
        America__New_York,
        "2026-11-01T04:30:00Z",
        &["2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00", "2026-11-01T02:00:00-05:00"],
    );
    comes(
        "*/15 1 * * *",
        Australia__Lord_Howe,
        "2026-04-04T14:40:00Z",
        &[
            "2026-04-05T01:45:00+11:00",
            "2026-04-05T01:30:00+10:30",
            "2026-04-05T01:45:00+10:30",
            "2026-04-06T01:00:00+10:30",
        ],
    );
    // The trap of the crate underneath: asked in the second pass, it answers with the first.
    comes(
        "*/10 * * * *",
        America__Chicago,
        "2022-11-06T07:00:00Z",
        &["2022-11-06T01:10:00-06:00", "2022-11-06T01:20:00-06:00", "2022-11-06T01:30:00-06:00"],
    );
}

#[test]
fn an_interval_of_every_knows_no_wall_clock() {
    comes(
        "@every 30m",
        Europe__Berlin,
        "2026-10-25T00:00:00Z",
        &["2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00"],
    );
}

#[test]
fn fractions_of_a_second_do_not_matter() {
    let hourly = schedule("0 * * * *", Tz::UTC);
    let next = |text: &str| hourly.after(at(text)).next();
    assert_eq!(next("2026-11-24T09:59:59.999Z"), Some(at("2026-11-24T10:00:00Z")));
    assert_eq!(next("2026-11-24T10:00:00.001Z"), Some(at("2026-11-24T11:00:00Z")));
    assert_eq!(next("2026-11-24T10:00:00Z"), Some(at("2026-11-24T11:00:00Z")));
}

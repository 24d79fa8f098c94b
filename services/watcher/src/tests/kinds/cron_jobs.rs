//! `CronJobs`.

use serde_json::{Value, json};

use super::{Follower, at, object};
use crate::gather::Object;
use crate::kinds::cron_job::CronJobs;
use crate::watched::Watched as _;

const NOTHING: [&str; 0] = [];
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// A CronJob with this `spec`, which made its last Job for that time.
fn cron_job(spec: &Value, last: Option<i64>) -> Value {
    object("backup", Some("shop"), &json!({"spec": spec, "status": {"lastScheduleTime": last.map(at)}}))
}

fn hourly() -> Value {
    json!({"schedule": "0 * * * *", "suspend": false})
}

/// `spec` with one more field.
fn with(mut spec: Value, field: &str, value: Value) -> Value {
    spec[field] = value;
    spec
}

fn running(mut it: Value, jobs: usize) -> Value {
    it["status"]["active"] = Value::Array(vec![json!({"kind": "Job"}); jobs]);
    it
}

fn follower() -> Follower<CronJobs> {
    Follower::new(CronJobs::default())
}

#[test]
fn a_time_without_a_job_is_missed_when_it_is_over_for_five_minutes() {
    let mut it = follower();
    assert_eq!(it.sees(1, &cron_job(&hourly(), None)), NOTHING);
    assert_eq!(it.waits_until(), Some(HOUR + 5 * MINUTE));
    assert_eq!(it.sees(HOUR + 2, &cron_job(&hourly(), Some(HOUR))), NOTHING, "it made its Job");
    assert_eq!(it.waits_until(), Some(2 * HOUR + 5 * MINUTE));
    assert_eq!(it.looks(2 * HOUR + 5 * MINUTE), ["missed"]);
    let said = it.last();
    assert_eq!((&said["scheduled_at"], &said["times"]), (&json!(at(2 * HOUR)), &json!(1)));
    assert_eq!(said["last_scheduled_at"], at(HOUR));
    assert_eq!(it.looks(2 * HOUR + 6 * MINUTE), NOTHING, "it is said once");
    assert_eq!(it.looks(3 * HOUR + 5 * MINUTE), ["missed"], "and so is the next one");
    assert_eq!(it.last()["scheduled_at"], at(3 * HOUR));
    // Its Job comes late.
    assert_eq!(it.sees(3 * HOUR + 9 * MINUTE, &cron_job(&hourly(), Some(3 * HOUR))), NOTHING);
    assert_eq!(it.ends(), NOTHING, "that it is taken away is no news");
}

#[test]
fn a_busy_schedule_says_once_an_hour_how_many_it_has_missed() {
    let spec = json!({"schedule": "* * * * *"});
    let mut it = follower();
    it.sees(1, &cron_job(&spec, None));
    assert_eq!(it.looks(6 * MINUTE), ["missed"]);
    assert_eq!((&it.last()["times"], &it.last()["scheduled_at"]), (&json!(1), &json!(at(MINUTE))));
    assert_eq!(it.looks(20 * MINUTE), NOTHING);
    assert_eq!(it.waits_until(), Some(66 * MINUTE));
    assert_eq!(it.looks(66 * MINUTE), ["missed"]);
    assert_eq!((&it.last()["times"], &it.last()["scheduled_at"]), (&json!(60), &json!(at(61 * MINUTE))));
    // A day later: the first hundred are counted, and all are over.
    assert_eq!(it.looks(24 * HOUR), ["missed"]);
    assert_eq!(it.last()["times"], 100);
    assert_eq!(it.looks(25 * HOUR), ["missed"]);
    assert_eq!(it.last()["times"], 60);
}

#[test]
fn with_a_deadline_a_time_is_missed_when_no_job_can_come_any_more() {
    for (seconds, due) in [(10, HOUR + 40), (2 * HOUR, 3 * HOUR + 30)] {
        let spec = with(hourly(), "startingDeadlineSeconds", json!(seconds));
        let mut it = follower();
        it.sees(1, &cron_job(&spec, None));
        assert_eq!(it.waits_until(), Some(due));
        assert_eq!(it.looks(due - 1), NOTHING);
        assert_eq!(it.looks(due), ["missed"]);
    }
}

#[test]
fn one_that_is_suspended_misses_nothing_and_what_was_before_it_was_resumed_is_over() {
    let suspended = with(hourly(), "suspend", json!(true));
    let mut it = follower();
    it.sees(1, &cron_job(&hourly(), None));
    assert_eq!(it.sees(HOUR - 1, &cron_job(&suspended, None)), ["suspended"]);
    assert_eq!(it.waits_until(), None);
    assert_eq!(it.looks(9 * HOUR), NOTHING);
    assert_eq!(it.sees(9 * HOUR + 1800, &cron_job(&hourly(), None)), ["resumed"]);
    assert_eq!(it.waits_until(), Some(10 * HOUR + 5 * MINUTE));
    assert_eq!(
        follower().sees(5 * HOUR, &cron_job(&suspended, None)),
        NOTHING,
        "it is so from the beginning"
    );
    assert_eq!(follower().sees(5 * HOUR, &cron_job(&hourly(), None)), ["missed"], "it is in trouble already");
}

#[test]
fn one_that_waits_for_its_own_job_misses_nothing() {
    let spec = with(hourly(), "concurrencyPolicy", json!("Forbid"));
    let mut it = follower();
    it.sees(1, &cron_job(&spec, None));
    assert_eq!(it.sees(HOUR + 1, &running(cron_job(&spec, Some(HOUR)), 1)), NOTHING);
    assert_eq!(it.waits_until(), None);
    assert_eq!(it.looks(5 * HOUR), NOTHING, "it runs and runs");
    assert_eq!(it.sees(5 * HOUR + 1800, &cron_job(&spec, Some(HOUR))), NOTHING);
    assert_eq!(it.waits_until(), Some(6 * HOUR + 5 * MINUTE), "from now on a time can be missed");
    assert_eq!(it.looks(6 * HOUR + 5 * MINUTE), ["missed"]);

    // That it waited was not seen: its Job ended at half past five.
    let mut away = follower();
    away.sees(1, &cron_job(&spec, None));
    let mut later = cron_job(&spec, Some(HOUR));
    later["status"]["lastSuccessfulTime"] = json!(at(5 * HOUR + 1800));
    assert_eq!(away.sees(5 * HOUR + 2000, &later), NOTHING);

    // With another policy it makes its Jobs all the same.
    let mut allows = follower();
    allows.sees(1, &cron_job(&hourly(), None));
    assert_eq!(allows.sees(2 * HOUR + 5 * MINUTE, &running(cron_job(&hourly(), Some(HOUR)), 1)), ["missed"]);
    assert_eq!(allows.last()["active"], 1);
}

#[test]
fn a_schedule_has_a_zone_and_another_schedule_has_no_past() {
    let spec = json!({"schedule": "30 14 * * *", "timeZone": "Europe/Berlin"});
    let mut it = follower();
    it.sees(1, &cron_job(&spec, None));
    assert_eq!(it.waits_until(), Some(HOUR + 35 * MINUTE), "half past one in UTC");
    let other = with(spec, "timeZone", json!("America/New_York"));
    assert_eq!(it.sees(HOUR + 34 * MINUTE, &cron_job(&other, None)), NOTHING);
    assert_eq!(it.waits_until(), Some(7 * HOUR + 35 * MINUTE));
    assert_eq!(it.sees(5 * HOUR, &cron_job(&hourly(), None)), NOTHING);
    assert_eq!(it.waits_until(), Some(6 * HOUR + 5 * MINUTE), "not the five hours before");

    let mut interval = follower();
    interval.sees(1, &cron_job(&json!({"schedule": "@every 7m"}), Some(100)));
    assert_eq!(interval.waits_until(), Some(100 + 7 * MINUTE + 5 * MINUTE), "from the Job before");
}

#[test]
fn one_that_is_being_deleted_or_never_comes_misses_nothing() {
    let mut ending = cron_job(&hourly(), None);
    ending["metadata"]["deletionTimestamp"] = json!(at(3));
    assert_eq!(follower().sees(5 * HOUR, &ending), NOTHING);
    let never = cron_job(&json!({"schedule": "0 0 31 2 *"}), None);
    let mut it = follower();
    assert_eq!(it.sees(500 * HOUR, &never), NOTHING);
    let suspended = cron_job(&json!({"schedule": "0 0 31 2 *", "suspend": true}), None);
    assert_eq!(it.sees(501 * HOUR, &suspended), ["suspended"], "all else is told");
}

#[test]
fn a_schedule_that_cannot_be_read_is_named() {
    for (spec, error, why) in [
        (json!({"schedule": "TZ=UTC 0 * * * *"}), "spec.schedule", "`TZ=UTC 0 * * * *`: "),
        (with(hourly(), "timeZone", json!("Europe/Berln")), "spec.timeZone", "did you mean `Europe/Berlin`?"),
    ] {
        let decoded: Object<_> = serde_json::from_value(cron_job(&spec, None)).unwrap();
        let unreadable = CronJobs::default().read(decoded.body, super::begin()).unwrap_err();
        assert_eq!(unreadable.to_string(), format!("its {error} has not the shape that Kubernetes gives it"));
        let source = std::error::Error::source(&unreadable).unwrap().to_string();
        assert!(source.contains(why), "{source}");
    }
}

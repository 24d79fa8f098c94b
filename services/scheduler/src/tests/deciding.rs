//! The decision, by the clock.

use chrono::TimeDelta;
use events::payload::schedule::Cause;

use super::{Stage, at, catalog};
use crate::announce;
use crate::apply::Stop;
use crate::decide::{Decision, decide};

#[tokio::test]
async fn a_schedule_that_is_new_has_no_past_and_then_ticks_at_its_times() {
    let mut stage = Stage::at("2026-11-24T10:30:00Z").await;
    let hourly = catalog(&[("clock", "cron: '@hourly'")]);
    assert_eq!(stage.pass(&hourly).await, Some(at("2026-11-24T11:00:00Z")), "it says when to look again");
    stage.when("2026-11-24T10:59:59.999Z", &hourly).await;
    assert_eq!(stage.said(), "");
    stage.when("2026-11-24T11:00:00Z", &hourly).await;
    stage.when("2026-11-24T11:00:30Z", &hourly).await;
    stage.when("2026-11-24T12:00:00.2Z", &hourly).await;
    assert_eq!(stage.said(), "11:00 12:00");
    assert!(stage.counted("signalbox_scheduler_ticks_total{outcome=\"due\"} 2"));
    assert!(stage.counted("signalbox_scheduler_schedules 1"));
}

#[tokio::test]
async fn what_was_missed_is_made_up_for_as_the_schedule_says() {
    for (catch_up, said, missed) in [
        ("none", "11:00 16:00", [0, 4]),
        ("once", "11:00 15:00+ 16:00", [0, 3]),
        ("all", "11:00 12:00+ 13:00+ 14:00+ 15:00+ 16:00", [0, 0]),
    ] {
        let mut stage = Stage::at("2026-11-24T10:30:00Z").await;
        let hourly = catalog(&[("clock", &format!("cron: '@hourly', catchUp: {catch_up}"))]);
        stage.pass(&hourly).await;
        stage.when("2026-11-24T11:00:00Z", &hourly).await;
        stage.clock.set(at("2026-11-24T15:30:00Z"));
        let mut stage = stage.restart().await;
        stage.pass(&hourly).await;
        // And no second time after another restart.
        let mut stage = stage.restart().await;
        stage.pass(&hourly).await;
        stage.when("2026-11-24T16:00:00Z", &hourly).await;
        assert_eq!(stage.said(), said, "{catch_up}");
        let told: Vec<u32> = stage.ticks().iter().map(|tick| tick.missed).take(2).collect();
        assert_eq!(told, missed, "{catch_up}");
    }
}

#[tokio::test]
async fn a_tick_in_time_stands_for_those_that_were_missed_before_it() {
    for (catch_up, said, missed) in
        [("none", "15:00", 4), ("once", "15:00", 4), ("all", "11:00+ 12:00+ 13:00+ 14:00+ 15:00", 0)]
    {
        let mut stage = Stage::at("2026-11-24T10:30:00Z").await;
        let hourly = catalog(&[("clock", &format!("cron: '@hourly', catchUp: {catch_up}"))]);
        stage.pass(&hourly).await;
        stage.when("2026-11-24T15:00:59Z", &hourly).await;
        assert_eq!(stage.said(), said, "{catch_up}");
        let last = stage.ticks().pop().expect("it ticked");
        assert_eq!((last.cause, last.missed), (Cause::Due, missed), "{catch_up}");
    }
}

#[tokio::test]
async fn of_many_that_were_missed_the_last_hundred_are_made_up_for_and_the_others_are_counted() {
    let mut stage = Stage::at("2026-11-24T00:00:30Z").await;
    let all = catalog(&[("clock", "cron: '* * * * *', catchUp: all")]);
    stage.pass(&all).await;
    // 720 minutes, of which the last is in time.
    stage.when("2026-11-24T12:00:30Z", &all).await;
    let ticks = stage.ticks();
    assert_eq!(ticks.len(), 101);
    assert_eq!((ticks[0].missed, ticks[0].nominal), (619, at("2026-11-24T10:20:00Z")));
    assert!(ticks.iter().skip(1).all(|tick| tick.missed == 0));
    assert!(stage.counted("signalbox_scheduler_ticks_total{outcome=\"skipped\"} 619"));
    // A month of seconds is not gone through one by one.
    let mut stage = Stage::at("2026-11-24T00:00:30Z").await;
    let seconds = catalog(&[("clock", "cron: '* * * * * *'")]);
    stage.pass(&seconds).await;
    stage.when("2026-12-24T00:00:30Z", &seconds).await;
    // Those of the last minute are in time, each of them.
    assert_eq!(stage.ticks().len(), 61);
    assert_eq!(stage.ticks()[0].missed, 1000, "so many or more");
}

#[tokio::test]
async fn a_schedule_that_was_changed_or_taken_away_has_no_past() {
    let mut stage = Stage::at("2026-11-24T10:30:00Z").await;
    stage.pass(&catalog(&[("clock", "cron: '@hourly'")])).await;
    // At 13:15 it is found to have had a tick at 13:10 all the time.
    stage.when("2026-11-24T13:15:00Z", &catalog(&[("clock", "cron: '10 * * * *'")])).await;
    assert_eq!(stage.said(), "");
    stage.when("2026-11-24T14:10:00Z", &catalog(&[("clock", "cron: '10 * * * *'")])).await;
    // The same line by another clock on the wall is another schedule, too.
    stage
        .when("2026-11-24T18:30:00Z", &catalog(&[("clock", "cron: '10 * * * *', zone: Asia/Kathmandu")]))
        .await;
    assert_eq!(stage.said(), "14:10");
    stage.when("2026-11-24T18:40:00Z", &catalog(&[])).await;
    assert_eq!(stage.memory.keys(), Vec::<String>::new(), "nothing is kept of it");
    stage.when("2026-11-24T23:30:00Z", &catalog(&[("clock", "cron: '10 * * * *'")])).await;
    assert_eq!(stage.said(), "14:10");
    // How late it may be is no other schedule.
    stage.when("2026-11-25T00:10:00Z", &catalog(&[("clock", "cron: '10 * * * *', catchUp: all")])).await;
    assert_eq!(stage.said(), "14:10 00:10");
}

#[tokio::test]
async fn nothing_comes_of_a_suspended_schedule_nor_afterwards_for_that_time() {
    let mut stage = Stage::at("2026-11-24T10:30:00Z").await;
    let (runs, rests) = (
        catalog(&[("clock", "cron: '@hourly', catchUp: all")]),
        catalog(&[("clock", "cron: '@hourly', catchUp: all, suspend: true")]),
    );
    stage.pass(&runs).await;
    stage.when("2026-11-24T11:00:00Z", &runs).await;
    stage.when("2026-11-24T11:30:00Z", &rests).await;
    stage.when("2026-11-24T12:00:00Z", &rests).await;
    let mut stage = stage.restart().await;
    stage.when("2026-11-24T14:30:00Z", &runs).await;
    stage.when("2026-11-24T15:00:00Z", &runs).await;
    assert_eq!(stage.said(), "11:00 15:00");
    assert_eq!(stage.ticks()[1].previous, Some(at("2026-11-24T11:00:00Z")), "the last tick stays known");
}

#[tokio::test]
async fn a_clock_that_is_set_forward_and_back_brings_every_time_once() {
    for catch_up in ["none", "once", "all"] {
        let mut stage = Stage::at("2026-11-24T10:30:00Z").await;
        let hourly = catalog(&[("clock", &format!("cron: '@hourly', catchUp: {catch_up}"))]);
        stage.pass(&hourly).await;
        stage.when("2026-11-24T11:00:00Z", &hourly).await;
        // Wrong by a day, and a tick of that time comes.
        stage.when("2026-11-25T11:00:10Z", &hourly).await;
        // Set right: the times come again, in their order, each once.
        for hour in 11..24 {
            stage.when(&format!("2026-11-24T{hour}:30:00Z"), &hourly).await;
            stage.when(&format!("2026-11-24T{hour}:59:50Z"), &hourly).await;
            stage.clock.advance(std::time::Duration::from_secs(10));
            stage.pass(&hourly).await;
        }
        for hour in 1..12 {
            stage.when(&format!("2026-11-25T{hour:02}:00:00Z"), &hourly).await;
        }
        let mut nominal: Vec<_> = stage.ticks().iter().map(|tick| tick.nominal).collect();
        nominal.sort_unstable();
        let wanted: Vec<_> =
            (0..25).map(|hour| at("2026-11-24T11:00:00Z") + TimeDelta::hours(hour)).collect();
        assert_eq!(nominal, wanted, "{catch_up}");
        assert!(stage.counted("signalbox_scheduler_clock_steps_total 1"), "{catch_up}");
    }
}

#[tokio::test]
async fn a_clock_that_is_a_little_off_repeats_nothing_and_loses_nothing() {
    let mut stage = Stage::at("2026-11-24T10:30:00Z").await;
    let minutes = catalog(&[("clock", "cron: '* * * * *'")]);
    stage.pass(&minutes).await;
    stage.when("2026-11-24T10:31:00Z", &minutes).await;
    stage.when("2026-11-24T10:30:40Z", &minutes).await;
    stage.when("2026-11-24T10:31:00Z", &minutes).await;
    stage.when("2026-11-24T10:32:00Z", &minutes).await;
    assert_eq!(stage.said(), "10:31 10:32");
    assert!(!stage.metrics.render().contains("outcome=\"duplicate\""), "the bus was not asked again");
}

#[tokio::test]
async fn a_delay_is_the_same_for_the_same_tick_within_its_bound_and_the_time_stays_nominal() {
    let jittered =
        catalog(&[("clock", "cron: '@hourly', jitter: 20m"), ("other", "cron: '@hourly', jitter: 20m")]);
    let schedule = jittered.schedules().next().expect("it is declared").1;
    let mut dues = Vec::new();
    for (name, _) in jittered.schedules() {
        let mut from = at("2026-11-24T10:30:00Z");
        for _ in 0..24 {
            let Decision::Begin(record) = decide(name, schedule, None, from) else { panic!("it is new") };
            let Decision::Wait(Some(due)) = decide(name, schedule, Some(&record), from) else {
                panic!("it waits")
            };
            let nominal = schedule.after(from).next().expect("it is hourly");
            assert!((nominal..=nominal + TimeDelta::minutes(20)).contains(&due), "{due}");
            let Decision::Fire(_, tick, 0) = decide(name, schedule, Some(&record), due) else {
                panic!("it is due")
            };
            assert_eq!((tick.nominal, tick.due), (nominal, due));
            dues.push(due - nominal);
            from = nominal;
        }
    }
    dues.sort_unstable();
    dues.dedup();
    assert!(dues.len() > 40, "they differ by the time and by the name: {}", dues.len());
    let spread = dues[dues.len() - 1] - dues[0];
    assert!(spread > TimeDelta::minutes(15), "{spread}");
}

#[test]
fn the_id_of_a_tick_is_made_of_its_name_and_its_time_for_ever() {
    let id = announce::identity("nightly", at("2026-03-29T01:00:00Z")).to_string();
    // As it stands in the sample. Another one would let ticks come again after an update.
    assert!(events::Kind::ScheduleTicked.sample().contains(&id), "{id}");
}

#[tokio::test]
async fn while_it_runs_no_delay_makes_a_tick_missed_and_the_order_stays() {
    let mut stage = Stage::at("2026-11-24T10:30:30Z").await;
    // Each waits for the one before it, which may come up to ten minutes later than it should itself.
    let minutes = catalog(&[("clock", "cron: '* * * * *', jitter: 10m, catchUp: none")]);
    stage.pass(&minutes).await;
    for _ in 0..1080 {
        stage.clock.advance(std::time::Duration::from_secs(10));
        stage.pass(&minutes).await;
    }
    let nominal: Vec<_> = stage.ticks().iter().map(|tick| tick.nominal).collect();
    assert!(nominal.len() >= 170, "{}", nominal.len());
    let first = at("2026-11-24T10:31:00Z");
    let wanted: Vec<_> =
        (0_i64..).take(nominal.len()).map(|minute| first + TimeDelta::minutes(minute)).collect();
    assert_eq!(nominal, wanted);
}

#[tokio::test]
async fn who_looked_at_an_older_record_writes_nothing() {
    let mut stage = Stage::at("2026-11-24T10:30:00Z").await;
    let hourly = catalog(&[("clock", "cron: '@hourly'")]);
    stage.pass(&hourly).await;
    let mut late = Stage::on(stage.memory.clone(), stage.clock.clone()).await;
    stage.when("2026-11-24T11:00:00Z", &hourly).await;
    stage.when("2026-11-24T12:00:00Z", &hourly).await;
    let stop = late.ticker.pass(&hourly).await.expect_err("the other was there");
    assert!(matches!(&stop, Stop::Moved(name) if name == "clock"), "{stop}");
    assert_eq!(stage.said(), "11:00 12:00");
}

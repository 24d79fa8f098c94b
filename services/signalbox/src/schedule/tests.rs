use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use chassis::{BusUrl, Engine};
use chrono::{DateTime, Utc};
use events::Kind;

use super::answer;
use crate::cli::ScheduleCommand;
use crate::exit::{Exit, Stop};
use crate::output::Output;
use crate::settings::{Bus, Settings};

const SCHEDULES: &str = "
apiVersion: signalbox.dev/v1alpha1
kind: Source
metadata: {name: nightly}
spec: {schedule: {cron: '30 2 * * *', zone: Europe/Berlin, jitter: 5m}}
---
apiVersion: signalbox.dev/v1alpha1
kind: Source
metadata: {name: rests}
spec: {schedule: {cron: '@hourly', suspend: true}}
";

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with the lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Place {
    folder: tempfile::TempDir,
    settings: Settings,
}

fn place(resources: &str) -> Place {
    let folder = tempfile::tempdir().expect("a temp folder can be made");
    std::fs::create_dir(folder.path().join("config")).expect("it takes a folder");
    std::fs::write(folder.path().join("config/all.yaml"), resources).expect("it takes a file");
    let bus = Bus(BusUrl::Embedded(folder.path().join("bus")));
    let settings = Settings { bus, config: folder.path().join("config"), ..Settings::default() };
    Place { folder, settings }
}

/// A day before the clock is put forward in Berlin.
fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-03-28T12:00:00Z").expect("it is a time").to_utc()
}

async fn says(place: &Place, command: ScheduleCommand) -> Result<String, (Exit, String)> {
    let paper = Paper::default();
    match answer(&place.settings, command, now(), &mut Output::to(paper.clone())).await {
        Ok(Exit::Done) => Ok(String::from_utf8_lossy(&paper.0.lock().expect("no panic")).into_owned()),
        Ok(exit) => Err((exit, String::new())),
        Err(Stop::Error(exit, error)) => Err((exit, format!("{error:#}"))),
        Err(Stop::ClosedPipe) => panic!("nobody closed it"),
    }
}

fn next(what: &str, zone: Option<&str>, number: usize, json: bool) -> ScheduleCommand {
    let zone = zone.map(|zone| zone.parse().expect("there is such a zone"));
    ScheduleCommand::Next { what: what.to_owned(), number, zone, config: None, json }
}

#[tokio::test]
async fn the_next_times_of_a_schedule_are_told_in_its_zone_and_in_utc() {
    let place = place(SCHEDULES);
    let told = says(&place, next("nightly", None, 2, false)).await.expect("it is declared");
    assert_eq!(
        told,
        "30 2 * * * (Europe/Berlin): every day at 02:30, up to 300 s later\n\
         Sun 2026-03-29 03:00:00 +02:00  2026-03-29T01:00:00Z\n\
         Mon 2026-03-30 02:30:00 +02:00  2026-03-30T00:30:00Z\n"
    );
    let ten = says(&place, next("nightly", None, 10, true)).await.expect("it is declared");
    assert_eq!(ten.lines().count(), 10);
    assert_eq!(
        ten.lines().next(),
        Some(r#"{"local":"2026-03-29T03:00:00+02:00","utc":"2026-03-29T01:00:00Z"}"#)
    );
}

#[tokio::test]
async fn an_expression_needs_neither_resources_nor_a_bus() {
    let mut place = place("kind: [");
    place.settings.config = "/nonexistent".into();
    let told =
        says(&place, next("0 9 * * mon", Some("America/New_York"), 1, false)).await.expect("it is right");
    assert_eq!(
        told,
        "0 9 * * mon (America/New_York): at 09:00, on Monday\nMon 2026-03-30 09:00:00 -04:00  2026-03-30T13:00:00Z\n"
    );
    let told = says(&place, next("0 0 0 1 1 * 2020", None, 3, false)).await.expect("it is right");
    assert!(told.ends_with("never again\n"), "{told}");
    let (exit, told) = says(&place, next("0 25 * * *", None, 1, false)).await.expect_err("no such hour");
    assert_eq!(exit, Exit::Usage);
    assert_eq!(told, "`0 25 * * *` is no schedule: the hour cannot be 25\n  hint: write 0-23");
    assert!(
        "Europe/Berln".parse::<crate::cli::ZoneName>().is_err_and(|error| error.contains("`Europe/Berlin`"))
    );
}

#[tokio::test]
async fn a_name_that_is_not_declared_is_told_with_what_was_meant() {
    let place = place(SCHEDULES);
    let (exit, told) = says(&place, next("nigthly", None, 1, false)).await.expect_err("a slip of the pen");
    assert_eq!(exit, Exit::Usage);
    assert!(told.starts_with("there is no schedule `nigthly` in "), "{told}");
    assert!(told.ends_with("did you mean `nightly`?"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_schedules_are_listed_without_a_bus_and_with_their_last_tick_if_there_is_one() {
    let place = place(SCHEDULES);
    let list = || ScheduleCommand::List { config: None, json: false };
    let told = says(&place, list()).await.expect("they are right");
    assert!(
        told.starts_with(
            "nightly: every day at 02:30, up to 300 s later\n  30 2 * * *  next Sun 2026-03-29 03:00:00 +02:00 \
             Europe/Berlin  last not known\nrests: every hour, suspended\n  @hourly  next suspended  last not known\nthe last \
             ticks are not known: there is no bus in "
        ),
        "{told}"
    );
    assert!(!place.folder.path().join("bus").exists(), "asking makes no bus");

    let engine = Engine::open(&place.settings.bus.0).await.expect("a folder for the bus");
    let tick =
        events::json::decode(Kind::ScheduleTicked.sample().as_bytes()).expect("the sample is an event");
    engine.bus.publish(&tick).await.expect("the bus takes it");
    engine.close().await;
    let told = says(&place, list()).await.expect("they are right");
    assert!(told.contains("last Sun 2026-03-29 03:00:00 +02:00 Europe/Berlin\n"), "{told}");
    assert!(told.contains("last never\n"), "{told}");
    assert!(!told.contains("not known"), "{told}");
    let json =
        says(&place, ScheduleCommand::List { config: None, json: true }).await.expect("they are right");
    let lines: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(
        (&lines[0]["last"], &lines[1]["last"]),
        (&"2026-03-29T03:00:00+02:00".into(), &serde_json::Value::Null)
    );
    assert_eq!((&lines[1]["suspended"], &lines[1]["next"]), (&true.into(), &serde_json::Value::Null));
}

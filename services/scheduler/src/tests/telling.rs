//! What a tick says, and what is kept.

use chassis::{Bucket, Expect, Store as _};
use events::{Kind, json};

use super::{Stage, at, catalog};
use crate::apply::Stop;
use crate::record::Record;

#[tokio::test]
async fn a_tick_says_what_it_is_as_the_sample_does() {
    let mut stage = Stage::at("2026-03-28T01:00:00Z").await;
    let nightly = catalog(&[("nightly", "cron: '30 2 * * *', zone: Europe/Berlin")]);
    stage.pass(&nightly).await;
    stage.when("2026-03-28T01:30:00Z", &nightly).await;
    // 02:30 is skipped on this day.
    stage.when("2026-03-29T01:00:00.412Z", &nightly).await;
    let said = stage.memory.log().pop().expect("it ticked");
    let sample = json::decode(Kind::ScheduleTicked.sample().as_bytes()).expect("the sample is an event");
    assert_eq!(json::to_value(&said), json::to_value(&sample));
}

#[test]
fn a_record_of_version_1_stays_readable_and_a_later_one_is_refused() {
    let written = br#"{"version":1,"identity":"@hourly UTC","through":"2026-11-24T11:00:00Z","last":"2026-11-24T11:00:00Z","missed":3}"#;
    let record = Record::decode(written).expect("version 1");
    assert_eq!((record.last, record.missed), (Some(at("2026-11-24T11:00:00Z")), 3));
    assert_eq!(Record::decode(&record.encode()).expect("what was written"), record);
    for (bytes, error) in [
        (br#"{"version":2}"#.as_slice(), "it has version 2, this program reads version 1"),
        (br#"{"version":1}"#.as_slice(), "it is not what this program writes"),
        (b"junk".as_slice(), "it is not what this program writes"),
    ] {
        assert!(Record::decode(bytes).expect_err("it is no record").to_string().starts_with(error));
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_named() {
    let mut stage = Stage::at("2026-11-24T10:30:00Z").await;
    stage
        .memory
        .put(Bucket::Watch, "schedule/clock", b"junk".to_vec(), Expect::Any, None)
        .await
        .expect("it is kept");
    let stop = stage.ticker.load().await.expect_err("it is junk");
    assert!(matches!(&stop, Stop::Unreadable { key, .. } if key == "schedule/clock"), "{stop}");
    assert!(stop.to_string().contains("`schedule/clock` in the bucket `watch`"), "{stop}");
}

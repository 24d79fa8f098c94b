//! The record in the store.

use std::error::Error as _;

use chassis::record::Unreadable;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::sample::{key, sight, synced_and_healthy, with};
use crate::kinds::application::{Applications, Sight};
use crate::record;
use crate::watched::Watched as _;

type Record = record::Record<Sight>;

/// Written by the first version of the format; must stay readable for ever.
const VERSION_1: &str = include_str!("record-v1.json");

fn now() -> DateTime<Utc> {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn follow(before: Option<&Record>, sight: &Sight) -> Record {
    let (watched, place) = (Applications::default(), Record::next(before, now()));
    let verdict = watched.decide(before.map(|before| &before.seen), sight, now());
    let events = verdict.changes.iter().map(|change| watched.event(&key(), place, sight, change, now()));
    let unpublished = events.collect();
    let (first_seen, sequence) = (place.first_seen, place.sequence);
    Record { first_seen, sequence, seen: verdict.keep.unwrap(), gone: false, unpublished }
}

fn degraded() -> Record {
    let first = follow(None, &sight(&synced_and_healthy()));
    follow(Some(&first), &sight(&with(synced_and_healthy(), "health", json!({"status": "Degraded"}))))
}

#[test]
fn a_record_survives_the_store() {
    for record in [degraded(), Record { gone: true, ..degraded() }] {
        assert!(!record.unpublished.is_empty());
        assert_eq!(Record::decode(&record.encode()).unwrap(), record);
    }
}

#[test]
fn a_record_of_version_1_is_read() {
    let record = Record::decode(VERSION_1.as_bytes()).unwrap();
    assert_eq!(record, degraded());
}

#[test]
fn the_sequence_and_the_beginning_go_through_the_story() {
    let record = degraded();
    assert_eq!((record.first_seen, record.sequence, record.gone), (now(), 2, false));
}

#[test]
fn a_record_that_cannot_be_read_says_why() {
    let decode = |record: &Value| Record::decode(record.to_string().as_bytes()).unwrap_err();
    let good: Value = serde_json::from_str(VERSION_1).unwrap();

    let error = decode(&with(good.clone(), "version", json!(2)));
    assert!(matches!(error, Unreadable::Version { found: 2, ours: 1 }), "{error}");
    let error = decode(&with(good.clone(), "colour", json!("red")));
    assert!(error.source().unwrap().to_string().contains("colour"), "{error}");
    let error = decode(&with(good, "unpublished", json!([{"specversion": "1.0", "id": "1"}])));
    assert!(matches!(error, Unreadable::Event(_)), "{error}");
    assert!(matches!(Record::decode(b"no json").unwrap_err(), Unreadable::Shape(_)));
}

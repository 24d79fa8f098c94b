use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{News, Record, Refused, Silence, Sources};
use crate::store::{Bucket, Expect};
use crate::{BusUrl, Engine};

const HOUR: u64 = 3600;

fn at(seconds: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(i64::try_from(seconds).unwrap(), 0).unwrap()
}

fn news(since: u64) -> News {
    News { kind: "github".to_owned(), since: at(since), accepted: None, refused: BTreeMap::new() }
}

fn accepted(first: u64, last: u64) -> News {
    News { accepted: Some((at(first), at(last))), ..news(first) }
}

fn refused(answer: &str, when: u64) -> News {
    let refused = Refused { at: at(when), error: format!("no, at {when}") };
    News { refused: BTreeMap::from([(answer.to_owned(), refused)]), ..news(when) }
}

fn all(news: &[News]) -> Record {
    news.iter().fold(None, |known, news| Some(news.added_to(known))).unwrap()
}

#[test]
fn the_order_in_which_replicas_add_does_not_matter_nor_does_what_is_added_twice() {
    let came = [accepted(10, 14), refused("unproven", 12), accepted(11, 20), refused("unproven", 7)];
    let wanted = all(&came);
    assert_eq!((wanted.since, wanted.accepted), (at(7), Some(at(20))));
    assert_eq!(
        wanted.last_refused(),
        Some(("unproven", &Refused { at: at(12), error: "no, at 12".to_owned() }))
    );
    for turn in 0..came.len() {
        let mut other = came.to_vec();
        other.rotate_left(turn);
        other.extend(came.clone());
        let Record { since, accepted, refused, .. } = all(&other);
        assert_eq!((since, accepted, &refused), (wanted.since, wanted.accepted, &wanted.refused), "{turn}");
    }
}

#[test]
fn what_is_usual_is_the_longest_gap_of_a_week_and_is_not_known_at_once() {
    let day = 24 * HOUR;
    // Ten hours once, then twice an hour for eight days.
    let mut came = vec![accepted(0, 0), accepted(10 * HOUR, 10 * HOUR)];
    let early = all(&came);
    assert_eq!(early.usual(at(23 * HOUR)), None, "it is known for less than a day");
    assert_eq!(early.silence(at(day)), None, "fourteen hours are not half as long again as ten");
    let silence = Silence { lasts: Duration::from_hours(16), usual: Duration::from_hours(10) };
    assert_eq!(early.silence(at(26 * HOUR)), Some(silence));
    for n in 0..8 * 48 {
        let when = day + n * HOUR / 2;
        came.push(accepted(when, when));
    }
    let later = all(&came);
    let last = day + (8 * 48 - 1) * HOUR / 2;
    assert_eq!(
        later.usual(at(last)),
        Some(Duration::from_mins(30)),
        "the ten hours are longer ago than a week"
    );
    assert_eq!(later.silence(at(last + 59 * 60)), None, "less than an hour is no silence");
    assert!(later.silence(at(last + HOUR + 1)).is_some());
}

#[test]
fn what_never_came_twice_has_no_habits_and_a_clock_that_is_set_back_makes_no_gap() {
    assert_eq!(all(&[accepted(0, 0)]).silence(at(1000 * HOUR)), None);
    assert_eq!(all(&[refused("unproven", 0)]).silence(at(1000 * HOUR)), None);
    let back = all(&[accepted(100 * HOUR, 100 * HOUR), accepted(50 * HOUR, 50 * HOUR)]);
    assert_eq!((back.accepted, back.usual(at(200 * HOUR))), (Some(at(100 * HOUR)), None));
}

#[test]
fn a_source_of_another_kind_under_the_same_name_begins_anew() {
    let other = News { kind: "generic".to_owned(), ..accepted(50, 50) };
    let record = all(&[accepted(1, 1), refused("unproven", 2), other]);
    assert_eq!((record.kind.as_str(), record.since), ("generic", at(50)));
    assert!(record.refused.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_write_at_once_lose_nothing_and_a_damaged_record_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.unwrap();
    let sources = Sources::new(engine.store.clone());
    engine.store.put(Bucket::Sources, "a", b"{\"v\":9}".to_vec(), Expect::Any, None).await.unwrap();
    engine.store.put(Bucket::Sources, "b", b"no record".to_vec(), Expect::Any, None).await.unwrap();
    assert!(sources.all().await.unwrap().is_empty());
    let writers = (0..8).map(|n| {
        let sources = sources.clone();
        async move {
            sources.add("a", &refused(&format!("answer-{n}"), n)).await.unwrap();
            sources.add("a", &accepted(n, n)).await.unwrap();
        }
    });
    futures::future::join_all(writers).await;
    let all = sources.all().await.unwrap();
    assert_eq!((all.len(), all["a"].refused.len(), all["a"].accepted), (1, 8, Some(at(7))));
}

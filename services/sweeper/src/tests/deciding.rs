//! The decision by itself.

use chrono::TimeDelta;
use resources::source::Deliveries;

use super::after;
use crate::deliveries::decide::{Decision, decide};
use crate::deliveries::gather::{Attempt, Listing, Reached};
use crate::deliveries::record::{Open, Record};

const KEEPS: TimeDelta = TimeDelta::days(3);

/// `guid@seconds=status`, with spaces between them.
fn attempts(text: &str) -> Vec<Attempt> {
    let one = |(index, text): (usize, &str)| {
        let (guid, rest) = text.split_once('@').unwrap();
        let (seconds, status) = rest.split_once('=').unwrap();
        Attempt {
            id: u64::try_from(index).unwrap() + 1,
            guid: guid.to_owned(),
            delivered_at: after(seconds.parse().unwrap()),
            status_code: status.parse().unwrap(),
            event: "push".to_owned(),
            action: None,
        }
    };
    text.split_whitespace().enumerate().map(one).collect()
}

fn listing(text: &str) -> Listing {
    Listing { attempts: attempts(text), reached: Reached::Time }
}

fn record(through: i64) -> Record {
    Record { looked: true, ..Record::begin("hook".to_owned(), after(through)) }
}

fn open(guid: &str, at: i64, last: i64, asked: u32, asked_at: Option<i64>) -> Open {
    let (guid, reason) = (guid.to_owned(), "no body".to_owned());
    let (at, last, asked_at) = (after(at), after(last), asked_at.map(after));
    Open { guid, delivery: 1, event_type: "com.github.push".to_owned(), at, last, asked, asked_at, reason }
}

fn fetched(decision: &Decision) -> String {
    decision.fetch.iter().map(|wanted| wanted.guid.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_nobody_took_is_fetched_oldest_first() {
    for (list, fetch, through) in [
        ("", "", 0),
        ("a@10=202", "", 10),
        ("a@10=0", "a", 10),
        ("a@10=503", "a", 10),
        ("a@10=401", "a", 10),
        ("a@10=302", "a", 10),
        ("b@20=500 a@10=0", "a b", 20),
        // Another attempt was taken, whichever comes first in the list.
        ("a@20=202 a@10=500", "", 20),
        ("a@20=500 a@10=202", "", 20),
        ("a@20=500 a@10=500 b@15=0", "a b", 20),
        // Shortly before the time up to which all is looked at: it was on its way then.
        ("a@-110=0", "a", 0),
        ("a@-130=0", "", 0),
    ] {
        let decision = decide(&record(0), &listing(list), Deliveries::Failed, KEEPS, after(100));
        assert_eq!(fetched(&decision), fetch, "{list}");
        assert_eq!(decision.through, after(through), "{list}");
        assert_eq!(decision.gone, None);
    }
}

#[test]
fn what_was_dealt_with_is_fetched_once_more_only_when_it_failed_once_more() {
    let mut known = record(0);
    known.settled.insert("a".to_owned(), after(-60));
    for (list, fetch) in [("a@-60=0", ""), ("a@-60=0 a@-90=0", ""), ("a@5=0 a@-60=0", "a")] {
        let decision = decide(&known, &listing(list), Deliveries::Failed, KEEPS, after(100));
        assert_eq!(fetched(&decision), fetch, "{list}");
    }
    let all = decide(&known, &listing("a@-60=202 b@1=202 c@2=0"), Deliveries::All, KEEPS, after(100));
    assert_eq!(fetched(&all), "b c");
}

#[test]
fn more_than_fit_at_once_are_left_for_the_next_time_and_none_is_passed_over() {
    let list: Vec<String> = (0..250).map(|n| format!("g{n:03}@{n}=0")).collect();
    let first = decide(&record(0), &listing(&list.join(" ")), Deliveries::Failed, KEEPS, after(300));
    assert_eq!((first.fetch.len(), first.more), (200, true));
    assert_eq!(first.through, after(200));
    let mut then = record(200);
    then.settled = first.fetch.iter().map(|wanted| (wanted.guid.clone(), wanted.last)).collect();
    let second = decide(&then, &listing(&list.join(" ")), Deliveries::Failed, KEEPS, after(300));
    assert_eq!((second.fetch.len(), second.more), (50, false));
    assert_eq!(second.fetch[0].guid, "g200");
    assert_eq!(second.through, after(249));
}

#[test]
fn one_that_cannot_be_fetched_is_asked_for_three_times_ten_minutes_apart() {
    const DAY: i64 = 86_400;
    for (open, list, now, wanted) in [
        (open("a", 0, 0, 0, None), "", 100, "ask"),
        (open("a", 0, 0, 1, Some(100)), "", 200, "wait"),
        (open("a", 0, 0, 1, Some(100)), "a@110=500", 200, "wait"),
        (open("a", 0, 0, 1, Some(100)), "a@110=202", 200, "redelivered"),
        (open("a", 0, 0, 1, Some(100)), "", 701, "ask"),
        (open("a", 0, 0, 3, Some(100)), "", 200, "wait"),
        (open("a", 0, 0, 3, Some(100)), "a@110=500", 200, "lost"),
        (open("a", 0, 0, 3, Some(100)), "", 701, "lost"),
        (open("a", 0, 0, 1, Some(100)), "", 3 * DAY, "lost"),
    ] {
        let mut record = record(0);
        record.open.push(open.clone());
        let decision = decide(&record, &listing(list), Deliveries::Failed, KEEPS, after(now));
        let Decision { fetch, redelivered, ask, wait, lost, .. } = decision;
        assert!(fetch.is_empty(), "it is known that it cannot be had");
        let became = [("redelivered", redelivered), ("ask", ask), ("wait", wait), ("lost", lost)];
        let became: Vec<_> =
            became.iter().filter(|(_, list)| !list.is_empty()).map(|(name, _)| *name).collect();
        assert_eq!(became, [wanted], "{open:?} with {list:?} at {now}");
    }
}

#[test]
fn a_time_of_which_nothing_is_kept_is_lost() {
    const HOUR: i64 = 3600;
    for (through, list, reached, now, gone) in [
        // Quiet for long, but within what is kept.
        (0, "", Reached::End, 71 * HOUR, None),
        (0, "", Reached::End, 100 * HOUR, Some((0, 28 * HOUR))),
        (0, "", Reached::Time, 100 * HOUR, None),
        // More than is read at once.
        (0, "a@500=202 b@600=202", Reached::Neither, 1000, Some((0, 500))),
    ] {
        let listing = Listing { attempts: attempts(list), reached };
        let decision = decide(&record(through), &listing, Deliveries::Failed, KEEPS, after(now));
        assert_eq!(
            decision.gone,
            gone.map(|(from, to)| (after(from), after(to))),
            "{list} {reached:?} {now}"
        );
    }
}

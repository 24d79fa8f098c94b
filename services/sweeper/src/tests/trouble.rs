//! GitHub that is unwell, that wants to be left alone, or that does not know who asks; and a process that is killed.

use std::time::Duration;

use chassis::{Bucket, Expect};
use events::payload::source::{Became, What};
use serde_json::json;
use wiremock::ResponseTemplate;

use super::hub::not_found;
use super::{Stage, after};
use crate::keep::Stop;
use crate::metrics;

#[tokio::test]
async fn a_known_list_costs_no_request_of_the_limit() {
    let mut stage = Stage::new().await;
    stage.hub.push(1, after(-10), 202);
    stage.sweep(0).await;
    stage.sweep(300).await;
    stage.hub.asked();
    assert_eq!(stage.sweep(600).await.outcome, metrics::Outcome::Clean);
    assert_eq!(stage.hub.asked().len(), 1);
    // The stand-in answers 304 to the ETag of what it has; another delivery is another list.
    stage.hub.push(2, after(610), 0);
    stage.sweep(900).await;
    assert_eq!(stage.pushes().await, [2]);
}

#[tokio::test]
async fn a_limit_ends_a_sweep_and_the_next_one_goes_on_where_it_was() {
    let mut stage = Stage::new().await;
    stage.sweep(0).await;
    for number in 1..=3 {
        stage.hub.push(number, after(i64::try_from(number).unwrap() * 10), 500);
    }
    let limited = ResponseTemplate::new(403)
        .insert_header("x-ratelimit-remaining", "0")
        .insert_header("x-ratelimit-reset", (after(900).timestamp()).to_string().as_str())
        .insert_header("date", "Tue, 24 Nov 2026 10:05:00 GMT")
        .set_body_json(json!({"message": "API rate limit exceeded"}));
    let second = "GET /repos/acme/shop/hooks/7/deliveries/9007199254740995";
    stage.hub.state().script.push_back((second, limited));
    let swept = stage.sweep(300).await;
    assert_eq!((swept.outcome, swept.next), (metrics::Outcome::Unfinished, Duration::from_secs(601)));
    assert_eq!(stage.pushes().await, [1]);
    assert_eq!(stage.gaps().await[0].count, 1);
    stage.hub.asked();
    // Too early, by whatever mistake: GitHub is left alone.
    assert_eq!(stage.sweep(310).await.outcome, metrics::Outcome::Unfinished);
    assert!(stage.hub.asked().is_empty());
    stage.sweep(901).await;
    assert_eq!(stage.pushes().await, [1, 2, 3]);
    assert_eq!(stage.gaps().await.iter().map(|gap| gap.count).collect::<Vec<_>>(), [1, 2]);
    assert!(stage.failures().await.is_empty(), "nobody has to do anything");
}

#[tokio::test]
async fn a_secondary_limit_and_a_server_that_is_unwell_are_waited_for() {
    let mut stage = Stage::new().await;
    stage.sweep(0).await;
    let secondary = ResponseTemplate::new(429)
        .insert_header("retry-after", "17")
        .set_body_json(json!({"message": "You have exceeded a secondary rate limit"}));
    stage.hub.state().script.push_back(("GET", secondary));
    let swept = stage.sweep(300).await;
    assert_eq!((swept.outcome, swept.next), (metrics::Outcome::Unfinished, Duration::from_secs(17)));
    stage.hub.state().script.push_back(("GET", ResponseTemplate::new(502)));
    let swept = stage.sweep(320).await;
    assert_eq!(swept.outcome, metrics::Outcome::Unfinished);
    assert!(swept.next <= Duration::from_secs(2), "{:?}", swept.next);
    assert_eq!(stage.sweep(330).await.outcome, metrics::Outcome::Clean);
}

#[tokio::test]
async fn what_needs_a_person_is_said_once_for_each_reason_and_nothing_is_missed_by_it() {
    let mut stage = Stage::new().await;
    stage.sweep(0).await;
    stage.hub.push(1, after(100), 500);
    for (turn, answer) in [not_found(), not_found(), unauthorized(), not_found()].into_iter().enumerate() {
        stage.hub.state().script.push_back(("GET", answer));
        let swept = stage.sweep(300 + 300 * i64::try_from(turn).unwrap()).await;
        assert_eq!((swept.outcome, swept.next), (metrics::Outcome::Failed, Duration::from_mins(5)));
        stage.restart();
    }
    let failures = stage.failures().await;
    assert_eq!(failures.len(), 3, "{failures:?}");
    assert_eq!((failures[0].source.as_str(), failures[0].what), ("shop", What::Deliveries));
    assert!(failures[0].reason.contains("needs the permission repository_hooks=read"), "{failures:?}");
    assert!(failures[1].reason.contains("is it expired, revoked, or cut off?"), "{failures:?}");
    stage.sweep(1500).await;
    assert_eq!(stage.pushes().await, [1]);
    // The same reason after it was well is a new one.
    stage.hub.state().script.push_back(("GET", not_found()));
    stage.sweep(1800).await;
    assert_eq!(stage.failures().await.len(), 4);
}

fn unauthorized() -> ResponseTemplate {
    ResponseTemplate::new(401).set_body_json(json!({"message": "Bad credentials"}))
}

#[tokio::test]
async fn a_webhook_that_was_never_seen_has_no_past_however_late_it_is_seen() {
    let mut stage = Stage::new().await;
    stage.hub.push(1, after(10), 500);
    stage.hub.state().script.push_back(("GET", unauthorized()));
    stage.sweep(300).await;
    assert_eq!(stage.failures().await.len(), 1);
    stage.sweep(600).await;
    stage.hub.push(2, after(610), 500);
    stage.sweep(900).await;
    assert_eq!(stage.pushes().await, [2]);
}

#[tokio::test]
async fn after_a_crash_at_any_time_each_is_on_the_bus_once_and_the_gap_is_told_once() {
    for die in 1..=12 {
        let mut stage = Stage::new().await;
        stage.sweep(0).await;
        for number in 1..=3 {
            stage.hub.push(number, after(10), 500);
        }
        stage.clock.set(after(300));
        // It dies while it waits for something, for the die-th time.
        let mut polls = 0;
        let kept = stage.round.load().await.expect("the record can be read");
        {
            let mut failures = 0;
            let sweeping = stage.round.once(kept, &mut stage.etag, &mut failures);
            let mut sweeping = std::pin::pin!(sweeping);
            let dying = std::future::poll_fn(|context| {
                polls += 1;
                if polls > die {
                    return std::task::Poll::Ready(());
                }
                sweeping.as_mut().poll(context).map(drop)
            });
            dying.await;
        }
        stage.restart();
        stage.sweep(301).await;
        assert_eq!(stage.pushes().await, [1, 2, 3], "died at poll {die}");
        let told: Vec<_> = stage.gaps().await.into_iter().flat_map(|gap| gap.missed).collect();
        assert_eq!(told.len(), 3, "died at poll {die}");
        assert!(told.iter().all(|missed| missed.became == Became::Published), "died at poll {die}: {told:?}");
    }
}

#[tokio::test]
async fn a_record_of_another_process_stops_it_and_a_broken_one_is_named() {
    let mut stage = Stage::new().await;
    stage.sweep(0).await;
    let kept = stage.round.load().await.expect("the record can be read");
    let store = &stage.engine.store;
    let entry = store.get(Bucket::Watch, "sweep/github/shop").await.unwrap().unwrap();
    store.put(Bucket::Watch, "sweep/github/shop", entry.value, Expect::Any, None).await.unwrap();
    stage.hub.push(1, after(10), 500);
    stage.clock.set(after(300));
    let swept = stage.round.once(kept, &mut None, &mut 0).await;
    assert!(matches!(swept, Err(Stop::Moved(_))));
    for (text, said) in [("{", "EOF"), (r#"{"version": 9}"#, "was it written by a newer one?")] {
        store.put(Bucket::Watch, "sweep/github/shop", text.into(), Expect::Any, None).await.unwrap();
        let Err(stop) = stage.round.load().await else { panic!("it is broken") };
        let error = format!("{:#}", anyhow::Error::new(stop));
        assert!(
            error.contains("`sweep/github/shop` in the bucket `watch`") && error.contains(said),
            "{error}"
        );
    }
}

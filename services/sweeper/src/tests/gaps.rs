//! Gaps that are closed, and some that cannot be.

use events::payload::source::{Became, Outcome, What};
use resources::source::{Deliveries, Hook};
use wiremock::ResponseTemplate;

use super::hub::{guid, not_found, push};
use super::{Stage, after};
use crate::metrics;

#[tokio::test]
async fn what_nobody_took_is_on_the_bus_once_and_the_gap_is_told() {
    let mut stage = Stage::new().await;
    stage.hub.push(1, after(-3600), 500);
    stage.sweep(0).await;
    assert!(stage.log().await.is_empty(), "what was before has no past");
    stage.hub.push(2, after(10), 202);
    stage.hub.push(3, after(20), 0);
    stage.hub.push(4, after(30), 503);
    assert_eq!(stage.sweep(300).await.outcome, metrics::Outcome::Gap);
    assert_eq!(stage.pushes().await, [3, 4]);
    let [gap] = &stage.gaps().await[..] else { panic!("one gap") };
    assert_eq!(
        (gap.source.as_str(), gap.what, gap.outcome, gap.count),
        ("shop", What::Deliveries, Outcome::Filled, 2)
    );
    assert_eq!((gap.from, gap.to), (after(20), after(30)));
    assert_eq!(gap.missed[0].id, guid(3));
    assert_eq!(gap.missed[0].event_type, "com.github.push");
    assert!(gap.missed.iter().all(|missed| missed.became == Became::Published));
    let log = stage.log().await;
    assert_eq!(gap.missed[0].event_id.as_deref(), Some(log[0].id()));
    assert_eq!(log[2].subject(), Some("shop"));
    assert!(stage.counted(r#"signalbox_sweeper_missed_total{became="published",source_kind="github"} 2"#));
    // Again, and after a restart: nothing more.
    assert_eq!(stage.sweep(600).await.outcome, metrics::Outcome::Clean);
    stage.restart();
    stage.sweep(900).await;
    assert_eq!(stage.log().await.len(), 3);
}

#[tokio::test]
async fn the_event_is_the_one_that_the_gateway_would_have_made() {
    let mut stage = Stage::new().await;
    stage.sweep(0).await;
    let guid = stage.hub.push(5, after(10), 0);
    stage.sweep(300).await;
    let body = push("acme/shop", 5);
    let delivered = events::github::decode_of_hook("push", &guid, body.to_string().as_bytes()).unwrap();
    let [swept, _gap] = &stage.log().await[..] else { panic!("one event and its gap") };
    assert_eq!((swept.id(), swept.source()), (delivered.id(), delivered.source()));
    assert_eq!(swept.extension("githubdelivery"), delivered.extension("githubdelivery"));
    let kept: serde_json::Value = serde_json::from_slice(swept.body()).unwrap();
    assert_eq!(kept, body, "also numbers above 2^53");
    let published = stage.engine.bus.publish(&delivered).await.unwrap();
    assert!(published.duplicate, "should it come once more by itself");
}

#[tokio::test]
async fn what_the_bus_has_from_elsewhere_is_no_gap() {
    let mut stage = Stage::new().await;
    stage.sweep(0).await;
    stage.hub.push(6, after(10), 500);
    let elsewhere = push("acme/shop", 6).to_string();
    let event = events::github::decode_of_hook("push", "another-hook", elsewhere.as_bytes()).unwrap();
    stage.engine.bus.publish(&event).await.unwrap();
    assert_eq!(stage.sweep(300).await.outcome, metrics::Outcome::Clean);
    assert_eq!(stage.log().await.len(), 1);
    assert!(stage.counted(r#"signalbox_sweeper_missed_total{became="known",source_kind="github"} 1"#));
}

#[tokio::test]
async fn a_foreign_repository_is_passed_over_as_by_the_gateway() {
    let mut stage =
        Stage::with(Deliveries::Failed, Hook::Organization { login: "acme".to_owned(), id: 7 }).await;
    stage.sweep(0).await;
    stage.hub.deliver(7, after(10), 403, Some(push("evil/shop", 7)));
    assert_eq!(stage.sweep(300).await.outcome, metrics::Outcome::Clean);
    stage.sweep(310).await;
    assert!(stage.log().await.is_empty());
    let details = stage.hub.asked().into_iter().filter(|asked| asked.contains("deliveries/")).count();
    assert_eq!(details, 1, "it is fetched once");
}

#[tokio::test]
async fn all_deliveries_are_compared_with_the_bus_where_that_is_asked_for() {
    let mut stage =
        Stage::with(Deliveries::All, Hook::Repository { name: "acme/shop".to_owned(), id: 7 }).await;
    stage.sweep(0).await;
    let guid = stage.hub.push(8, after(10), 200);
    stage.hub.push(9, after(20), 200);
    let body = push("acme/shop", 8).to_string();
    let event = events::github::decode_of_hook("push", &guid, body.as_bytes()).unwrap();
    stage.engine.bus.publish(&event).await.unwrap();
    stage.sweep(300).await;
    assert_eq!(stage.pushes().await, [8, 9]);
    let [gap] = &stage.gaps().await[..] else { panic!("one gap") };
    assert_eq!(
        gap.missed.iter().map(|missed| missed.became).collect::<Vec<_>>(),
        [Became::Known, Became::Published]
    );
}

#[tokio::test]
async fn many_pages_are_read_and_many_deliveries_fetched_in_turns() {
    let mut stage = Stage::new().await;
    stage.sweep(0).await;
    for number in 0..350 {
        let status = if number % 7 == 0 { 202 } else { 500 };
        stage.hub.push(number, after(1 + i64::try_from(number).unwrap()), status);
    }
    stage.hub.asked();
    let first = stage.sweep(600).await;
    assert_eq!(first.next.as_secs(), 1, "the next come at once");
    let lists =
        stage.hub.asked().into_iter().filter(|asked| asked.contains("deliveries?")).collect::<Vec<_>>();
    assert_eq!(lists.len(), 4, "{lists:?}");
    assert!(lists[1].contains("cursor=v1_9007199254"), "{lists:?}");
    stage.sweep(601).await;
    let wanted: Vec<u64> = (0..350).filter(|number| number % 7 != 0).collect();
    assert_eq!(stage.pushes().await, wanted);
    let gaps = stage.gaps().await;
    assert_eq!(gaps.iter().map(|gap| gap.count).sum::<u64>(), 300);
    assert_eq!(gaps[0].missed.len(), 100, "the first hundred are told one by one");
}

#[tokio::test]
async fn what_cannot_be_seen_is_delivered_again() {
    let mut stage = Stage::new().await;
    stage.sweep(0).await;
    let guid = stage.hub.deliver(10, after(10), 500, None);
    {
        let mut hub = stage.hub.state();
        (hub.takes, hub.now) = (202, after(301));
    }
    stage.sweep(300).await;
    assert!(stage.gaps().await.is_empty(), "it is on its way");
    let posted = |asked: &[String]| asked.iter().filter(|asked| asked.starts_with("POST")).count();
    assert_eq!(posted(&stage.hub.asked()), 1);
    stage.sweep(600).await;
    let [gap] = &stage.gaps().await[..] else { panic!("one gap") };
    assert_eq!(
        (gap.outcome, gap.missed[0].became, gap.missed[0].id.as_str()),
        (Outcome::Filled, Became::Redelivered, &*guid)
    );
    stage.restart();
    stage.sweep(900).await;
    assert_eq!(posted(&stage.hub.asked()), 0);
    assert_eq!(stage.gaps().await.len(), 1);
}

#[tokio::test]
async fn what_fails_again_and_again_is_lost_with_its_reason() {
    let mut stage = Stage::new().await;
    stage.sweep(0).await;
    stage.hub.deliver(11, after(10), 500, None);
    for turn in 1..=5 {
        let now = turn * 660;
        {
            let mut hub = stage.hub.state();
            (hub.takes, hub.now) = (500, after(now + 1));
        }
        stage.sweep(now).await;
    }
    let asked = stage.hub.asked();
    assert_eq!(asked.iter().filter(|asked| asked.starts_with("POST")).count(), 3, "{asked:?}");
    let [gap] = &stage.gaps().await[..] else { panic!("one gap") };
    assert_eq!((gap.outcome, gap.missed[0].became), (Outcome::Lost, Became::Lost));
    assert_eq!(gap.missed[0].reason.as_deref(), Some("GitHub does not show what was sent"));
}

#[tokio::test]
async fn a_delivery_that_is_gone_and_may_not_be_repeated_is_lost_at_once() {
    let mut stage = Stage::new().await;
    stage.sweep(0).await;
    stage.hub.push(12, after(10), 500);
    {
        let forbidden = ResponseTemplate::new(403)
            .insert_header("x-accepted-github-permissions", "repository_hooks=write")
            .set_body_json(serde_json::json!({"message": "Resource not accessible by integration"}));
        let mut hub = stage.hub.state();
        let list = "GET /repos/acme/shop/hooks/7/deliveries/";
        hub.script.extend([(list, not_found()), ("POST", forbidden)]);
    }
    stage.sweep(300).await;
    let [gap] = &stage.gaps().await[..] else { panic!("one gap") };
    let reason = gap.missed[0].reason.as_deref().unwrap_or_default();
    assert!(
        reason.contains("(404)") && reason.contains("it needs the permission repository_hooks=write"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_time_that_github_does_not_keep_any_more_is_lost() {
    let mut stage = Stage::new().await;
    stage.hub.push(13, after(-60), 202);
    stage.sweep(0).await;
    let days = |days: i64| days * 86_400;
    // The server of the test keeps them for seven days, and the one from before is no longer in the list.
    stage
        .hub
        .state()
        .script
        .push_back(("GET", ResponseTemplate::new(200).set_body_json(serde_json::json!([]))));
    stage.sweep(days(9)).await;
    let [gap] = &stage.gaps().await[..] else { panic!("one gap") };
    assert_eq!((gap.outcome, gap.count), (Outcome::Lost, 0));
    assert_eq!((gap.from, gap.to), (after(-60), after(days(2))));
    assert!(gap.reason.as_deref().unwrap_or_default().contains("7 days"));
    stage.sweep(days(9) + 300).await;
    assert_eq!(stage.gaps().await.len(), 1, "it is told once");
}

//! Dead letters.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use chassis::dead::{DeadLetters, Death};
use chassis::{ConsumerSpec, ManualClock, Position};
use serde_json::json;

use super::stage::{Stage, died, event};
use crate::api::{DeadBulk, DeadPage};

async fn an_hour_later() -> Stage {
    Stage::at(Arc::new(ManualClock::at(died() + Duration::from_hours(1)))).await
}

#[tokio::test]
async fn dead_letters_are_listed_shown_driven_again_and_dropped() {
    let stage = an_hour_later().await;
    let (one, other) = (event("one", "com.example.a"), event("other", "com.example.b"));
    stage.publish(&one).await;
    stage.publish(&other).await;
    let (first, second) = (stage.bury(&one, "no space").await, stage.bury(&other, "no such thing").await);
    let (status, body) = stage.get("/api/v1/dead?limit=1").await;
    let page: DeadPage = serde_json::from_value(body).expect("a page");
    assert_eq!((status, page.dead_letters.len(), page.total), (StatusCode::OK, 1, 2));
    let (status, letter) = stage.get(&format!("/api/v1/dead/{first}")).await;
    assert_eq!((status, &letter["event"]["data"]), (StatusCode::OK, &json!({"id": "one"})));
    assert_eq!((&letter["reasons"], &letter["attempts"]), (&json!(["no space"]), &json!(3)));

    let (status, _) = stage.ask(Method::POST, &format!("/api/v1/dead/{first}/redrive")).await;
    assert_eq!(status, StatusCode::OK);
    let spec = ConsumerSpec {
        name: "deployer".to_owned(),
        types: vec!["nothing".to_owned()],
        start: chassis::Start::Beginning,
        max_in_flight: 1,
        ack_wait: Duration::from_secs(30),
    };
    let mut deliveries = stage.engine.bus.consume(spec).await.expect("a consumer");
    let delivery = tokio::time::timeout(Duration::from_secs(10), deliveries.next()).await;
    let delivery = delivery.expect("it is delivered within ten seconds").expect("a delivery");
    assert_eq!(delivery.event.expect("an event").id(), "one");
    assert_eq!(
        stage.ask(Method::POST, &format!("/api/v1/dead/{first}/redrive")).await.0,
        StatusCode::NOT_FOUND
    );

    let (status, dropped) = stage.ask(Method::DELETE, &format!("/api/v1/dead/{second}")).await;
    assert_eq!((status, &dropped["id"]), (StatusCode::OK, &second.as_str().into()));
    assert_eq!(stage.get("/api/v1/dead").await.1["dead_letters"], json!([]));
}

#[tokio::test]
async fn a_dead_letter_that_is_no_event_cannot_be_driven_again() {
    let stage = Stage::new().await;
    let message = chassis::bus::Undecodable {
        subject: "signalbox.events.x".to_owned(),
        headers: Vec::new(),
        payload: b"?".to_vec(),
        reason: "no ce-id".to_owned(),
    };
    let dead = DeadLetters::new(stage.engine.store.clone());
    let now = died();
    let letter = dead
        .bury(Death {
            handler: "deployer",
            event: Err(&message),
            position: Position(1),
            reasons: vec!["no ce-id".to_owned()],
            attempts: 1,
            failures: Vec::new(),
            first_tried: None,
            now,
        })
        .await
        .expect("kept");
    let (status, body) = stage.ask(Method::POST, &format!("/api/v1/dead/{}/redrive", letter.id)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    assert_eq!(stage.get("/api/v1/dead").await.1["total"], 1, "it is still there");
}

#[tokio::test]
async fn many_are_settled_by_a_filter_and_never_all_by_mistake() {
    let stage = an_hour_later().await;
    for n in 0..5 {
        let ty = if n < 3 { "com.example.a" } else { "com.example.b" };
        stage.bury(&event(&format!("e{n}"), ty), "no space").await;
    }
    for path in ["/api/v1/dead/redrive", "/api/v1/dead/drop", "/api/v1/dead/drop?limit=3"] {
        let (status, body) = stage.ask(Method::POST, path).await;
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::BAD_REQUEST, &"this would settle all dead letters".into())
        );
    }
    assert_eq!(stage.get("/api/v1/dead").await.1["total"], 5, "nothing was done");
    assert_eq!(stage.get("/api/v1/dead?type=*.b").await.1["total"], 2);
    assert_eq!(stage.get("/api/v1/dead?handler=notifier").await.1["total"], 0);
    assert_eq!(stage.get("/api/v1/dead?until=2026-09-01T10:00:00Z").await.1["total"], 0);

    // Two of three, and the rest by the address that is given.
    let (status, bulk) = stage.ask(Method::POST, "/api/v1/dead/redrive?type=*.a&limit=2").await;
    let bulk: DeadBulk = serde_json::from_value(bulk).expect("what was done");
    assert_eq!((status, bulk.settled.len()), (StatusCode::OK, 2));
    // One that dies again meanwhile is not driven again for ever.
    let later = chassis::Clock::now(&chassis::SystemClock) + Duration::from_secs(1);
    stage.bury_at(&event("e0", "com.example.a"), "still no space", later).await;
    let (_, bulk) = stage.ask(Method::POST, &bulk.next.expect("there is one more")).await;
    let bulk: DeadBulk = serde_json::from_value(bulk).expect("what was done");
    assert_eq!((bulk.settled.len(), bulk.next), (1, None));
    assert_eq!(stage.get("/api/v1/dead?type=*.a").await.1["total"], 1);
    let (_, bulk) = stage.ask(Method::POST, "/api/v1/dead/drop?until=2999-01-01T00:00:00Z").await;
    assert_eq!(bulk["settled"].as_array().map(Vec::len), Some(3));
    assert_eq!(stage.get("/api/v1/dead").await.1["total"], 0);
}

#[tokio::test]
async fn pages_of_dead_letters_lead_on_although_those_before_are_settled() {
    let stage = Stage::new().await;
    for n in 0..5 {
        stage.bury(&event(&format!("e{n}"), "com.example.a"), "no space").await;
    }
    let (_, first) = stage.get("/api/v1/dead?limit=2").await;
    for letter in first["dead_letters"].as_array().expect("letters") {
        let id = letter["id"].as_str().expect("an id");
        assert_eq!(stage.ask(Method::DELETE, &format!("/api/v1/dead/{id}")).await.0, StatusCode::OK);
    }
    let (_, second) = stage.get(first["next"].as_str().expect("there are more")).await;
    let (_, third) = stage.get(second["next"].as_str().expect("there is one more")).await;
    let count = |page: &serde_json::Value| page["dead_letters"].as_array().map(Vec::len);
    assert_eq!((count(&second), count(&third), &third["next"]), (Some(2), Some(1), &json!(null)));
}

#[tokio::test]
async fn a_damaged_dead_letter_hides_no_other_and_can_be_dropped() {
    let stage = an_hour_later().await;
    let id = stage.bury(&event("one", "com.example.a"), "no space").await;
    let (bucket, any) = (chassis::Bucket::DeadLetters, chassis::Expect::Any);
    for (key, bytes) in [("broken", b"{".to_vec()), ("newer", br#"{"v":9}"#.to_vec())] {
        stage.engine.store.put(bucket, key, bytes, any, None).await.expect("it is stored");
    }
    let (status, page) = stage.get("/api/v1/dead").await;
    let page: DeadPage = serde_json::from_value(page).expect("a page");
    assert_eq!((status, page.dead_letters[0].id.as_str(), page.total), (StatusCode::OK, id.as_str(), 1));
    let damaged: Vec<&str> = page.damaged.iter().map(|damaged| damaged.id.as_str()).collect();
    assert_eq!(damaged, ["broken", "newer"]);
    assert_eq!(stage.get("/api/v1/dead/broken").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    let (_, bulk) = stage.ask(Method::POST, "/api/v1/dead/redrive?all=true").await;
    assert_eq!(bulk["settled"].as_array().map(Vec::len), Some(1), "{bulk}");
    let unsettled: DeadBulk = serde_json::from_value(bulk).expect("what was done");
    let ids: Vec<&str> = unsettled.unsettled.iter().map(|letter| letter.id.as_str()).collect();
    assert_eq!(ids, ["broken", "newer"], "those that could not be are told");
    assert!(unsettled.unsettled[1].error.contains("dead letter newer cannot be read"), "{unsettled:?}");
    let (_, bulk) = stage.ask(Method::POST, "/api/v1/dead/drop?all=true").await;
    assert_eq!(bulk["unsettled"].as_array().map(Vec::len), Some(2), "{bulk}");
    let (_, bulk) = stage.ask(Method::POST, "/api/v1/dead/drop?type=com.example.a").await;
    assert_eq!(bulk, json!({"settled": []}), "nobody knows whether they are of that type");
    assert_eq!(stage.ask(Method::DELETE, "/api/v1/dead/broken").await.0, StatusCode::OK);
    let (_, page) = stage.get("/api/v1/dead").await;
    assert_eq!(page["damaged"].as_array().map(Vec::len), Some(1), "{page}");
}

#[tokio::test]
async fn a_dead_letter_of_a_handler_that_is_gone_is_not_driven_into_nothing() {
    let stage = Stage::new().await;
    let event = event("one", "com.example.a");
    let death = Death {
        handler: "gone",
        event: Ok(&event),
        position: Position(1),
        reasons: vec!["no space".to_owned()],
        attempts: 1,
        failures: Vec::new(),
        first_tried: None,
        now: died(),
    };
    let dead = DeadLetters::new(stage.engine.store.clone());
    let letter = dead.bury(death).await.expect("kept");
    let (status, body) = stage.ask(Method::POST, &format!("/api/v1/dead/{}/redrive", letter.id)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    assert!(body.to_string().contains("there is no handler `gone` any more"), "{body}");
    assert!(dead.get(&letter.id).await.is_ok(), "it is still there");
}

#[tokio::test]
async fn what_the_ledger_may_have_forgotten_is_driven_again_only_by_force_and_holds_up_no_other() {
    let days = |days: u64| Duration::from_hours(24 * days);
    let stage = Stage::at(Arc::new(ManualClock::at(died() + days(46)))).await;
    let mut old = Vec::new();
    for id in ["old", "older"] {
        old.push(stage.bury(&event(id, "com.example.a"), "no space").await);
    }
    let young = stage.bury_at(&event("young", "com.example.a"), "no space", died() + days(2)).await;
    let (status, body) = stage.ask(Method::POST, &format!("/api/v1/dead/{}/redrive", old[0])).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    let error = body["error"].as_str().expect("an error");
    assert!(error.contains("tried first at 2026-09-01") && error.contains("Look whether"), "{error}");
    assert!(body["hint"].to_string().contains("--force"), "{body}");

    let (status, bulk) = stage.ask(Method::POST, "/api/v1/dead/redrive?all=true").await;
    let bulk: DeadBulk = serde_json::from_value(bulk).expect("what was done");
    let settled: Vec<&str> = bulk.settled.iter().map(|letter| letter.id.as_str()).collect();
    assert_eq!((status, settled), (StatusCode::OK, vec![young.as_str()]));
    assert_eq!(bulk.unsettled.len(), 2);
    assert!(
        bulk.unsettled.iter().all(|unsettled| unsettled.error.contains("may have forgotten")),
        "{bulk:?}"
    );

    let (status, body) = stage.ask(Method::POST, "/api/v1/dead/drop?all=true&force=true").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "to drop takes no force: {body}");
    let (status, body) =
        stage.ask(Method::POST, &format!("/api/v1/dead/{}/redrive?force=true", old[0])).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    stage.bury(&event("old", "com.example.a"), "no space").await;
    // The address of the rest is as forceful as the first.
    let (_, bulk) = stage.ask(Method::POST, "/api/v1/dead/redrive?all=true&force=true&limit=1").await;
    let bulk: DeadBulk = serde_json::from_value(bulk).expect("what was done");
    assert_eq!(bulk.settled.len(), 1);
    let (_, bulk) = stage.ask(Method::POST, &bulk.next.expect("there is one more")).await;
    assert_eq!(bulk["settled"].as_array().map(Vec::len), Some(1), "{bulk}");
    assert_eq!(stage.get("/api/v1/dead").await.1["total"], 0);
}

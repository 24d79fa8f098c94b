//! What becomes of CloudEvents over HTTP.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::bus_trouble::{Trouble, world};
use crate::world::{
    EVENTS, NARROW, OLD_SECRET, ORDER, SECRET, SIGNED, TOKEN, World, binary, sign, structured, with_header,
};

fn batch(ids: &[&str]) -> String {
    let events = ids.iter().map(|id| ORDER.replace("o-1", id)).collect::<Vec<_>>().join(",");
    format!("[{events}]")
}

fn signed(secret: &str, body: &str) -> Request<Body> {
    let request = with_header(structured(SIGNED, body.to_owned()), "Authorization", None);
    with_header(request, "X-Hub-Signature-256", Some(&sign(secret, body.as_bytes())))
}

#[tokio::test]
async fn an_event_in_binary_mode_is_kept_with_its_attributes_and_its_bytes() {
    let world = World::new().await;
    let body = "{ \"total\" : 12.0 }";
    let request =
        with_header(binary(EVENTS, "o-1", body), "ce-subject", Some("Euro%20%E2%82%AC%20%F0%9F%98%80"));
    let request = with_header(request, "Ce-Sequence", Some("\"7 of 9\""));
    let answer = world.send(request).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.json, json!({"id": "o-1", "type": "com.example.order.placed", "duplicate": false}));
    let stored = world.stored().await;
    let [event] = stored.as_slice() else { panic!("one event: {stored:?}") };
    assert_eq!((event.id(), event.source()), ("o-1", "https://shop.example/orders"));
    assert_eq!(event.subject(), Some("Euro € 😀"));
    assert_eq!(event.extension("sequence").as_deref(), Some("7 of 9"));
    assert_eq!((event.datacontenttype(), event.body()), (Some("application/json"), body.as_bytes()));
    assert!(
        world.counts(r#"signalbox_gateway_requests_total{answer="accepted",source_kind="cloudevents"} 1"#)
    );
}

#[tokio::test]
async fn the_same_event_in_another_mode_is_a_duplicate() {
    let world = World::new().await;
    assert_eq!(world.send(structured(EVENTS, ORDER)).await.json["duplicate"], false);
    let again = world.send(binary(EVENTS, "o-1", "{\"total\":12}")).await;
    assert_eq!((again.status.as_u16(), &again.json["duplicate"]), (202, &json!(true)));
    let again = world.send(structured(EVENTS, batch(&["o-1", "o-2", "o-2"]))).await;
    assert_eq!(again.json, json!({"ids": ["o-1", "o-2", "o-2"], "duplicates": 2}));
    assert_eq!(world.stored().await.len(), 2);
}

#[tokio::test]
async fn a_batch_is_taken_whole_and_may_be_empty() {
    let world = World::new().await;
    let answer = world.send(structured(EVENTS, "[]")).await;
    assert_eq!((answer.status.as_u16(), answer.json), (202, json!({"ids": [], "duplicates": 0})));
    let ids: Vec<_> = (0..300).map(|n| format!("b-{n}")).collect();
    let answer =
        world.send(structured(EVENTS, batch(&ids.iter().map(String::as_str).collect::<Vec<_>>()))).await;
    assert_eq!(answer.json, json!({"ids": ids, "duplicates": 0}));
    assert_eq!(world.stored().await.len(), 300);
}

#[tokio::test]
async fn a_batch_with_one_event_that_is_wrong_stores_none() {
    let world = World::new().await;
    let second = |text: &str| format!("[{ORDER},{text}]");
    let cases = [
        (
            second(&ORDER.replace("https://shop.example/orders", "not a uri")),
            400,
            "event 1 of the batch (counted from 0) cannot be read: not a valid CloudEvent: attribute `source`",
        ),
        (second(&ORDER.replace("\"id\":\"o-1\",", "")), 400, "attribute `id` is required"),
        (second("7"), 400, "event 1 of the batch"),
        (
            second(&ORDER.replace("com.example.order.placed", "io.signalbox.deploy.requested.v1")),
            403,
            "`type` is `io.signalbox.deploy.requested.v1`: event 1 of the batch",
        ),
        (
            second(&ORDER.replace("https://shop.example/orders", "/signalbox/automator")),
            403,
            "`source` is `/signalbox/automator`: event 1",
        ),
        (batch(&vec!["x"; 1001]), 413, "1001 events, the limit is 1000"),
        (format!("[{ORDER}"), 400, "not a JSON batch"),
    ];
    for (body, status, about) in cases {
        world.send(structured(EVENTS, body)).await.assert_refused(status, about);
    }
    assert!(world.stored().await.is_empty());
}

#[tokio::test]
async fn a_batch_that_was_stored_in_part_comes_again_and_doubles_nothing() {
    let world = world(Trouble::Nth(2)).await;
    let all = batch(&["o-1", "o-2", "o-3"]);
    world.send(structured(EVENTS, all.clone())).await.assert_come_again("could not be stored");
    let again = world.send(structured(EVENTS, all)).await;
    assert_eq!((again.status.as_u16(), &again.json["ids"]), (202, &json!(["o-1", "o-2", "o-3"])));
    assert_eq!(world.stored().await.len(), 3);
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_attribute_and_nothing_is_stored() {
    let world = World::new().await;
    let good = || binary(EVENTS, "o-1", "{}");
    let set = |name, value: &str| with_header(good(), name, Some(value));
    let without = |name| with_header(good(), name, None);
    let claim = |old: &str, new: &str| structured(EVENTS, ORDER.replace(old, new));
    let long = "x".repeat(9000);
    #[rustfmt::skip]
    let cases = [
        (without("Authorization"), 401, "Authorization is missing"),
        (set("Authorization", "Bearer t0ken-hus"), 401, "none of the tokens"),
        (set("Authorization", "Basic dGhlOnRva2Vu"), 401, "not `Bearer`"),
        (without("ce-specversion"), 400, "attribute `specversion` is required"),
        (without("ce-id"), 400, "attribute `id` is required"),
        (without("ce-source"), 400, "attribute `source` is required"),
        (without("ce-type"), 400, "attribute `type` is required"),
        (set("ce-specversion", "0.3"), 400, "specversion \"0.3\" is not supported"),
        (set("ce-id", ""), 400, "attribute `id` is required and must not be empty"),
        (set("ce-source", "a b"), 400, "attribute `source` is \"a b\""),
        (set("ce-time", "yesterday"), 400, "attribute `time` is \"yesterday\""),
        (set("ce-subject", "%C0%A0"), 400, "attribute `subject` holds bytes that are not UTF-8"),
        (set("ce-subject", &long), 400, "attribute `subject` has 9000 bytes"),
        (set("ce-my-ext", "x"), 400, "`my-ext` is not an attribute name"),
        (set("ce-datacontenttype", "text/plain"), 400, "`ce-datacontenttype` must not be used over HTTP"),
        (set("Content-Type", "nonsense"), 400, "attribute `datacontenttype` is \"nonsense\""),
        (set("Content-Type", "application/cloudevents+avro"), 415, "event format application/cloudevents+avro"),
        (set("Content-Type", "application/cloudevents+json; charset=utf-16"), 415, "character set utf-16"),
        (set("Content-Encoding", "gzip"), 415, "compressed"),
        (with_header(structured(EVENTS, ORDER), "Content-Type", Some("application/json")), 415, "not a CloudEvent"),
        (with_header(structured(EVENTS, ORDER), "Content-Type", None), 415, "not a CloudEvent"),
        (structured(EVENTS, "{"), 400, "not a JSON event"),
        (structured(EVENTS, ""), 400, "not a JSON event"),
        (claim("\"id\":\"o-1\"", "\"id\":1"), 400, "member `id` is a number"),
        (claim("com.example.order.placed", "io.signalbox.deploy.requested.v1"), 403, "`type` is `io.signalbox.deploy.requested.v1`"),
        (claim("com.example.order.placed", "com.github.push"), 403, "`type` is `com.github.push`"),
        (claim("https://shop.example/orders", "/signalbox/deployer"), 403, "`source` is `/signalbox/deployer`"),
        (claim("https://shop.example/orders", "https://github.com/acme/shop"), 403, "`source` is `https://github.com/acme/shop`"),
        (claim("\"data\"", "\"dataref\":\"signalbox-blob:0a\",\"data\""), 403, "`dataref` is `signalbox-blob:0a`"),
        (claim("\"data\"", "\"replayeffects\":\"off\",\"data\""), 403, "`replayeffects` is `off`"),
        (claim("\"data\"", "\"replayrun\":\"try-1\",\"data\""), 403, "`replayrun` is `try-1`"),
        (set("ce-replayeffects", "off"), 403, "`replayeffects` is `off`"),
        (set("ce-ReplayRun", "try-1"), 403, "`replayrun` is `try-1`"),
    ];
    for (request, status, about) in cases {
        world.send(request).await.assert_refused(status, about);
    }
    assert!(world.stored().await.is_empty());
}

#[tokio::test]
async fn two_values_of_one_attribute_are_none() {
    let world = World::new().await;
    for (name, value) in [("ce-id", "o-2"), ("Content-Type", "application/cloudevents+json")] {
        let mut request = binary(EVENTS, "o-1", "{}");
        request.headers_mut().append(name, value.parse().unwrap());
        let answer = world.send(request).await;
        assert_eq!(answer.status, 400, "{name}: {answer:?}");
    }
    assert!(world.stored().await.is_empty());
}

#[tokio::test]
async fn a_source_takes_what_its_lists_name_and_nothing_else() {
    let world = World::new().await;
    let claim = |old: &str, new: &str| structured(NARROW, ORDER.replace(old, new));
    world
        .send(claim("com.example", "org.example"))
        .await
        .assert_refused(403, "`type` is `org.example.order.placed`");
    let deploy = claim("com.example.order.placed", "io.signalbox.deploy.requested.v1");
    assert_eq!(world.send(deploy).await.status, 202, "the Source names this one");
}

#[tokio::test]
async fn a_source_of_other_places_is_refused() {
    let world = World::new().await;
    let elsewhere = ORDER.replace("shop.example", "shop.example.evil");
    world.send(structured(NARROW, elsewhere)).await.assert_refused(403, "`source` is");
}

#[tokio::test]
async fn either_live_token_is_taken_in_the_header_or_in_the_address() {
    let world = World::new().await;
    let in_address = |query: &str| {
        let mut request = with_header(structured(EVENTS, ORDER), "Authorization", None);
        *request.uri_mut() = format!("{EVENTS}?{query}").parse().unwrap();
        request
    };
    let other = with_header(structured(EVENTS, ORDER), "Authorization", Some(&format!("bearer {SECRET}")));
    let queries =
        [format!("access_token={TOKEN}"), format!("x=y&access_token={}&z", TOKEN.replace('0', "%30"))];
    for request in [structured(EVENTS, ORDER), other, in_address(&queries[0]), in_address(&queries[1])] {
        let answer = world.send(request).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(answer.headers["cache-control"], "private");
    }
    for query in
        ["access_token=wrong", "access_token=", "Access_Token=t0ken-hush", "xaccess_token=t0ken-hush"]
    {
        assert_eq!(world.send(in_address(query)).await.status, 401, "{query}");
    }
    for query in [format!("access_token={TOKEN}&access_token={TOKEN}"), format!("access_token={TOKEN}")] {
        let both = with_header(in_address(&query), "Authorization", Some(&format!("Bearer {TOKEN}")));
        world.send(both).await.assert_refused(400, "a token in its address and another");
    }
}

#[tokio::test]
async fn a_signed_event_is_taken_and_every_change_of_it_is_refused() {
    let world = World::new().await;
    for (secret, id) in [(SECRET, "o-1"), (OLD_SECRET, "o-2")] {
        assert_eq!(world.send(signed(secret, &ORDER.replace("o-1", id))).await.status, 202);
    }
    assert_eq!(world.send(signed(SECRET, &batch(&["o-3", "o-4"]))).await.status, 202);
    world.send(signed("wrong", ORDER)).await.assert_refused(401, "fits none of the secrets");
    let mut changed = signed(SECRET, ORDER);
    *changed.body_mut() = Body::from(ORDER.replace("12", "13"));
    world.send(changed).await.assert_refused(401, "fits none of the secrets");
    let unsigned = with_header(signed(SECRET, ORDER), "X-Hub-Signature-256", None);
    world.send(unsigned).await.assert_refused(401, "X-Hub-Signature-256 is missing");
    // A token is no signature here.
    world.send(structured(SIGNED, ORDER)).await.assert_refused(401, "X-Hub-Signature-256 is missing");
    assert_eq!(world.stored().await.len(), 4);
}

#[tokio::test]
async fn a_signature_that_does_not_cover_the_attributes_is_no_proof() {
    let world = World::new().await;
    let signed = with_header(binary(SIGNED, "o-1", "{}"), "X-Hub-Signature-256", Some(&sign(SECRET, b"{}")));
    let answer = world.send(signed).await;
    answer.assert_refused(401, "no signature covers the attributes");
    assert_eq!(answer.headers["www-authenticate"], "X-Hub-Signature-256");
    assert!(world.stored().await.is_empty());
}

#[tokio::test]
async fn an_event_of_25_mebibytes_arrives_whole_and_a_larger_one_is_refused() {
    let world = World::new().await;
    let mut body = vec![b'x'; 25 << 20];
    let binary = |body: Vec<u8>| {
        with_header(binary(EVENTS, "o-1", body), "Content-Type", Some("application/octet-stream"))
    };
    assert_eq!(world.send(binary(body.clone())).await.status, 202);
    assert!(world.stored().await[0].body() == body, "the body should come back whole");
    body.push(b'x');
    world.send(binary(body)).await.assert_refused(413, "26214400 bytes");
    assert!(world.counts("signalbox_gateway_bodies_held_bytes 0"), "{}", world.metrics());
}

#[tokio::test]
async fn a_stranger_has_no_body_read() {
    let world = World::new().await;
    let mut stranger = with_header(structured(EVENTS, ""), "Authorization", Some("Bearer wrong"));
    // If anything of it were read, the test would wait for ever.
    *stranger.body_mut() =
        Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::convert::Infallible>>());
    world.send(stranger).await.assert_refused(401, "none of the tokens");
}

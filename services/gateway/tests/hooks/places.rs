//! From where a source takes something, how much, and when it last did.

use axum::body::Body;
use axum::http::Request;
use gateway::Peer;

use crate::world::{Answer, NOW, SECRET, World, delivery, with_header};

async fn world(rest: &str) -> World {
    World::declaring(&format!(
        "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: github}}\n\
         spec: {{github: {{secrets: [{{env: S}}]}}, {rest}}}\n"
    ))
    .await
}

fn from(peer: &str, forwarded: &[&str]) -> Request<Body> {
    let mut request = delivery("d-1", crate::world::PUSH);
    request.extensions_mut().insert(Peer(peer.parse().unwrap()));
    for value in forwarded {
        request.headers_mut().append("X-Forwarded-For", value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn a_source_takes_only_what_comes_from_its_addresses() {
    let world = world("from: {addresses: [192.30.252.0/22, \"2001:db8::7\"]}").await;
    let send = async |peer: &str, forwarded: &[&str]| -> Answer { world.send(from(peer, forwarded)).await };
    for peer in ["192.30.252.9", "::ffff:192.30.252.9", "2001:db8::7"] {
        assert_eq!(send(peer, &[]).await.status, 202, "{peer}");
    }
    send("203.0.113.7", &[]).await.assert_refused(403, "takes nothing from 203.0.113.7");
    // Nobody is a proxy here: what a sender says about itself does not count.
    send("203.0.113.7", &["192.30.252.9"]).await.assert_refused(403, "takes nothing from 203.0.113.7");
    world.send(delivery("d-1", crate::world::PUSH)).await.assert_refused(403, "an unknown address");
    assert!(world.counts(r#"signalbox_gateway_requests_total{answer="foreign",source_kind="github"} 3"#));
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_about_the_last_sender_alone() {
    let world = world("from: {addresses: [192.30.252.0/22], proxies: [10.42.0.0/16]}").await;
    let send = async |forwarded: &[&str]| -> Answer { world.send(from("10.42.0.5", forwarded)).await };
    assert_eq!(send(&["192.30.252.9"]).await.status, 202);
    assert_eq!(send(&["192.30.252.9", "10.42.0.6"]).await.status, 202, "two headers are one list");
    send(&["192.30.252.9, 203.0.113.7"]).await.assert_refused(403, "takes nothing from 203.0.113.7");
    send(&["192.30.252.9, nonsense"]).await.assert_refused(403, "an unknown address");
    send(&[]).await.assert_refused(403, "takes nothing from 10.42.0.5");
}

#[tokio::test]
async fn a_source_may_have_a_limit_of_its_own() {
    let world = world("bodyLimit: 1KiB").await;
    let padded =
        |length: usize| format!("{}{}", crate::world::PUSH, " ".repeat(length - crate::world::PUSH.len()));
    assert_eq!(world.send(delivery("d-1", padded(1024))).await.status, 202);
    world.send(delivery("d-2", padded(1025))).await.assert_refused(413, "the limit of 1024 bytes");
    let chunked = with_header(delivery("d-3", padded(1025)), "Content-Length", None);
    world.send(chunked).await.assert_refused(413, "the limit of 1024 bytes");
}

#[tokio::test]
async fn it_is_told_when_a_kind_of_source_was_last_heard_and_last_refused() {
    let world = world("bodyLimit: 1MiB").await;
    let line = |which: &str| {
        format!(
            r#"signalbox_gateway_last_{which}_timestamp_seconds{{source_kind="github"}} {}"#,
            NOW.timestamp()
        )
    };
    world.send(delivery("d-1", "{")).await.assert_refused(400, "");
    assert!(world.counts(&line("refused")) && !world.counts(&line("accepted")), "{}", world.metrics());
    assert_eq!(world.send(delivery("d-1", crate::world::PUSH)).await.status, 202);
    assert!(world.counts(&line("accepted")), "{}", world.metrics());
    assert!(!world.metrics().contains(SECRET));
}

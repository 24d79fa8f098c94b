//! Bodies that are too large, too many or too slow.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use gateway::Limits;

use crate::world::{PUSH, World, delivery, notification, with_header};

const MIB: usize = 1 << 20;

/// A body in chunks of a MiB, without an announced length.
fn chunked(mebibytes: usize) -> Body {
    let chunk = Bytes::from(vec![b' '; MIB]);
    Body::from_stream(stream::iter((0..mebibytes).map(move |_| Ok::<_, Infallible>(chunk.clone()))))
}

#[tokio::test]
async fn thirty_megabytes_are_too_many_announced_or_not() {
    let world = World::new().await;
    let (mut announced, mut unannounced) = (delivery("d-1", PUSH), delivery("d-1", PUSH));
    announced = with_header(announced, "Content-Length", Some("31457280"));
    // If anything of it were read, the test would wait for ever.
    *announced.body_mut() = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    unannounced = with_header(unannounced, "Content-Length", None);
    *unannounced.body_mut() = chunked(30);
    for request in [announced, unannounced] {
        world.send(request).await.assert_refused(413, "26214400 bytes");
    }
    assert!(world.counts("signalbox_gateway_bodies_held_bytes 0"), "{}", world.metrics());
    assert!(world.stored().await.is_empty());
}

#[tokio::test]
async fn alertmanager_may_send_less() {
    let world = World::new().await;
    let mut request = notification("");
    *request.body_mut() = chunked(5);
    world.send(request).await.assert_refused(413, "4194304 bytes");
}

#[tokio::test]
async fn a_stranger_has_no_body_read() {
    let world = World::new().await;
    let unread = || Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let mut unsigned = with_header(delivery("d-1", PUSH), "X-Hub-Signature-256", None);
    *unsigned.body_mut() = unread();
    world.send(unsigned).await.assert_refused(401, "missing");
    let mut stranger = with_header(notification(""), "Authorization", Some("Bearer wrong"));
    *stranger.body_mut() = unread();
    world.send(stranger).await.assert_refused(401, "none of the tokens");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_given_up() {
    let world = World::new().await;
    tokio::time::pause();
    let mut request = delivery("d-1", PUSH);
    *request.body_mut() = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let before = tokio::time::Instant::now();
    world.send(request).await.assert_refused(408, "within 10 s");
    assert_eq!(before.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn bodies_beyond_the_memory_for_them_are_asked_to_come_again() {
    let limits = Limits {
        github_body: MIB,
        alertmanager_body: MIB,
        cloudevents_body: MIB,
        webhook_body: MIB,
        bodies_in_flight: MIB,
        ..Limits::default()
    };
    let world = World::limited(Limits { body_within: Duration::from_hours(1), ..limits }).await;
    // Takes all of the memory and stays.
    let mut large = with_header(delivery("d-1", PUSH), "Content-Length", None);
    let filling = stream::iter([Ok::<_, Infallible>(Bytes::from(vec![b' '; MIB]))]).chain(stream::pending());
    *large.body_mut() = Body::from_stream(filling);
    let mut stuck = Box::pin(world.send(large));
    assert!(futures::poll!(stuck.as_mut()).is_pending());
    world.send(delivery("d-2", PUSH)).await.assert_come_again("too many bodies");
    assert!(world.counts("signalbox_gateway_bodies_held_bytes 1048576"), "{}", world.metrics());
    // The sender of the large one hangs up.
    drop(stuck);
    assert_eq!(world.send(delivery("d-2", PUSH)).await.status, 202);
    assert!(world.counts(r#"signalbox_gateway_requests_total{answer="hung_up",source_kind="github"} 1"#));
}

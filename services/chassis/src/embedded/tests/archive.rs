//! All that an engine keeps, moved to another.

use super::damage::small;
use super::*;
use crate::archive::Archive as _;

async fn move_all(from: &Embedded, to: &Embedded) {
    let mut at = Position(1);
    loop {
        let page = from.messages(at, 7).await.unwrap();
        let Some(last) = page.last() else { break };
        at = Position(last.position.0 + 1);
        to.restore_messages(page).await.unwrap();
    }
    let mut after = None;
    loop {
        let page = from.ids(after.as_deref(), 7).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.hash.clone());
        to.restore_ids(page).await.unwrap();
    }
    for bucket in <Bucket as strum::IntoEnumIterator>::iter() {
        let mut after = None;
        loop {
            let page = from.state(bucket, after.as_deref(), 3).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            to.restore_state(page).await.unwrap();
        }
    }
    for cursor in from.cursors().await.unwrap() {
        to.restore_cursor(cursor).await.unwrap();
    }
    for name in from.blobs().await.unwrap() {
        to.put_blob(&from.get_blob(&name).await.unwrap().unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn everything_is_the_same_in_another_folder() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let from = Embedded::open_with(here.path(), Arc::new(SystemClock), small()).await.unwrap();
    let to = engine(there.path()).await;
    assert!(from.is_empty().await.unwrap());
    for id in 1..=40 {
        from.publish(&event(&id.to_string())).await.unwrap();
    }
    let body = vec![b'x'; crate::claim::EMBEDDED_INLINE_BYTES + 1];
    let large =
        Envelope::builder("large", "/tests", "t").body("application/octet-stream", body).build().unwrap();
    from.publish(&large).await.unwrap();
    from.redeliver("h", &event("7"), "token").await.unwrap();
    let mut deliveries = from.consume(spec()).await.unwrap();
    for position in 1..=6 {
        let delivery = deliveries.next().await.unwrap();
        if position != 4 {
            delivery.acker.settle(Settle::Ack).await.unwrap();
        }
    }
    for key in 0..5 {
        from.put(Bucket::Ledger, &format!("k{key}"), vec![key], Expect::Any, Some(Duration::from_hours(1)))
            .await
            .unwrap();
    }
    from.put(Bucket::Watch, "k", b"v".to_vec(), Expect::Any, None).await.unwrap();
    assert!(!from.is_empty().await.unwrap() && to.is_empty().await.unwrap());
    move_all(&from, &to).await;

    assert_eq!(to.messages(Position(1), 100).await.unwrap(), from.messages(Position(1), 100).await.unwrap());
    assert_eq!(to.ids(None, 100).await.unwrap(), from.ids(None, 100).await.unwrap());
    assert_eq!(to.cursors().await.unwrap(), from.cursors().await.unwrap());
    for bucket in [Bucket::Ledger, Bucket::Watch] {
        assert_eq!(to.state(bucket, None, 100).await.unwrap(), from.state(bucket, None, 100).await.unwrap());
    }
    assert_eq!(to.verify().await.unwrap(), from.verify().await.unwrap());
    // What was known is a duplicate, and the consumer goes on where it was.
    assert_eq!(to.publish(&event("3")).await.unwrap().position, Position(3));
    assert!(to.redeliver("h", &event("7"), "token").await.unwrap().duplicate);
    let mut deliveries = to.consume(spec()).await.unwrap();
    assert_eq!(deliveries.next().await.unwrap().position, Position(4));
    assert_eq!(deliveries.next().await.unwrap().position, Position(7));
}

#[tokio::test]
async fn places_with_gaps_are_kept_and_places_that_are_taken_are_refused() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) = (engine(here.path()).await, engine(there.path()).await);
    for id in 1..=3 {
        from.publish(&event(&id.to_string())).await.unwrap();
    }
    let mut records = from.messages(Position(1), 3).await.unwrap();
    for (record, place) in records.iter_mut().zip([100, 200, 1_000_000]) {
        record.position = Position(place);
    }
    to.restore_messages(records.clone()).await.unwrap();
    assert!(to.restore_messages(records).await.is_err(), "the places are taken");
    assert_eq!((to.first().await.unwrap(), to.last().await.unwrap()), (Position(100), Position(1_000_000)));
    close(to).await;
    let to = engine(there.path()).await;
    let read = to.read(Position(101), 10).await.unwrap();
    assert_eq!(read.iter().map(|of| of.position.0).collect::<Vec<_>>(), [200, 1_000_000]);
    let mut deliveries = to.consume(spec()).await.unwrap();
    for place in [100, 200, 1_000_000] {
        let delivery = deliveries.next().await.unwrap();
        assert_eq!(delivery.position, Position(place));
        delivery.acker.settle(Settle::Ack).await.unwrap();
    }
    assert_eq!(to.publish(&event("next")).await.unwrap().position, Position(1_000_001));
    assert_eq!(deliveries.next().await.unwrap().position, Position(1_000_001));
}

//! What is taken out of one server and put into another.

use std::time::Duration;

use chassis::archive::{Archive as _, RawRecord};
use chassis::bus::{Bus as _, Settle};
use chassis::{Bucket, Clock as _, Expect, Position, Store as _, SystemClock};

use super::{World, keyed};
use crate::conformance::{PATIENCE, id_of, next, spec};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_moved_with_its_times_and_redeliveries() -> anyhow::Result<()> {
    let (from, to) = (World::start().await?, World::start().await?);
    let (old, new) = (from.jetstream().await?, to.jetstream().await?);
    assert!(new.is_empty().await?);
    for id in ["1", "2", "3"] {
        old.publish(&keyed(id, "k")).await?;
    }
    old.redeliver("h", &keyed("1", "k"), "token").await?;
    let messages = old.messages(Position(1), 100).await?;
    assert_eq!(messages.len(), 4);
    let restored = new.restore_messages(messages.clone()).await?;
    assert_eq!(restored, [1, 2, 3, 4].map(Position));
    // The place is another one's; all else is the same.
    assert_eq!(new.messages(Position(1), 100).await?, messages);
    let recorded: Vec<_> = new.read(Position(1), 10).await?.iter().map(|read| read.recorded).collect();
    assert_eq!(recorded, messages[..3].iter().map(|message| message.recorded).collect::<Vec<_>>());
    assert_eq!(new.seek(messages[1].recorded).await?, Position(2));
    assert!(!new.is_empty().await?);
    // What came after the restoring is found by its own time.
    let now = SystemClock.now();
    let last = new.publish(&keyed("4", "k")).await?;
    assert_eq!(new.seek(now).await?, last.position);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_consumer_delivers_what_was_not_settled() -> anyhow::Result<()> {
    let (from, to) = (World::start().await?, World::start().await?);
    let (old, new) = (from.jetstream().await?, to.jetstream().await?);
    for id in ["1", "2", "3", "4"] {
        old.publish(&keyed(id, id)).await?;
    }
    let mut deliveries = old.consume(spec("h")).await?;
    for id in ["1", "2", "3"] {
        let delivery = next(&mut deliveries).await?;
        if id != "2" {
            delivery.acker.settle(Settle::Ack).await?;
        }
    }
    let cursors = tests::eventually(PATIENCE, "what is settled is written down", async || {
        let cursors = old.cursors().await?;
        anyhow::ensure!(cursors.iter().any(|cursor| !cursor.settled.is_empty()), "{cursors:?}");
        Ok(cursors)
    })
    .await?;
    assert_eq!((cursors[0].name.as_str(), cursors[0].floor), ("h", Position(1)));
    assert_eq!(cursors[0].settled, [Position(3)]);
    new.restore_messages(old.messages(Position(1), 100).await?).await?;
    for cursor in cursors.clone() {
        new.restore_cursor(cursor).await?;
    }
    assert_eq!(new.cursors().await?, cursors);
    let mut deliveries = new.consume(spec("h")).await?;
    for id in ["2", "4"] {
        assert_eq!(id_of(&next(&mut deliveries).await?), id);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_is_moved_with_what_is_left_of_its_time() -> anyhow::Result<()> {
    let (from, to) = (World::start().await?, World::start().await?);
    let (old, new) = (from.jetstream().await?, to.jetstream().await?);
    let hour = Some(Duration::from_hours(1));
    old.put(Bucket::Ledger, "for ever/ü", b"1".to_vec(), Expect::Any, None).await?;
    old.put(Bucket::Ledger, "for an hour", b"2".to_vec(), Expect::Any, hour).await?;
    old.put(Bucket::Ledger, "gone", b"3".to_vec(), Expect::Any, None).await?;
    old.delete(Bucket::Ledger, "gone", Expect::Any).await?;
    let mut entries = Vec::new();
    // In pages of one.
    while let page = old
        .state(
            Bucket::Ledger,
            entries.last().map(|entry: &chassis::archive::StateRecord| entry.key.as_str()),
            1,
        )
        .await?
        && !page.is_empty()
    {
        entries.extend(page);
    }
    let keys: Vec<_> = entries.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["for an hour", "for ever/ü"]);
    assert_eq!(entries[1].expires, None);
    new.restore_state(entries.clone()).await?;
    let restored = new.state(Bucket::Ledger, None, 10).await?;
    assert_eq!(restored[1], entries[1]);
    let (before, after) = (entries[0].expires.unwrap(), restored[0].expires.unwrap());
    assert!((before - after).abs() <= chrono::TimeDelta::seconds(2), "{before} and {after}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_ids_are_known_at_once() -> anyhow::Result<()> {
    let (from, to) = (World::start().await?, World::start().await?);
    let old = from.jetstream().await?;
    old.publish(&keyed("1", "k")).await?;
    // A second process reads the first one's event into the index as it begins.
    let reader = from.jetstream().await?;
    let ids = tests::eventually(PATIENCE, "the index has it", async || {
        let ids = reader.ids(None, 10).await?;
        anyhow::ensure!(ids.len() == 1, "{ids:?}");
        Ok(ids)
    })
    .await?;
    let new = to.jetstream().await?;
    new.publish(&keyed("other", "k")).await?;
    new.restore_ids(ids).await?;
    assert!(new.publish(&keyed("1", "k")).await?.duplicate);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_names_what_is_missing_and_what_is_no_event() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bus = world.jetstream().await?;
    for id in ["1", "2", "3"] {
        bus.publish(&keyed(id, "k")).await?;
    }
    let body =
        events::Envelope::builder("4", "/s", "t").body("text/plain", vec![b'x'; 300 * 1024]).build()?;
    bus.publish(&body).await?;
    let whole = bus.verify().await?;
    assert_eq!((whole.messages, whole.blobs, whole.damage.as_slice()), (4, 1, [].as_slice()));
    let log = world.log().await?;
    log.delete_message(2).await?;
    world.raw.publish("signalbox.events.t", "no event".into()).await?.await?;
    let blobs = world.raw.get_object_store("SIGNALBOX_blobs").await?;
    let name = bus.blobs().await?.remove(0);
    blobs.delete(name.strip_prefix("sha256:").unwrap()).await?;
    let damaged = bus.verify().await?;
    assert_eq!(damaged.messages, 3);
    let [gap, noise, body] = damaged.damage.as_slice() else { panic!("{:?}", damaged.damage) };
    assert_eq!(gap, "log: position 2 is missing");
    assert!(noise.starts_with("log: position 5 is no event"), "{noise}");
    assert!(body.contains(&name), "{body}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_damaged_is_not_restored() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bus = world.jetstream().await?;
    let damage = chassis::archive::Damage { reason: "its checksum is wrong".to_owned(), bytes: vec![1] };
    let record = RawRecord { position: Position(7), recorded: SystemClock.now(), message: Err(damage) };
    let refused = format!("{:#}", anyhow::Error::new(bus.restore_messages(vec![record]).await.unwrap_err()));
    assert!(refused.contains("position 7 is damaged: its checksum is wrong"), "{refused}");
    Ok(())
}

//! Somebody deletes what Signalbox keeps on the server, under a running process.

use async_nats::jetstream::stream;
use chassis::bus::{Bus as _, Settle};
use chassis::lease::Leases;
use chassis::{Bucket, Engine, Expect, StoreError};
use futures::StreamExt as _;

use super::{World, ids, keyed, next_in_spite_of_errors};
use crate::conformance::{PATIENCE, id_of, next, spec};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_consumer_goes_on_where_it_stood() -> anyhow::Result<()> {
    let world = World::start().await?;
    let process = world.process().await?;
    let mut deliveries = process.bus.consume(spec("h")).await?;
    for id in ["1", "2", "3"] {
        process.bus.publish(&keyed(id, id)).await?;
    }
    let three = [next(&mut deliveries).await?, next(&mut deliveries).await?, next(&mut deliveries).await?];
    three[0].acker.settle(Settle::Ack).await?;
    three[2].acker.settle(Settle::Ack).await?;
    world.log().await?.delete_consumer("h").await?;
    process.bus.publish(&keyed("4", "4")).await?;
    // Neither from the beginning, nor from the end.
    for id in ["2", "4"] {
        let delivery = next_in_spite_of_errors(&mut deliveries).await?;
        assert_eq!(id_of(&delivery), id);
        delivery.acker.settle(Settle::Ack).await?;
    }
    tests::eventually(PATIENCE, "all is settled", async || {
        let info = world.consumer("h").await?;
        anyhow::ensure!((info.num_pending, info.num_ack_pending) == (0, 0), "{info:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_is_deleted_while_nobody_runs_goes_on_where_it_stood() -> anyhow::Result<()> {
    let world = World::start().await?;
    let process = world.process().await?;
    let mut deliveries = process.bus.consume(spec("h")).await?;
    for id in ["1", "2"] {
        process.bus.publish(&keyed(id, "k")).await?;
        next(&mut deliveries).await?.acker.settle(Settle::Ack).await?;
    }
    let places = world.raw.get_key_value("SIGNALBOX_places").await?;
    tests::eventually(PATIENCE, "its place is written down", async || {
        let place = places.get("c.h").await?.unwrap_or_default();
        let place: serde_json::Value = serde_json::from_slice(&place)?;
        anyhow::ensure!(place["floor"] == 2, "it is {place}");
        Ok(())
    })
    .await?;
    drop((deliveries, process));
    world.log().await?.delete_consumer("h").await?;
    let process = world.process().await?;
    process.bus.publish(&keyed("3", "k")).await?;
    let mut deliveries = process.bus.consume(spec("h")).await?;
    assert_eq!(id_of(&next(&mut deliveries).await?), "3");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_log_is_made_anew_and_everything_goes_on() -> anyhow::Result<()> {
    let world = World::start().await?;
    let process = world.process().await?;
    let mut deliveries = process.bus.consume(spec("h")).await?;
    for id in ["1", "2"] {
        process.bus.publish(&keyed(id, "k")).await?;
        next(&mut deliveries).await?.acker.settle(Settle::Ack).await?;
    }
    world.raw.delete_stream("SIGNALBOX").await?;
    tests::eventually(PATIENCE, "it takes events again", async || {
        process.bus.publish(&keyed("3", "k")).await.map_err(anyhow::Error::new)
    })
    .await?;
    let delivery = next_in_spite_of_errors(&mut deliveries).await?;
    assert_eq!(id_of(&delivery), "3");
    delivery.acker.settle(Settle::Ack).await?;
    assert_eq!(ids(&*process.bus).await?, ["3"]);
    // The ids of the log that is gone are still known for as long as the index has them; those of this one are.
    assert!(process.bus.publish(&keyed("3", "k")).await?.duplicate);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_bucket_is_made_anew() -> anyhow::Result<()> {
    let world = World::start().await?;
    let process = world.process().await?;
    process.store.put(Bucket::Ledger, "a", b"1".to_vec(), Expect::Any, None).await?;
    world.raw.delete_key_value("SIGNALBOX_ledger").await?;
    tests::eventually(PATIENCE, "it takes entries again", async || {
        let put = process.store.put(Bucket::Ledger, "b", b"2".to_vec(), Expect::Any, None).await;
        put.map_err(anyhow::Error::new)
    })
    .await?;
    assert_eq!(process.store.get(Bucket::Ledger, "a").await?, None);
    assert!(process.store.get(Bucket::Ledger, "b").await?.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_holder_does_not_pass_for_a_newer_one_when_the_leases_were_deleted() -> anyhow::Result<()> {
    let world = World::start().await?;
    let process = world.process().await?;
    let leases = Leases::new(process.store.clone(), "one");
    // Revisions of the bucket that will be gone.
    for _ in 0..20 {
        process.store.put(Bucket::Lease, "other", b"x".to_vec(), Expect::Any, None).await?;
    }
    let old = leases.acquire("x").await?.expect("nobody has it").fence().token();
    assert!(old > 20, "{old}");
    world.raw.delete_key_value("SIGNALBOX_lease").await?;
    let other = Leases::new(process.store.clone(), "two");
    let new = tests::eventually(PATIENCE, "there are leases again", async || {
        other.acquire("x").await?.ok_or_else(|| anyhow::anyhow!("somebody has it"))
    })
    .await?;
    assert!(new.fence().token() > old, "{} after {old}", new.fence().token());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_marks_of_deleted_keys_go_by_themselves() -> anyhow::Result<()> {
    const KEYS: usize = 20;
    let world = World::start().await?;
    let name = "KV_SIGNALBOX_ledger";
    drop(world.process().await?);
    let config = world.raw.get_stream(name).await?.cached_info().config.clone();
    let short = Some(std::time::Duration::from_secs(1));
    world.raw.update_stream(stream::Config { subject_delete_marker_ttl: short, ..config }).await?;
    let process = world.process().await?;
    let store = &process.store;
    for key in 0..KEYS {
        store.put(Bucket::Ledger, &key.to_string(), b"1".to_vec(), Expect::Absent, None).await?;
        store.delete(Bucket::Ledger, &key.to_string(), Expect::Any).await?;
    }
    store.put(Bucket::Ledger, "stays", b"1".to_vec(), Expect::Absent, None).await?;
    let bucket = world.raw.get_stream(name).await?;
    let marks = bucket.get_info().await?.state.messages;
    assert!(marks > KEYS as u64 / 2, "each leaves a mark for a while: {marks}");
    // While they go, a key that is made again is nobody else's.
    let again = tests::eventually(PATIENCE, "the marks are gone", async || {
        let messages = bucket.get_info().await?.state.messages;
        let revision = store.put(Bucket::Ledger, "0", b"2".to_vec(), Expect::Absent, None).await?;
        store.delete(Bucket::Ledger, "0", Expect::Revision(revision)).await?;
        anyhow::ensure!(messages <= 2, "there are {messages}");
        Ok(store.put(Bucket::Ledger, "1", b"2".to_vec(), Expect::Absent, None).await?)
    })
    .await?;
    let entry = store.get(Bucket::Ledger, "1").await?;
    assert_eq!(entry.map(|entry| (entry.value, entry.revision)), Some((b"2".to_vec(), again)));
    let stale = store.put(Bucket::Ledger, "1", b"3".to_vec(), Expect::Absent, None).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_with_what_has_changed_when_its_bucket_is_made_anew() -> anyhow::Result<()> {
    let world = World::start().await?;
    let process = world.process().await?;
    let put =
        async |key: &str| process.store.put(Bucket::Ledger, key, b"1".to_vec(), Expect::Any, None).await;
    put("w/old").await?;
    put("other").await?;
    let mut changes = process.store.watch(Bucket::Ledger, "w/").await?;
    put("w/new").await?;
    let mut heard = async || -> anyhow::Result<(String, bool)> {
        let change = tokio::time::timeout(PATIENCE, changes.next()).await?;
        let change = change.ok_or_else(|| anyhow::anyhow!("the watch has ended"))?;
        Ok((change.key, change.entry.is_some()))
    };
    assert_eq!(heard().await?, ("w/new".to_owned(), true));
    world.raw.delete_key_value("SIGNALBOX_ledger").await?;
    // Nobody else uses it: the watch itself finds out, and has it made anew.
    for key in ["w/new", "w/old"] {
        assert_eq!(heard().await?, (key.to_owned(), false));
    }
    for key in ["w/new", "w/newest"] {
        put(key).await?;
        assert_eq!(heard().await?, (key.to_owned(), true));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_tells_what_was_written_at_the_same_places_of_a_bucket_that_is_made_anew()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let process = world.process().await?;
    let put = async |process: &Engine, key: &str, value: &[u8]| {
        process.store.put(Bucket::Ledger, key, value.to_vec(), Expect::Any, None).await
    };
    let before = put(&process, "again", b"before").await?;
    put(&process, "gone", b"before").await?;
    let mut changes = process.store.watch(Bucket::Ledger, "").await?;
    world.raw.delete_key_value("SIGNALBOX_ledger").await?;
    // Another process makes it anew, and writes before the watch looks.
    let other = world.process().await?;
    assert_eq!(put(&other, "again", b"after").await?, before, "the new bucket counts from the beginning");
    let mut gone = false;
    loop {
        let change = tokio::time::timeout(PATIENCE, changes.next()).await?;
        let change = change.ok_or_else(|| anyhow::anyhow!("the watch has ended"))?;
        gone |= change.key == "gone" && change.entry.is_none();
        if change.entry.is_some_and(|entry| entry.value == b"after") {
            assert_eq!(change.key, "again");
            break;
        }
    }
    assert!(gone, "what is not in the new bucket is told first");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_with_what_has_changed_while_the_server_was_away() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let process = world.process().await?;
    process.store.put(Bucket::Ledger, "gone", b"1".to_vec(), Expect::Any, None).await?;
    let mut changes = process.store.watch(Bucket::Ledger, "").await?;
    world.nats.kill9()?;
    world.nats.resume().await?;
    let other = world.process().await?;
    other.store.delete(Bucket::Ledger, "gone", Expect::Any).await?;
    other.store.put(Bucket::Ledger, "new", b"2".to_vec(), Expect::Any, None).await?;
    for (key, there) in [("gone", false), ("new", true)] {
        let change = tokio::time::timeout(PATIENCE, changes.next()).await?;
        assert_eq!(change.map(|change| (change.key, change.entry.is_some())), Some((key.to_owned(), there)));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_index_is_made_again_from_the_log() -> anyhow::Result<()> {
    let world = World::start().await?;
    let [process] = world.with_window(std::time::Duration::from_secs(3)).await?;
    process.publish(&keyed("1", "k")).await?;
    world.window_is_over().await?;
    world.raw.delete_key_value("SIGNALBOX_event-ids").await?;
    // Whether it notices before or is asked first: it never takes the event for a new one.
    let again = tests::eventually(PATIENCE, "it answers", async || {
        process.publish(&keyed("1", "k")).await.map_err(anyhow::Error::new)
    })
    .await?;
    assert!(again.duplicate);
    assert_eq!(ids(&process).await?, ["1"]);
    let fresh = world.jetstream().await?;
    assert!(fresh.publish(&keyed("1", "k")).await?.duplicate);
    Ok(())
}

//! The state: compare-and-set, expiry, scan, watch.

use std::time::Duration;

use chassis::store::Change;
use chassis::{Bucket, Entry, Expect, StoreError};
use futures::StreamExt as _;

use super::{Fixture, PATIENCE, on_both_engines};

on_both_engines!(
    a_value_is_there_until_it_is_deleted,
    an_absent_key_can_be_made_once,
    a_revision_can_be_replaced_once,
    a_key_can_be_made_again_after_it_was_deleted,
    a_revision_of_an_earlier_life_does_not_fit,
    a_key_expires,
    a_key_that_is_made_again_after_it_expired_expires_again,
    a_write_without_expiry_takes_an_earlier_expiry_away,
    a_scan_finds_the_keys_of_a_prefix_in_order,
    any_key_is_kept_apart,
    buckets_are_kept_apart,
    a_watch_tells_of_changes,
);

const B: Bucket = Bucket::Lease;

async fn value(on: &Fixture, key: &str) -> anyhow::Result<Option<Vec<u8>>> {
    Ok(on.engine.store.get(B, key).await?.map(|entry| entry.value))
}

async fn gone(on: &Fixture, key: &str) -> anyhow::Result<()> {
    tests::eventually(PATIENCE, "the key has expired", async || match on.engine.store.get(B, key).await? {
        None => Ok(()),
        Some(entry) => anyhow::bail!("still there: {entry:?}"),
    })
    .await
}

async fn a_value_is_there_until_it_is_deleted(on: Fixture) -> anyhow::Result<()> {
    let store = &on.engine.store;
    assert_eq!(value(&on, "k").await?, None);
    let revision = store.put(B, "k", b"v".to_vec(), Expect::Any, None).await?;
    assert_eq!(store.get(B, "k").await?, Some(Entry { value: b"v".to_vec(), revision }));
    store.delete(B, "k", Expect::Any).await?;
    assert_eq!(value(&on, "k").await?, None);
    store.delete(B, "k", Expect::Any).await?;
    Ok(())
}

async fn an_absent_key_can_be_made_once(on: Fixture) -> anyhow::Result<()> {
    let store = &on.engine.store;
    let (a, b) = tokio::join!(
        store.put(B, "k", b"a".to_vec(), Expect::Absent, None),
        store.put(B, "k", b"b".to_vec(), Expect::Absent, None)
    );
    let winner = match (a, b) {
        (Ok(_), Err(StoreError::Conflict)) => b"a",
        (Err(StoreError::Conflict), Ok(_)) => b"b",
        other => panic!("{other:?}"),
    };
    assert_eq!(value(&on, "k").await?.as_deref(), Some(&winner[..]));
    Ok(())
}

async fn a_revision_can_be_replaced_once(on: Fixture) -> anyhow::Result<()> {
    let store = &on.engine.store;
    let first = store.put(B, "k", b"1".to_vec(), Expect::Any, None).await?;
    let second = store.put(B, "k", b"2".to_vec(), Expect::Revision(first), None).await?;
    assert!(second > first);
    let stale = store.put(B, "k", b"3".to_vec(), Expect::Revision(first), None).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    let stale = store.delete(B, "k", Expect::Revision(first)).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    assert_eq!(value(&on, "k").await?.as_deref(), Some(&b"2"[..]));
    store.delete(B, "k", Expect::Revision(second)).await?;
    assert_eq!(value(&on, "k").await?, None);
    Ok(())
}

async fn a_key_can_be_made_again_after_it_was_deleted(on: Fixture) -> anyhow::Result<()> {
    let store = &on.engine.store;
    store.put(B, "k", b"1".to_vec(), Expect::Absent, None).await?;
    store.delete(B, "k", Expect::Any).await?;
    store.put(B, "k", b"2".to_vec(), Expect::Absent, None).await?;
    assert_eq!(value(&on, "k").await?.as_deref(), Some(&b"2"[..]));
    Ok(())
}

async fn a_revision_of_an_earlier_life_does_not_fit(on: Fixture) -> anyhow::Result<()> {
    let store = &on.engine.store;
    let old = store.put(B, "k", b"1".to_vec(), Expect::Absent, None).await?;
    store.delete(B, "k", Expect::Any).await?;
    store.put(B, "k", b"2".to_vec(), Expect::Absent, None).await?;
    let stale = store.put(B, "k", b"3".to_vec(), Expect::Revision(old), None).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    Ok(())
}

async fn a_key_expires(on: Fixture) -> anyhow::Result<()> {
    let ttl = Some(Duration::from_secs(1));
    on.engine.store.put(B, "k", b"v".to_vec(), Expect::Any, ttl).await?;
    assert_eq!(value(&on, "k").await?.as_deref(), Some(&b"v"[..]));
    gone(&on, "k").await
}

async fn a_key_that_is_made_again_after_it_expired_expires_again(on: Fixture) -> anyhow::Result<()> {
    let ttl = Some(Duration::from_secs(1));
    for round in 0..2 {
        on.engine.store.put(B, "k", vec![round], Expect::Absent, ttl).await?;
        gone(&on, "k").await?;
    }
    Ok(())
}

async fn a_write_without_expiry_takes_an_earlier_expiry_away(on: Fixture) -> anyhow::Result<()> {
    let ttl = Some(Duration::from_secs(1));
    let store = &on.engine.store;
    store.put(B, "stays", b"1".to_vec(), Expect::Any, ttl).await?;
    store.put(B, "stays", b"2".to_vec(), Expect::Any, None).await?;
    store.put(B, "goes", b"1".to_vec(), Expect::Any, ttl).await?;
    gone(&on, "goes").await?;
    assert_eq!(value(&on, "stays").await?.as_deref(), Some(&b"2"[..]));
    Ok(())
}

async fn a_scan_finds_the_keys_of_a_prefix_in_order(on: Fixture) -> anyhow::Result<()> {
    let store = &on.engine.store;
    for key in ["a/2", "b/1", "a/1", "a.1", "a/3"] {
        store.put(B, key, key.as_bytes().to_vec(), Expect::Any, None).await?;
    }
    store.delete(B, "a/3", Expect::Any).await?;
    let found = store.scan(B, "a/").await?;
    let found: Vec<_> = found.iter().map(|(key, entry)| (key.as_str(), entry.value.as_slice())).collect();
    assert_eq!(found, [("a/1", &b"a/1"[..]), ("a/2", &b"a/2"[..])]);
    assert_eq!(store.scan(B, "").await?.len(), 4);
    Ok(())
}

async fn any_key_is_kept_apart(on: Fixture) -> anyhow::Result<()> {
    let keys = ["a b", "a=20b", "a.b", "ä", "*", ">", "a/b", "A/B", "..", "/"];
    for key in keys {
        on.engine.store.put(B, key, key.as_bytes().to_vec(), Expect::Absent, None).await?;
    }
    for key in keys {
        assert_eq!(value(&on, key).await?.as_deref(), Some(key.as_bytes()), "{key}");
    }
    Ok(())
}

async fn buckets_are_kept_apart(on: Fixture) -> anyhow::Result<()> {
    on.engine.store.put(Bucket::Watch, "k", b"v".to_vec(), Expect::Any, None).await?;
    assert_eq!(value(&on, "k").await?, None);
    Ok(())
}

async fn a_watch_tells_of_changes(on: Fixture) -> anyhow::Result<()> {
    let store = &on.engine.store;
    store.put(B, "w/old", b"0".to_vec(), Expect::Any, None).await?;
    let mut changes = store.watch(B, "w/").await?;
    store.put(B, "other", b"1".to_vec(), Expect::Any, None).await?;
    let revision = store.put(B, "w/new", b"1".to_vec(), Expect::Any, None).await?;
    store.delete(B, "w/new", Expect::Any).await?;
    let mut heard = Vec::new();
    for _ in 0..2 {
        heard.extend(tokio::time::timeout(PATIENCE, changes.next()).await?);
    }
    let key = "w/new".to_owned();
    let entry = Entry { value: b"1".to_vec(), revision };
    assert_eq!(heard, [Change { key: key.clone(), entry: Some(entry) }, Change { key, entry: None }]);
    Ok(())
}

//! Publishing and reading back.

use std::collections::BTreeSet;

use chassis::{Clock as _, Position, PublishError, SystemClock};
use chrono::TimeDelta;
use events::Envelope;

use super::{Fixture, event, on_both_engines};

on_both_engines!(
    what_is_published_can_be_read,
    the_same_event_is_stored_once,
    the_same_id_of_another_source_is_another_event,
    the_log_is_read_in_pages_and_in_order,
    many_publishers_at_once_lose_nothing,
    a_change_of_the_log_wakes_the_reader,
    a_body_beyond_the_limit_is_refused,
    a_batch_is_stored_in_its_order,
    a_batch_says_of_each_event_whether_it_was_there,
    one_event_of_a_batch_that_is_refused_does_not_hurt_the_others,
    a_time_is_found_in_the_log,
    an_empty_log_begins_at_one,
);

async fn what_is_published_can_be_read(on: Fixture) -> anyhow::Result<()> {
    let sent = event("1");
    let published = on.engine.bus.publish(&sent).await?;
    assert!(!published.duplicate);
    let page = on.engine.bus.read(Position(1), 10).await?;
    assert_eq!(page.len(), 1);
    assert_eq!(page[0].position, published.position);
    assert_eq!(page[0].event.as_ref(), Ok(&sent));
    Ok(())
}

async fn the_same_event_is_stored_once(on: Fixture) -> anyhow::Result<()> {
    let first = on.engine.bus.publish(&event("1")).await?;
    let second = on.engine.bus.publish(&event("1")).await?;
    assert!(second.duplicate);
    assert_eq!(first.position, second.position);
    assert_eq!(on.engine.bus.read(Position(1), 10).await?.len(), 1);
    Ok(())
}

async fn the_same_id_of_another_source_is_another_event(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&event("1")).await?;
    let other = Envelope::builder("1", "/elsewhere", "t.plain").build()?;
    assert!(!on.engine.bus.publish(&other).await?.duplicate);
    assert_eq!(on.engine.bus.read(Position(1), 10).await?.len(), 2);
    Ok(())
}

async fn the_log_is_read_in_pages_and_in_order(on: Fixture) -> anyhow::Result<()> {
    for id in 0..25 {
        on.engine.bus.publish(&event(&id.to_string())).await?;
    }
    let (mut ids, mut from) = (Vec::new(), Position(1));
    loop {
        let page = on.engine.bus.read(from, 10).await?;
        assert!(page.len() <= 10);
        let Some(last) = page.last() else { break };
        from = Position(last.position.0 + 1);
        ids.extend(
            page.iter().flat_map(|recorded| recorded.event.as_ref().map(|event| event.id().to_owned())),
        );
    }
    assert_eq!(ids, (0..25).map(|id| id.to_string()).collect::<Vec<_>>());
    assert_eq!(on.engine.bus.last().await?.0 + 1, from.0);
    Ok(())
}

async fn many_publishers_at_once_lose_nothing(on: Fixture) -> anyhow::Result<()> {
    let mut publishers = tokio::task::JoinSet::new();
    for publisher in 0..16 {
        let bus = on.engine.bus.clone();
        publishers.spawn(async move {
            for id in 0..20 {
                bus.publish(&event(&format!("{publisher}-{id}"))).await?;
            }
            Ok::<_, PublishError>(())
        });
    }
    while let Some(publisher) = publishers.join_next().await {
        publisher??;
    }
    let page = on.engine.bus.read(Position(1), 1000).await?;
    let ids: BTreeSet<_> =
        page.iter().flat_map(|recorded| recorded.event.as_ref().map(Envelope::id)).collect();
    assert_eq!((page.len(), ids.len()), (320, 320));
    Ok(())
}

async fn a_change_of_the_log_wakes_the_reader(on: Fixture) -> anyhow::Result<()> {
    let bus = on.engine.bus.clone();
    on.engine.bus.publish(&event("before")).await?;
    let last = bus.last().await?;
    let waiting = tokio::spawn({
        let bus = bus.clone();
        async move {
            // Spurious returns are allowed.
            while bus.read(Position(last.0 + 1), 1).await?.is_empty() {
                bus.changed(last).await?;
            }
            Ok::<_, chassis::BusError>(())
        }
    });
    on.engine.bus.publish(&event("after")).await?;
    tokio::time::timeout(super::PATIENCE, waiting).await???;
    Ok(())
}

async fn a_body_beyond_the_limit_is_refused(on: Fixture) -> anyhow::Result<()> {
    let huge =
        Envelope::builder("1", "/s", "t").body("application/octet-stream", vec![0; 25 * 1024 * 1024 + 1]);
    match on.engine.bus.publish(&huge.build()?).await {
        Err(PublishError::TooLarge { bytes, limit }) => assert_eq!((bytes, limit), (26_214_401, 26_214_400)),
        other => panic!("{other:?}"),
    }
    assert_eq!(on.engine.bus.last().await?, Position(0));
    Ok(())
}

async fn a_batch_is_stored_in_its_order(on: Fixture) -> anyhow::Result<()> {
    // More than are under way at once.
    let batch: Vec<Envelope> = (0..3000).map(|id| event(&id.to_string())).collect();
    let published: Vec<_> = on.engine.bus.publish_all(&batch).await.into_iter().collect::<Result<_, _>>()?;
    assert!(published.iter().all(|published| !published.duplicate));
    assert!(published.is_sorted_by(|before, after| before.position < after.position));
    let page = on.engine.bus.read(Position(1), 10_000).await?;
    let ids: Vec<_> =
        page.iter().flat_map(|recorded| recorded.event.as_ref().map(|event| event.id().to_owned())).collect();
    assert_eq!(ids, (0..3000).map(|id| id.to_string()).collect::<Vec<_>>());
    Ok(())
}

async fn a_batch_says_of_each_event_whether_it_was_there(on: Fixture) -> anyhow::Result<()> {
    let before = on.engine.bus.publish(&event("2")).await?;
    let batch = ["1", "2", "3", "1"].map(event);
    let published: Vec<_> = on.engine.bus.publish_all(&batch).await.into_iter().collect::<Result<_, _>>()?;
    let duplicate: Vec<_> = published.iter().map(|published| published.duplicate).collect();
    assert_eq!(duplicate, [false, true, false, true]);
    assert_eq!((published[1].position, published[3].position), (before.position, published[0].position));
    assert_eq!(on.engine.bus.publish_all(&[]).await.len(), 0);
    Ok(())
}

async fn one_event_of_a_batch_that_is_refused_does_not_hurt_the_others(on: Fixture) -> anyhow::Result<()> {
    let huge =
        Envelope::builder("2", "/s", "t").body("application/octet-stream", vec![0; 25 * 1024 * 1024 + 1]);
    let published = on.engine.bus.publish_all(&[event("1"), huge.build()?, event("3")]).await;
    let [first, second, third] = published.as_slice() else { panic!("{published:?}") };
    assert!(first.is_ok() && third.is_ok(), "{published:?}");
    assert!(matches!(second, Err(PublishError::TooLarge { .. })), "{second:?}");
    Ok(())
}

async fn a_time_is_found_in_the_log(on: Fixture) -> anyhow::Result<()> {
    let bus = &on.engine.bus;
    let before = SystemClock.now();
    let mut positions = Vec::new();
    for id in 0..20 {
        positions.push(bus.publish(&event(&id.to_string())).await?.position);
    }
    assert_eq!(bus.seek(before - TimeDelta::days(1)).await?, positions[0]);
    assert_eq!(bus.seek(before + TimeDelta::days(1)).await?, Position(bus.last().await?.0 + 1));
    for recorded in bus.read(Position(1), 100).await? {
        // More than one may have been recorded in that moment; the first of them is found.
        let found = bus.read(bus.seek(recorded.recorded).await?, 1).await?;
        assert_eq!(found[0].recorded, recorded.recorded);
        assert!(found[0].position <= recorded.position);
    }
    assert_eq!(bus.first().await?, positions[0]);
    Ok(())
}

async fn an_empty_log_begins_at_one(on: Fixture) -> anyhow::Result<()> {
    let bus = &on.engine.bus;
    assert_eq!((bus.first().await?, bus.last().await?), (Position(1), Position(0)));
    assert_eq!(bus.seek(SystemClock.now()).await?, Position(1));
    Ok(())
}

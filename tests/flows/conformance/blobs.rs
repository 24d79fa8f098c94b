//! Large bodies.

use chassis::Position;
use chassis::bus::Settle;
use events::{Envelope, extension};

use super::{Fixture, next, on_both_engines, spec};

on_both_engines!(a_large_body_comes_back_whole, the_same_bytes_have_the_same_name, an_unknown_body_is_none,);

fn large(id: &str, bytes: usize) -> anyhow::Result<Envelope> {
    let body: Vec<u8> = (0..bytes).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect();
    Ok(Envelope::builder(id, "/tests", "t.large").body("application/octet-stream", body).build()?)
}

async fn a_large_body_comes_back_whole(on: Fixture) -> anyhow::Result<()> {
    let sent = large("1", 3 * 1024 * 1024)?;
    on.engine.bus.publish(&sent).await?;
    assert!(on.engine.bus.publish(&sent).await?.duplicate);
    let read = on.engine.bus.read(Position(1), 10).await?;
    let read = read[0].event.as_ref().expect("it can be decoded").clone();
    assert_eq!(chassis::claim::check_out(&*on.engine.store, read).await?, sent);
    let mut deliveries = on.engine.bus.consume(spec("h")).await?;
    let delivery = next(&mut deliveries).await?;
    // It is delivered light, so that what waits holds no large bodies; the runner fetches the body.
    let light = delivery.event.as_ref().expect("it can be decoded").clone();
    assert_eq!((light.body().len(), light.extension(extension::DATAREF).is_some()), (0, true));
    let event = chassis::claim::check_out(&*on.engine.store, light).await?;
    assert_eq!(event, sent);
    assert_eq!(event.extension(extension::DATAREF), None);
    delivery.acker.settle(Settle::Ack).await?;
    Ok(())
}

async fn the_same_bytes_have_the_same_name(on: Fixture) -> anyhow::Result<()> {
    let store = &on.engine.store;
    let name = store.put_blob(b"bytes").await?;
    assert_eq!(store.put_blob(b"bytes").await?, name);
    assert_ne!(store.put_blob(b"other").await?, name);
    assert_eq!(store.get_blob(&name).await?.as_deref(), Some(&b"bytes"[..]));
    Ok(())
}

async fn an_unknown_body_is_none(on: Fixture) -> anyhow::Result<()> {
    let name = format!("sha256:{}", "0".repeat(64));
    assert_eq!(on.engine.store.get_blob(&name).await?, None);
    assert!(on.engine.store.get_blob("../../etc/passwd").await.is_err());
    Ok(())
}

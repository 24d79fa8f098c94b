//! A handler that is edited hears other types and goes on where it stood: what it heard before and hears still, it gets
//! once and in order, whatever came while it was away. A type that it begins to hear counts from then on; of what came
//! before, an engine may have passed over some.

use anyhow::Context as _;
use chassis::Deliveries;
use chassis::bus::Settle;

use super::{Fixture, id_of, next, nothing_more, on_both_engines, spec, typed};

on_both_engines!(a_handler_that_hears_more_or_less_after_an_edit_gets_its_backlog_once);

/// Events `a1`, `b2`, … have the types `t.a`, `t.b`, ….
fn ty(id: &str) -> String {
    format!("t.{}", &id[..1])
}

async fn publish(fixture: &Fixture, ids: &[&str]) -> anyhow::Result<()> {
    for id in ids {
        fixture.engine.bus.publish(&typed(id, &ty(id))).await?;
    }
    Ok(())
}

/// Takes deliveries until `wanted` have come, in this order and once, and passes over `others`.
async fn take(
    deliveries: &mut Box<dyn Deliveries>,
    hears: &[&str],
    wanted: &[&str],
    others: &[&str],
) -> anyhow::Result<()> {
    let mut got = Vec::new();
    while got.len() < wanted.len() {
        let delivery = next(deliveries).await;
        let delivery = delivery.with_context(|| format!("after {got:?} of {wanted:?}"))?;
        let id = id_of(&delivery);
        // An engine may deliver more than what is heard; the runner passes over that.
        if hears.contains(&ty(&id).as_str()) && !others.contains(&id.as_str()) {
            got.push(id);
        }
        delivery.acker.settle(Settle::Ack).await?;
    }
    assert_eq!(got, wanted, "{hears:?}");
    Ok(())
}

/// The program starts again with a handler that hears these types.
async fn life(
    fixture: Fixture,
    hears: &[&str],
    backlog: &[&str],
    passed: &[&str],
    fresh: &[&str],
) -> anyhow::Result<Fixture> {
    let fixture = fixture.reopened().await?;
    let types = hears.iter().map(|&ty| ty.to_owned()).collect();
    let spec = chassis::ConsumerSpec { types, ..spec("edited") };
    let mut deliveries = fixture.engine.bus.consume(spec).await?;
    take(&mut deliveries, hears, backlog, passed).await?;
    publish(&fixture, fresh).await?;
    take(&mut deliveries, hears, fresh, passed).await?;
    nothing_more(&mut deliveries).await?;
    drop(deliveries);
    fixture.reopened().await
}

async fn a_handler_that_hears_more_or_less_after_an_edit_gets_its_backlog_once(
    fixture: Fixture,
) -> anyhow::Result<()> {
    publish(&fixture, &["a1", "b1"]).await?;
    let fixture = life(fixture, &["t.a"], &["a1"], &[], &["a2"]).await?;
    publish(&fixture, &["a3", "b3", "a4", "b4"]).await?;
    let fixture = life(fixture, &["t.a", "t.b"], &["a3", "a4"], &["b1", "b3", "b4"], &["b5", "a5"]).await?;
    publish(&fixture, &["a6", "b6", "c6", "b7"]).await?;
    let fixture = life(fixture, &["t.b", "t.c"], &["b6", "b7"], &["c6"], &["c8", "b8"]).await?;
    publish(&fixture, &["a9", "c9"]).await?;
    life(fixture, &["t.a", "t.c"], &["c9"], &["a9"], &["a10"]).await?;
    Ok(())
}

//! A handler that is edited hears other types and goes on where it stood.

use anyhow::Context as _;
use chassis::bus::Settle;

use super::{Fixture, id_of, next, nothing_more, on_both_engines, spec, typed};

on_both_engines!(a_handler_that_hears_more_or_less_after_an_edit_gets_its_backlog_once);

/// Events `a1`, `b2`, … have the types `t.a`, `t.b`, ….
fn ty(id: &str) -> String {
    format!("t.{}", &id[..1])
}

/// The program starts with a handler that hears `types`, handles its backlog, and ends.
async fn life(
    fixture: Fixture,
    published: &[&str],
    types: &[&str],
    wanted: &[&str],
) -> anyhow::Result<Fixture> {
    for id in published {
        fixture.engine.bus.publish(&typed(id, &ty(id))).await?;
    }
    let fixture = fixture.reopened().await?;
    let owned = types.iter().map(|&ty| ty.to_owned()).collect();
    let spec = chassis::ConsumerSpec { types: owned, ..spec("edited") };
    let mut deliveries = fixture.engine.bus.consume(spec).await?;
    let mut got = Vec::new();
    while got.len() < wanted.len() {
        let delivery = next(&mut deliveries).await;
        let delivery = delivery.with_context(|| format!("after {got:?} of {wanted:?}"))?;
        let id = id_of(&delivery);
        // An engine may deliver more than what is heard; the runner passes over that.
        if types.contains(&ty(&id).as_str()) {
            got.push(id);
        }
        delivery.acker.settle(Settle::Ack).await?;
    }
    assert_eq!(got, wanted, "{types:?}");
    nothing_more(&mut deliveries).await?;
    drop(deliveries);
    fixture.reopened().await
}

async fn a_handler_that_hears_more_or_less_after_an_edit_gets_its_backlog_once(
    fixture: Fixture,
) -> anyhow::Result<()> {
    let fixture = life(fixture, &["a1"], &["t.a"], &["a1"]).await?;
    let backlog = ["a2", "b2", "a3", "b3"];
    let fixture = life(fixture, &backlog, &["t.a", "t.b"], &backlog).await?;
    let fixture = life(fixture, &["a4", "b4", "c4"], &["t.b", "t.c"], &["b4", "c4"]).await?;
    life(fixture, &["a5", "c5"], &["t.a", "t.b", "t.c"], &["a5", "c5"]).await?;
    Ok(())
}

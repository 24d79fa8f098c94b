//! Durable consumers.

use std::time::Duration;

use chassis::bus::Settle;
use chassis::{Clock as _, ConsumerSpec, Start, SystemClock};

use super::{Fixture, event, id_of, next, nothing_more, on_both_engines, spec, typed};

on_both_engines!(
    a_consumer_gets_what_came_before_it_in_order,
    what_is_settled_does_not_come_back,
    what_is_passed_over_does_not_come_back_after_a_restart,
    what_is_not_settled_comes_back_to_the_next_consumer,
    what_is_put_off_comes_back_with_its_attempt,
    what_is_given_up_does_not_come_back,
    progress_keeps_a_delivery,
    a_consumer_hears_its_types_alone,
    a_glob_that_ends_within_a_word_brings_nothing_else,
    a_consumer_may_begin_now,
    a_consumer_may_begin_at_a_time,
    two_consumers_each_get_everything,
    a_redelivery_is_for_one_handler_and_once,
    no_more_is_delivered_than_may_be_in_flight,
);

async fn a_consumer_gets_what_came_before_it_in_order(on: Fixture) -> anyhow::Result<()> {
    for id in ["1", "2", "3"] {
        on.engine.bus.publish(&event(id)).await?;
    }
    let mut deliveries = on.engine.bus.consume(spec("h")).await?;
    for id in ["1", "2", "3"] {
        let delivery = next(&mut deliveries).await?;
        assert_eq!((id_of(&delivery).as_str(), delivery.again), (id, false));
        delivery.acker.settle(Settle::Ack).await?;
    }
    Ok(())
}

async fn what_is_settled_does_not_come_back(on: Fixture) -> anyhow::Result<()> {
    for id in ["1", "2", "3"] {
        on.engine.bus.publish(&event(id)).await?;
    }
    let mut deliveries = on.engine.bus.consume(spec("h")).await?;
    let held = [next(&mut deliveries).await?, next(&mut deliveries).await?, next(&mut deliveries).await?];
    // Out of order, and one is left.
    held[2].acker.settle(Settle::Ack).await?;
    held[0].acker.settle(Settle::Ack).await?;
    drop(deliveries);
    let mut again = on.engine.bus.consume(spec("h")).await?;
    let delivery = next(&mut again).await?;
    assert_eq!(id_of(&delivery), "2");
    delivery.acker.settle(Settle::Ack).await?;
    nothing_more(&mut again).await
}

async fn what_is_passed_over_does_not_come_back_after_a_restart(on: Fixture) -> anyhow::Result<()> {
    for id in ["1", "2", "3"] {
        on.engine.bus.publish(&event(id)).await?;
    }
    let mut deliveries = on.engine.bus.consume(spec("h")).await?;
    for how in [Settle::Skip, Settle::Skip, Settle::Ack] {
        next(&mut deliveries).await?.acker.settle(how).await?;
    }
    drop(deliveries);
    let on = on.reopened().await?;
    on.engine.bus.publish(&event("4")).await?;
    let mut again = on.engine.bus.consume(spec("h")).await?;
    assert_eq!(id_of(&next(&mut again).await?), "4");
    Ok(())
}

async fn what_is_not_settled_comes_back_to_the_next_consumer(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&event("1")).await?;
    let mut deliveries = on.engine.bus.consume(spec("h")).await?;
    next(&mut deliveries).await?;
    drop(deliveries);
    let mut again = on.engine.bus.consume(spec("h")).await?;
    assert_eq!(id_of(&next(&mut again).await?), "1");
    Ok(())
}

async fn what_is_put_off_comes_back_with_its_attempt(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&event("1")).await?;
    on.engine.bus.publish(&event("2")).await?;
    let mut deliveries = on.engine.bus.consume(spec("h")).await?;
    next(&mut deliveries).await?.acker.settle(Settle::Return(Duration::from_millis(300))).await?;
    let second = next(&mut deliveries).await?;
    assert_eq!(id_of(&second), "2");
    second.acker.settle(Settle::Ack).await?;
    let back = next(&mut deliveries).await?;
    assert_eq!((id_of(&back).as_str(), back.again), ("1", true));
    back.acker.settle(Settle::Ack).await?;
    nothing_more(&mut deliveries).await
}

async fn what_is_given_up_does_not_come_back(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&event("1")).await?;
    let mut deliveries = on.engine.bus.consume(spec("h")).await?;
    next(&mut deliveries).await?.acker.settle(Settle::Term).await?;
    nothing_more(&mut deliveries).await
}

async fn progress_keeps_a_delivery(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&event("1")).await?;
    let mut deliveries = on.engine.bus.consume(spec("h")).await?;
    let delivery = next(&mut deliveries).await?;
    // Twice the ack wait, with a sign of life every half second.
    for _ in 0..8 {
        let quiet = tokio::time::timeout(Duration::from_millis(500), deliveries.next()).await;
        assert!(quiet.is_err(), "it came back although it is being handled");
        delivery.acker.settle(Settle::Progress).await?;
    }
    delivery.acker.settle(Settle::Ack).await?;
    nothing_more(&mut deliveries).await
}

async fn a_consumer_hears_its_types_alone(on: Fixture) -> anyhow::Result<()> {
    for (id, ty) in [("1", "a.b"), ("2", "a.c"), ("3", "b.b"), ("4", "a.b.c")] {
        on.engine.bus.publish(&typed(id, ty)).await?;
    }
    let mut deliveries =
        on.engine.bus.consume(ConsumerSpec { types: vec!["a.b".to_owned()], ..spec("exact") }).await?;
    let delivery = next(&mut deliveries).await?;
    assert_eq!(id_of(&delivery), "1");
    delivery.acker.settle(Settle::Ack).await?;
    nothing_more(&mut deliveries).await
}

async fn a_glob_that_ends_within_a_word_brings_nothing_else(on: Fixture) -> anyhow::Result<()> {
    let types =
        ["com.github.push", "com.gitlab.push", "com.argocd.sync", "com.git", "io.x.failed", "io.x.done"];
    for ty in types {
        on.engine.bus.publish(&typed(ty, ty)).await?;
    }
    let types = vec!["com.git*".to_owned(), "io.*.failed".to_owned()];
    let spec = ConsumerSpec { types, ..spec("h") };
    let mut deliveries = on.engine.bus.consume(spec.clone()).await?;
    for id in ["com.github.push", "com.gitlab.push", "com.git", "io.x.failed"] {
        let delivery = next(&mut deliveries).await?;
        assert_eq!(id_of(&delivery), id);
        delivery.acker.settle(Settle::Ack).await?;
    }
    nothing_more(&mut deliveries).await?;
    // What it does not hear is settled, too: it does not come to the next process either.
    drop(deliveries);
    nothing_more(&mut on.engine.bus.consume(spec).await?).await
}

async fn a_consumer_may_begin_now(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&event("before")).await?;
    let now = ConsumerSpec { start: Start::Now, ..spec("h") };
    drop(on.engine.bus.consume(now.clone()).await?);
    on.engine.bus.publish(&event("after")).await?;
    // Resumed: what came while it was away is not lost.
    let mut deliveries = on.engine.bus.consume(now).await?;
    assert_eq!(id_of(&next(&mut deliveries).await?), "after");
    Ok(())
}

async fn a_consumer_may_begin_at_a_time(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&event("before")).await?;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let start = Start::At(SystemClock.now());
    tokio::time::sleep(Duration::from_millis(20)).await;
    on.engine.bus.publish(&event("after")).await?;
    let mut deliveries = on.engine.bus.consume(ConsumerSpec { start, ..spec("h") }).await?;
    assert_eq!(id_of(&next(&mut deliveries).await?), "after");
    Ok(())
}

async fn two_consumers_each_get_everything(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&event("1")).await?;
    for name in ["one", "two"] {
        let mut deliveries = on.engine.bus.consume(spec(name)).await?;
        let delivery = next(&mut deliveries).await?;
        assert_eq!(id_of(&delivery), "1");
        delivery.acker.settle(Settle::Ack).await?;
    }
    Ok(())
}

async fn a_redelivery_is_for_one_handler_and_once(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&event("1")).await?;
    let (mut one, mut two) =
        (on.engine.bus.consume(spec("one")).await?, on.engine.bus.consume(spec("two")).await?);
    next(&mut one).await?.acker.settle(Settle::Ack).await?;
    next(&mut two).await?.acker.settle(Settle::Ack).await?;
    assert!(!on.engine.bus.redeliver("one", &event("1"), "token").await?.duplicate);
    assert!(on.engine.bus.redeliver("one", &event("1"), "token").await?.duplicate);
    let again = next(&mut one).await?;
    assert_eq!(id_of(&again), "1");
    again.acker.settle(Settle::Ack).await?;
    nothing_more(&mut one).await?;
    nothing_more(&mut two).await?;
    assert_eq!(
        on.engine.bus.read(chassis::Position(1), 10).await?.len(),
        1,
        "a redelivery is not a new event"
    );
    Ok(())
}

async fn no_more_is_delivered_than_may_be_in_flight(on: Fixture) -> anyhow::Result<()> {
    for id in 0..5 {
        on.engine.bus.publish(&event(&id.to_string())).await?;
    }
    let mut deliveries = on.engine.bus.consume(ConsumerSpec { max_in_flight: 2, ..spec("h") }).await?;
    let first = next(&mut deliveries).await?;
    let _second = next(&mut deliveries).await?;
    let third = tokio::time::timeout(Duration::from_millis(500), deliveries.next()).await;
    assert!(third.is_err(), "a third came although two are in flight");
    first.acker.settle(Settle::Ack).await?;
    assert_eq!(id_of(&next(&mut deliveries).await?), "2");
    Ok(())
}

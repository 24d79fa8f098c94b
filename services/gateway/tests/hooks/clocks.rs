//! A sender's clock that is far from ours, or ours from everybody's.

use crate::world::{NOW, PUSH, World, delivery};

fn pushed_at(seconds: i64) -> String {
    PUSH.replace("1790000000", &seconds.to_string())
}

#[tokio::test]
async fn an_event_from_far_off_is_accepted_with_its_own_time_and_counted() {
    const HOUR: i64 = 3_600;
    let now = NOW.timestamp();
    let world = World::new().await;
    for (id, time) in [
        ("near", now),
        ("ahead", now + HOUR),
        ("behind", now - 30 * 24 * HOUR),
        ("decades", now + 500_000 * HOUR),
    ] {
        let answer = world.send(delivery(id, pushed_at(time))).await;
        assert_eq!(answer.status, 202, "{id}: {answer:?}");
    }
    let times: Vec<_> = world.stored().await.iter().map(|event| event.time().unwrap().timestamp()).collect();
    assert_eq!(times, [now, now + HOUR, now - 30 * 24 * HOUR, now + 500_000 * HOUR]);
    assert!(world.counts(r#"signalbox_gateway_clock_off_total{direction="ahead",source_kind="github"} 2"#));
    assert!(world.counts(r#"signalbox_gateway_clock_off_total{direction="behind",source_kind="github"} 1"#));
}

#[tokio::test]
async fn a_duplicate_is_not_counted_again() {
    let world = World::new().await;
    for _ in 0..3 {
        world.send(delivery("d-1", pushed_at(NOW.timestamp() + 3_600))).await;
    }
    assert!(world.counts(r#"signalbox_gateway_clock_off_total{direction="ahead",source_kind="github"} 1"#));
}

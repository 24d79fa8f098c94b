//! A durable consumer that is on the server already, made otherwise.

use std::time::Duration;

use chassis::{ConsumerSpec, Engine, Start};
use serde_json::{Value, json};
use tests::nats::{Nats, Wire};

use super::ready;

fn spec() -> ConsumerSpec {
    ConsumerSpec {
        name: "handler".to_owned(),
        types: vec!["com.example.*".to_owned()],
        start: Start::Beginning,
        max_in_flight: 64,
        ack_wait: Duration::from_secs(7),
    }
}

async fn world() -> anyhow::Result<(Nats, Engine, Wire)> {
    let nats = Nats::start().await?;
    let engine = Engine::open(&nats.url().parse()?).await?;
    ready(&engine).await?;
    let wire = nats.stranger().await?;
    Ok((nats, engine, wire))
}

/// A consumer as a stranger makes it: `more` on top of what fits.
async fn make(wire: &mut Wire, more: &Value) -> anyhow::Result<()> {
    let mut config = json!({
        "durable_name": "handler", "ack_policy": "explicit", "deliver_policy": "all", "replay_policy": "instant",
        "filter_subjects": ["signalbox.events.com.example.>", "signalbox.redrive.handler"],
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    let body = json!({ "stream_name": "SIGNALBOX", "config": config, "action": "create" });
    wire.api("CONSUMER.CREATE.SIGNALBOX.handler", &body).await.map(|_| ())
}

async fn config(wire: &mut Wire) -> anyhow::Result<Value> {
    Ok(wire.api("CONSUMER.INFO.SIGNALBOX.handler", &json!({})).await?["config"].take())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_would_lose_events_is_refused_with_the_difference_and_left_alone()
-> anyhow::Result<()> {
    for (more, expected) in [
        (
            json!({"deliver_subject": "somewhere"}),
            "the consumer handler is there, but cannot be used: deliver_subject is Some(\"somewhere\"), not None",
        ),
        (json!({"ack_policy": "none"}), "ack_policy is None, not Explicit"),
        (json!({"ack_policy": "all"}), "ack_policy is All"),
        (json!({"deliver_policy": "last"}), "deliver_policy is Last, not"),
        (json!({"deliver_policy": "last_per_subject"}), "deliver_policy is LastPerSubject"),
        (json!({"replay_policy": "original"}), "replay_policy is Original"),
        (json!({"mem_storage": true}), "mem_storage is true, not false"),
    ] {
        let (_nats, engine, mut wire) = world().await?;
        make(&mut wire, &more).await?;
        let before = config(&mut wire).await?;
        let Err(error) = engine.bus.consume(spec()).await else { anyhow::bail!("{more}: it is taken") };
        let error = format!("{:#}", anyhow::Error::new(error));
        assert!(error.contains(expected) && error.contains("Nothing was changed"), "{more}: {error}");
        assert_eq!(config(&mut wire).await?, before, "{more}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_the_programs_own_choice_is_changed_and_its_place_stays() -> anyhow::Result<()> {
    let (_nats, engine, mut wire) = world().await?;
    for body in ["one", "two"] {
        wire.request("signalbox.events.com.example.t", body).await?;
    }
    let more = json!({ "max_deliver": 2, "ack_wait": 30_000_000_000_u64, "inactive_threshold": 3_600_000_000_000_u64,
        "max_ack_pending": 5, "headers_only": true, "max_batch": 1, "max_expires": 1_000_000_000,
        "backoff": [30_000_000_000_u64], "filter_subjects": ["signalbox.events.com.example.t"],
        "metadata": {"team": "a"}, "sample_freq": "10" });
    make(&mut wire, &more).await?;
    // Somebody has handled the first.
    let pulled = wire.request("$JS.API.CONSUMER.MSG.NEXT.SIGNALBOX.handler", r#"{"batch":1}"#).await?;
    assert!(!pulled.ends_with(b"one"), "headers only: {}", String::from_utf8_lossy(&pulled));
    let info = wire.api("CONSUMER.INFO.SIGNALBOX.handler", &json!({})).await?;
    assert_eq!(info["delivered"]["stream_seq"], 1);

    let mut deliveries = engine.bus.consume(spec()).await?;
    let config = config(&mut wire).await?;
    assert_eq!(config["ack_wait"], 7_000_000_000_u64, "{config}");
    assert_eq!(config["max_deliver"], -1);
    for gone in ["inactive_threshold", "headers_only", "max_batch", "max_expires", "backoff"] {
        assert!(config[gone].is_null(), "{gone}: {config}");
    }
    assert_eq!(config["filter_subjects"].as_array().map(Vec::len), Some(2));
    assert_eq!((&config["metadata"]["team"], &config["sample_freq"]), (&json!("a"), &json!("10")));
    let delivery = tokio::time::timeout(super::PATIENCE, deliveries.next()).await??;
    let payload = delivery.event.expect_err("no event").payload;
    assert!(payload == b"two" || payload == b"one", "the body is there: {payload:?}");
    Ok(())
}

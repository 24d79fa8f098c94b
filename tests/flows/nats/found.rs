//! A server on which something of ours is already, made otherwise: adopted, updated, or refused with the difference, and
//! nothing of it lost.

use chassis::{Bucket, Engine, Expect, Position};
use serde_json::{Value, json};
use tests::nats::{Nats, Wire};

use super::{ready, refused};
use chassis::jetstream::access::Access;

/// A stream as a stranger makes it: `more` on top of the least that there must be.
async fn make(wire: &mut Wire, name: &str, subjects: &[&str], more: &Value) -> anyhow::Result<()> {
    let mut config = json!({
        "name": name, "subjects": subjects, "retention": "limits", "storage": "file", "discard": "old",
        "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "max_age": 0, "max_msgs_per_subject": -1,
        "num_replicas": 1,
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    wire.api(&format!("STREAM.CREATE.{name}"), &config).await.map(|_| ())
}

async fn config(wire: &mut Wire, name: &str) -> anyhow::Result<Value> {
    Ok(wire.api(&format!("STREAM.INFO.{name}"), &json!({})).await?["config"].take())
}

const LOG: [&str; 2] = ["signalbox.events.>", "signalbox.redrive.*"];

#[tokio::test(flavor = "multi_thread")]
async fn what_we_make_is_what_we_would_adopt() -> anyhow::Result<()> {
    let nats = Nats::start().await?;
    ready(&Engine::open(&nats.url().parse()?).await?).await?;
    let mut wire = nats.stranger().await?;
    let mut before = Vec::new();
    let names = wire.api("STREAM.NAMES", &json!({})).await?["streams"].take();
    let names: Vec<String> = serde_json::from_value(names)?;
    assert!(names.len() > 5 && names.contains(&"SIGNALBOX".to_owned()), "{names:?}");
    for name in &names {
        before.push(config(&mut wire, name).await?);
    }
    // A second process changes nothing, and has no need to.
    ready(&Engine::open(&nats.url().parse()?).await?).await?;
    for (name, before) in names.iter().zip(before) {
        assert_eq!(config(&mut wire, name).await?, before, "{name}");
    }
    assert!(!nats.log()?.contains("[ERR]"), "{}", nats.log()?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_changed_without_loss_is_changed_and_what_is_not_ours_stays() -> anyhow::Result<()> {
    let nats = Nats::start().await?;
    let mut wire = nats.stranger().await?;
    let narrow = json!({ "max_age": 3_600_000_000_000_u64, "duplicate_window": 60_000_000_000_u64,
        "max_msg_size": 1000, "description": "somebody's", "consumer_limits": { "inactive_threshold": 60_000_000_000_u64 } });
    make(&mut wire, "SIGNALBOX", &["signalbox.events.>", "foreign.*"], &narrow).await?;
    // One from the time before entries could expire: as `nats kv add` makes it.
    let kv = json!({ "max_msgs_per_subject": 5, "discard": "new", "allow_rollup_hdrs": true, "deny_delete": true,
        "allow_direct": true, "max_age": 3_600_000_000_000_u64 });
    make(&mut wire, "KV_SIGNALBOX_ledger", &["$KV.SIGNALBOX_ledger.>"], &kv).await?;
    wire.request("signalbox.events.com.example.before", "kept").await?;
    wire.request("$KV.SIGNALBOX_ledger.old", "kept").await?;

    let engine = Engine::open(&nats.url().parse()?).await?;
    ready(&engine).await?;
    let log = config(&mut wire, "SIGNALBOX").await?;
    let subjects: Vec<String> = serde_json::from_value(log["subjects"].clone())?;
    assert_eq!(subjects, ["signalbox.events.>", "foreign.*", "signalbox.redrive.*"]);
    assert_eq!(log["description"], "somebody's");
    assert_eq!(log["max_age"], 30 * 24 * 3_600_000_000_000_u64);
    assert_eq!(log["duplicate_window"], 3_600_000_000_000_u64);
    assert_eq!((&log["allow_direct"], &log["max_msg_size"]), (&json!(true), &json!(-1)));
    assert!(log["consumer_limits"]["inactive_threshold"].is_null(), "{log}");
    let ledger = config(&mut wire, "KV_SIGNALBOX_ledger").await?;
    assert_eq!((&ledger["allow_msg_ttl"], &ledger["max_age"]), (&json!(true), &json!(0)));
    assert_eq!(ledger["max_msgs_per_subject"], 5);
    // What was there is there.
    assert_eq!(engine.bus.read(Position(1), 10).await?.len(), 1);
    let entry = engine.store.get(Bucket::Ledger, "old").await?;
    assert_eq!(entry.map(|entry| entry.value), Some(b"kept".to_vec()));
    let second = Some(std::time::Duration::from_secs(1));
    engine.store.put(Bucket::Ledger, "new", b"x".to_vec(), Expect::Absent, second).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_lose_events_is_refused_with_the_difference_and_left_alone() -> anyhow::Result<()> {
    let kv = ["$KV.SIGNALBOX_ledger.>"];
    let hour = 3_600_000_000_000_u64;
    let cases: [(&str, &[&str], Value, &str); 9] = [
        (
            "SIGNALBOX",
            &LOG,
            json!({"retention": "workqueue"}),
            "the stream SIGNALBOX is there, but cannot be used: retention is WorkQueue, not Limits",
        ),
        ("SIGNALBOX", &LOG, json!({"retention": "interest"}), "retention is Interest"),
        ("SIGNALBOX", &LOG, json!({"storage": "memory"}), "storage is Memory, not File"),
        ("SIGNALBOX", &LOG, json!({"max_msgs": 10}), "max_msgs is 10"),
        ("SIGNALBOX", &LOG, json!({"max_bytes": 1_000_000}), "max_bytes is 1000000"),
        ("SIGNALBOX", &LOG, json!({"max_msgs_per_subject": 1}), "max_msgs_per_subject is 1"),
        ("SIGNALBOX", &LOG, json!({"max_consumers": 3}), "max_consumers is 3"),
        (
            "KV_SIGNALBOX_ledger",
            &kv,
            json!({"storage": "memory", "max_msgs_per_subject": 1}),
            "the bucket SIGNALBOX_ledger (stream KV_SIGNALBOX_ledger) is there",
        ),
        (
            "KV_SIGNALBOX_ledger",
            &kv,
            json!({"max_bytes": 1000, "max_age": hour, "max_msgs_per_subject": 1}),
            "max_bytes is 1000",
        ),
    ];
    for (name, subjects, more, expected) in cases {
        let nats = Nats::start().await?;
        let mut wire = nats.stranger().await?;
        make(&mut wire, name, subjects, &more).await?;
        let before = config(&mut wire, name).await?;
        let error = refused(&nats.url(), Access::default()).await?;
        assert!(error.contains(expected) && error.contains("Nothing was changed"), "{more}: {error}");
        assert_eq!(config(&mut wire, name).await?, before, "{more}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_sealed_or_a_mirror_is_refused() -> anyhow::Result<()> {
    let nats = Nats::start().await?;
    let mut wire = nats.stranger().await?;
    make(&mut wire, "ORIGIN", &LOG, &json!({})).await?;
    make(&mut wire, "SIGNALBOX", &[], &json!({"mirror": {"name": "ORIGIN"}})).await?;
    let error = refused(&nats.url(), Access::default()).await?;
    assert!(error.contains("mirror is Some(\"ORIGIN\"), not None"), "{error}");

    let nats = Nats::start().await?;
    let mut wire = nats.stranger().await?;
    make(&mut wire, "SIGNALBOX", &LOG, &json!({})).await?;
    let mut sealed = config(&mut wire, "SIGNALBOX").await?;
    sealed["sealed"] = json!(true);
    wire.api("STREAM.UPDATE.SIGNALBOX", &sealed).await?;
    let error = refused(&nats.url(), Access::default()).await?;
    assert!(error.contains("sealed is true, not false"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_we_ask_for_is_the_choice_of_whoever_runs_the_server() -> anyhow::Result<()> {
    let nats = Nats::start().await?;
    let mut wire = nats.stranger().await?;
    let more = json!({ "max_bytes": 1_000_000_000, "discard": "new", "deny_delete": true, "compression": "s2",
        "duplicate_window": 7_200_000_000_000_u64, "allow_direct": true, "metadata": {"team": "a"} });
    make(&mut wire, "SIGNALBOX", &LOG, &more).await?;
    let before = config(&mut wire, "SIGNALBOX").await?;
    ready(&Engine::open(&nats.url().parse()?).await?).await?;
    assert_eq!(config(&mut wire, "SIGNALBOX").await?, before);
    Ok(())
}

//! What the embedded bus answers for, one thing after the other, in the folder that is named: after each answer a line on
//! the standard output, in one write, so that a trace of system calls tells what was on the disk by then.
//! `tests/flows/durable.rs` runs it under strace.

use std::io::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use chassis::bus::Settle;
use chassis::claim::EMBEDDED_INLINE_BYTES;
use chassis::embedded::Options;
use chassis::engine::Limits;
use chassis::jetstream::access::Access;
use chassis::{Bucket, BusUrl, ConsumerSpec, Engine, Expect, Start};
use events::Envelope;

/// So small that a few events fill a file of the log.
const GENERATION_BYTES: u64 = 2_000;
const EVENTS: u32 = 12;
const PUTS: u32 = 3;
const ACKS: u32 = 3;

/// Says that something was answered.
fn answered(what: &str) -> anyhow::Result<()> {
    // In one piece: the trace has it as one call.
    std::io::stdout().write_all(format!("answered {what}\n").as_bytes())?;
    Ok(())
}

fn event(name: &str, bytes: usize) -> anyhow::Result<Envelope> {
    let body = format!("body of {name} {}", "x".repeat(bytes));
    Ok(Envelope::builder(name, "/acked", "t.acked").body("text/plain", body).build()?)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).context("name a folder")?;
    let embedded = Options { generation_bytes: GENERATION_BYTES, ..Options::default() };
    let limits = Limits { embedded, ..Limits::default() };
    let engine = Engine::open_as(&BusUrl::Embedded(folder.into()), Access::default(), limits).await?;
    for n in 0..EVENTS {
        let name = format!("event-{n:02}");
        engine.bus.publish(&event(&name, 300)?).await?;
        answered(&name)?;
    }
    engine.bus.publish(&event("large-00", EMBEDDED_INLINE_BYTES + 1)?).await?;
    answered("large-00")?;
    for n in 0..PUTS {
        let name = format!("put-{n:02}");
        let value = format!("{{\"value of\": \"{name}\"}}").into_bytes();
        engine.store.put(Bucket::Ledger, &format!("acked/{name}"), value, Expect::Absent, None).await?;
        answered(&name)?;
    }
    let spec = ConsumerSpec {
        name: "reader".to_owned(),
        types: vec!["t.*".to_owned()],
        start: Start::Beginning,
        max_in_flight: 1,
        ack_wait: Duration::from_secs(30),
    };
    let mut deliveries = engine.bus.consume(spec).await?;
    for n in 0..ACKS {
        let delivery = deliveries.next().await?;
        answered(&format!("delivery-{n:02}"))?;
        delivery.acker.settle(Settle::Ack).await?;
        answered(&format!("ack-{n:02}"))?;
    }
    // Nothing is tidied up: what was answered for must be on the disk without it.
    std::process::exit(0);
}

//! Over NATS: plain and JetStream, binary and structured.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::Context as _;
use chassis::Engine;
use tests::nats::Nats;
use tests::peer::{Mode, Peer, Plain, Told, Via};

use super::{PATIENCE, TYPE, envelope, handled, logged, samples, sorted, undecoded};

/// Where the events of [`TYPE`] are on the bus.
fn subject() -> String {
    events::subject::of(TYPE)
}

async fn engine(nats: &Nats) -> anyhow::Result<Engine> {
    let engine = Engine::open(&nats.url().parse()?).await?;
    tests::eventually(PATIENCE, "the engine is ready", async || {
        engine.bus.check().await.map_err(anyhow::Error::new)
    })
    .await?;
    Ok(engine)
}

/// What a peer sends in each of these ways is read from the log, and handled, as it was.
async fn reads_what_it_sends(peer: Peer, ways: &[(Via, Mode)]) -> anyhow::Result<()> {
    if peer.is_missing() {
        return Ok(());
    }
    let nats = Nats::start().await?;
    let engine = engine(&nats).await?;
    let mut sent = Vec::new();
    for (via, mode) in ways {
        let events = samples(&format!("{via:?}-{mode:?}").to_lowercase());
        peer.send(*via, *mode, &nats.url(), &subject(), &events)?;
        sent.extend(events);
    }
    let read = logged(&engine, sent.len()).await?;
    assert_eq!(sorted(read.iter().map(Plain::of).collect()), sorted(sent.clone()));
    assert_eq!(sorted(handled(&engine, sent.len()).await?), sorted(sent));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_go_sdk_sends_is_read_and_handled_as_it_was() -> anyhow::Result<()> {
    // Its plain module knows structured mode alone.
    let ways =
        [(Via::Nats, Mode::Structured), (Via::JetStream, Mode::Binary), (Via::JetStream, Mode::Structured)];
    reads_what_it_sends(Peer::Go, &ways).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_python_sdk_sends_is_read_and_handled_as_it_was() -> anyhow::Result<()> {
    let ways = [
        (Via::Nats, Mode::Binary),
        (Via::Nats, Mode::Structured),
        (Via::JetStream, Mode::Binary),
        (Via::JetStream, Mode::Structured),
    ];
    reads_what_it_sends(Peer::Python, &ways).await
}

/// What a peer makes of what our engine publishes.
async fn told_of_ours(peer: Peer, via: Via, events: &[Plain]) -> anyhow::Result<Vec<Told>> {
    let nats = Nats::start().await?;
    let engine = engine(&nats).await?;
    let receiving = peer.receive(via, &nats.url(), &subject(), events.len()).await?;
    for event in events {
        engine.bus.publish(&envelope(event)).await?;
    }
    receiving.told().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_reads_all_that_we_publish() -> anyhow::Result<()> {
    if Peer::Python.is_missing() {
        return Ok(());
    }
    for via in [Via::Nats, Via::JetStream] {
        let events = samples("ours");
        let told = told_of_ours(Peer::Python, via, &events).await?;
        assert_eq!(told, events.into_iter().map(Ok).collect::<Vec<_>>(), "{via:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_go_sdk_for_jetstream_reads_all_that_we_publish_but_leaves_values_encoded() -> anyhow::Result<()>
{
    if Peer::Go.is_missing() {
        return Ok(());
    }
    let events = samples("ours");
    let told = told_of_ours(Peer::Go, Via::JetStream, &events).await?;
    // When this fails because the values are decoded, the SDK has mended it: say so in tests/interop/README.md.
    let wanted = events.into_iter().map(undecoded).map(|mut event| {
        // Over NATS this attribute is one like any other.
        event.datacontenttype = event.datacontenttype.map(|value| value.replace(' ', "%20"));
        Ok(event)
    });
    assert_eq!(told, wanted.collect::<Vec<_>>());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_go_sdk_for_plain_nats_refuses_binary_mode_and_does_not_misread_it() -> anyhow::Result<()> {
    if Peer::Go.is_missing() {
        return Ok(());
    }
    let told = told_of_ours(Peer::Go, Via::Nats, &samples("ours")).await?;
    assert!(told.iter().all(Result::is_err), "{told:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sdk_reads_what_we_write_in_structured_mode() -> anyhow::Result<()> {
    let nats = Nats::start().await?;
    let _engine = engine(&nats).await?;
    for (peer, via) in [(Peer::Go, Via::Nats), (Peer::Go, Via::JetStream), (Peer::Python, Via::Nats)] {
        if peer.is_missing() {
            continue;
        }
        let (events, subject) = (samples("structured"), format!("signalbox.events.{peer:?}.{via:?}"));
        let receiving = peer.receive(via, &nats.url(), &subject, events.len()).await?;
        for event in &events {
            let message = events::nats::encode_structured(&envelope(event));
            publish(&nats, &subject, &message.headers, &message.payload)?;
        }
        let told = receiving.told().await?;
        assert_eq!(told, events.into_iter().map(Ok).collect::<Vec<_>>(), "{peer:?} by {via:?}");
    }
    Ok(())
}

/// The Go SDK writes values raw, so what looks like an escape or a quoted string is taken for one: nobody can tell them
/// apart.
#[tokio::test(flavor = "multi_thread")]
async fn what_looks_encoded_in_a_raw_value_of_the_go_sdk_is_decoded() -> anyhow::Result<()> {
    if Peer::Go.is_missing() {
        return Ok(());
    }
    let nats = Nats::start().await?;
    let engine = engine(&nats).await?;
    let event = |subject: &str| Plain { subject: Some(subject.to_owned()), ..samples("raw")[0].clone() };
    let cases = [
        ("100%", "100%"),
        ("%41%", "A%"),
        ("\"all of it\"", "all of it"),
        ("half \"of\" it", "half \"of\" it"),
    ];
    for (at, (subject, _)) in cases.iter().enumerate() {
        let event = Plain { id: at.to_string(), ..event(subject) };
        Peer::Go.send(Via::JetStream, Mode::Binary, &nats.url(), &self::subject(), &[event])?;
    }
    let read = logged(&engine, cases.len()).await?;
    let read: Vec<_> = read.iter().map(|event| event.subject().unwrap_or_default()).collect();
    assert_eq!(read, cases.map(|(_, wanted)| wanted));
    Ok(())
}

/// Publishes a message as it is, by the protocol of NATS itself.
fn publish(nats: &Nats, subject: &str, headers: &[(String, String)], payload: &[u8]) -> anyhow::Result<()> {
    let url = nats.url();
    let mut stream = TcpStream::connect(url.strip_prefix("nats://").context("a plain address")?)?;
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("NATS/1.0\r\n{}\r\n", headers.concat());
    let line = format!("HPUB {subject} {} {}\r\n", head.len(), head.len() + payload.len());
    let connect = r#"CONNECT {"verbose":false,"pedantic":true,"headers":true,"no_responders":true}"#;
    stream.write_all(
        [connect.as_bytes(), b"\r\n", line.as_bytes(), head.as_bytes(), payload, b"\r\nPING\r\n"]
            .concat()
            .as_slice(),
    )?;
    let mut answer = String::new();
    let mut chunk = [0; 4096];
    while !answer.contains("PONG") {
        let read = stream.read(&mut chunk)?;
        anyhow::ensure!(read > 0, "the server closed the connection: {answer}");
        answer.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    anyhow::ensure!(!answer.contains("-ERR"), "{answer}");
    Ok(())
}

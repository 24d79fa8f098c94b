//! Over HTTP: binary, structured and batched, to the running program and from our own binding.

use chassis::Engine;
use events::Envelope;
use events::http::{Message, encode_batch, encode_binary, encode_structured};
use tests::nats::Nats;
use tests::peer::{Mode, Peer, Plain, Told, Via};
use tests::signalbox::Signalbox;

use super::{envelope, handled, logged, samples, sorted, undecoded};

const TOKEN: &str = "a-token-of-the-peers";

/// The program with a Source of CloudEvents.
async fn signalbox(nats: &Nats) -> anyhow::Result<(Signalbox, tempfile::TempDir)> {
    let secrets = tempfile::tempdir()?;
    let token = secrets.path().join("token");
    std::fs::write(&token, TOKEN)?;
    let resources = format!(
        "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: peers}}\nspec:\n  cloudevents:\n    \
         tokens: [{{file: {}}}]\n    sources: [\"https://shop.example/*\"]\n    types: [\"com.example.*\"]\n",
        token.display()
    );
    let mut signalbox = Signalbox::new(&resources, Some(nats.url()))?;
    signalbox.serve().await?;
    Ok((signalbox, secrets))
}

async fn takes_what_it_posts(peer: Peer) -> anyhow::Result<()> {
    if peer.is_missing() {
        return Ok(());
    }
    let nats = Nats::start().await?;
    let (signalbox, _secrets) = signalbox(&nats).await?;
    let mut sent = Vec::new();
    for mode in [Mode::Binary, Mode::Structured, Mode::Batch] {
        let events = samples(&format!("{mode:?}").to_lowercase());
        peer.send(Via::Http, mode, &signalbox.hook("peers"), TOKEN, &events)?;
        // Once more, as after a lost answer: a duplicate is accepted, and not stored.
        peer.send(Via::Http, mode, &signalbox.hook("peers"), TOKEN, &events)?;
        sent.extend(events);
    }
    let refused =
        peer.send(Via::Http, Mode::Binary, &signalbox.hook("peers"), "another-token", &samples("x"));
    let complaint = format!("{:#}", refused.expect_err("the token is wrong"));
    assert!(complaint.contains("401"), "{complaint}");
    peer.send(Via::Http, Mode::Batch, &signalbox.hook("peers"), TOKEN, &[])?;
    let engine = Engine::open(&nats.url().parse()?).await?;
    let read = logged(&engine, sent.len()).await?;
    assert_eq!(sorted(read.iter().map(Plain::of).collect()), sorted(sent.clone()));
    assert_eq!(sorted(handled(&engine, sent.len()).await?), sorted(sent));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_go_sdk_posts_is_taken_once_and_handled_as_it_was() -> anyhow::Result<()> {
    takes_what_it_posts(Peer::Go).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_python_sdk_posts_is_taken_once_and_handled_as_it_was() -> anyhow::Result<()> {
    takes_what_it_posts(Peer::Python).await
}

/// What a peer makes of requests as our binding writes them.
async fn told_of(peer: Peer, messages: Vec<Message>, events: usize) -> anyhow::Result<Vec<Told>> {
    let receiving = peer.receive(Via::Http, "-", "-", events).await?;
    let client = reqwest::Client::new();
    for Message { headers, body } in messages {
        let request = client.post(&receiving.address);
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        assert_eq!(request.body(body).send().await?.status(), 202);
    }
    receiving.told().await
}

async fn reads_what_we_write(peer: Peer, in_binary: impl Fn(Plain) -> Plain) -> anyhow::Result<()> {
    if peer.is_missing() {
        return Ok(());
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let events = samples("ours");
    let ours: Vec<Envelope> = events.iter().map(envelope).collect();
    let count = events.len();
    let told = told_of(peer, ours.iter().map(encode_binary).collect(), count).await?;
    assert_eq!(told, events.iter().cloned().map(|event| Ok(in_binary(event))).collect::<Vec<_>>(), "binary");
    let told = told_of(peer, ours.iter().map(encode_structured).collect(), count).await?;
    assert_eq!(told, events.iter().cloned().map(Ok).collect::<Vec<_>>(), "structured");
    let told = told_of(peer, vec![encode_batch(&ours)], count).await?;
    assert_eq!(told, events.into_iter().map(Ok).collect::<Vec<_>>(), "batched");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_reads_all_that_we_write_over_http() -> anyhow::Result<()> {
    reads_what_we_write(Peer::Python, |event| event).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_go_sdk_reads_all_that_we_write_over_http_but_leaves_values_encoded() -> anyhow::Result<()> {
    reads_what_we_write(Peer::Go, undecoded).await
}

//! The program on a server with TLS and a login: what it answers, and what it logs, while the server goes and comes.

use std::fs;
use std::time::Duration;

use tests::certificates::Authority;
use tests::eventually;
use tests::fixtures::PUSH;
use tests::nats::{Config, Nats};
use tests::signalbox::{Signalbox, Start};
use tests::world::SECRET;

use crate::crash;

const PATIENCE: Duration = Duration::from_secs(30);
const TOKENS: [&str; 2] = ["the-first-token-of-nats", "the-second-token-of-nats"];

/// Lines of the log about the connection, without their times.
fn told(signalbox: &mut Signalbox) -> anyhow::Result<Vec<(String, String)>> {
    let output = signalbox.process()?.output()?;
    for token in TOKENS {
        assert!(!output.contains(token), "the log has the token");
    }
    let mut told = Vec::new();
    for line in output.lines().filter(|line| line.contains("chassis::jetstream::link")) {
        let line: serde_json::Value = serde_json::from_str(line)?;
        let field = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        told.push((field("message"), field("reason")));
    }
    Ok(told)
}

async fn unready(signalbox: &Signalbox, because: &str) -> anyhow::Result<()> {
    eventually(PATIENCE, &format!("it is not ready: {because}"), async || {
        let answer = reqwest::get(format!("http://{}/readyz", signalbox.private())).await?;
        let (status, text) = (answer.status().as_u16(), answer.text().await?);
        anyhow::ensure!(status == 503 && text.contains(because), "{status}: {text}");
        assert!(!TOKENS.iter().any(|token| text.contains(token)), "the token is shown: {text}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nats_is_away_or_refuses_us_it_says_so_once_and_then_takes_deliveries_again()
-> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let authority = Authority::new("ours")?;
    let (cert, key) = authority.write(dir.path(), "server")?;
    let (ca, token) = (dir.path().join("ca.pem"), dir.path().join("token"));
    fs::write(&ca, &authority.pem)?;
    fs::write(&token, TOKENS[0])?;
    let configs = TOKENS
        .map(|token| Config::lines(format!("authorization {{ token: {token} }}")).tls((&cert, &key), None));
    let mut nats = Nats::with(configs[0].clone()).await?;
    let mut signalbox = crash::signalbox(&dir, Some(nats.tls_url()))?;
    let environment = vec![
        ("SIGNALBOX_NATS__TOKEN__FILE".to_owned(), token.display().to_string()),
        ("SIGNALBOX_NATS__TLS__CA".to_owned(), ca.display().to_string()),
    ];
    signalbox.start(Start { environment, ..Start::default() }).await?;
    signalbox.ready().await?;
    assert_eq!(signalbox.deliver(SECRET, "push", "before", PUSH).await?.0, 202);

    nats.kill9()?;
    unready(&signalbox, "no connection").await?;
    assert_eq!(signalbox.deliver(SECRET, "push", "during", PUSH).await?.0, 503);
    nats.restart(configs[1].clone()).await?;
    unready(&signalbox, "the server refuses the token (nats.token, file ").await?;
    assert_eq!(signalbox.deliver(SECRET, "push", "during", PUSH).await?.0, 503);
    fs::write(&token, TOKENS[1])?;
    signalbox.ready().await?;
    assert_eq!(signalbox.deliver(SECRET, "push", "during", PUSH).await?.0, 202);

    let messages: Vec<String> = told(&mut signalbox)?.into_iter().map(|(message, _)| message).collect();
    assert_eq!(
        messages,
        [
            "connected to NATS",
            "the connection to NATS is gone, trying again for ever",
            "no connection to NATS, trying again for ever",
            "the connection to NATS is back",
        ]
    );
    let (_, why) = &told(&mut signalbox)?[2];
    assert!(why.starts_with("the server refuses the token (nats.token, file "), "{why}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_there_ends_the_start_with_its_place() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let signalbox = crash::signalbox(&dir, Some("tls://localhost:1".to_owned()))?;
    let settings = signalbox.dir().join("signalbox.yaml");
    fs::write(&settings, "nats: {nkey: {file: /nowhere/seed}}\n")?;
    for arguments in [["serve", "--only", "automator"].as_slice(), &["dead", "list"]] {
        let output = signalbox.command(arguments)?;
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(
            text.contains("cannot read nats.nkey, file /nowhere/seed") && text.contains("No such file"),
            "{text}"
        );
    }
    Ok(())
}

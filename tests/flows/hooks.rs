//! Bad input at the real listener of the real program, and the bus away.

use std::time::Duration;

use tests::eventually;
use tests::fixtures::{PING, PUSH, sign};
use tests::git::Repository;
use tests::nats::Nats;
use tests::receiver::Receiver;
use tests::signalbox::{Signalbox, Start};
use tests::world::{SECRET, TAG_TEMPLATE, TOKEN, resources};

const PATIENCE: Duration = Duration::from_secs(30);

/// The program with what it needs around it.
struct World {
    signalbox: Signalbox,
    chat: Receiver,
    _gitops: Repository,
    _secrets: tempfile::TempDir,
}

async fn world(bus: Option<String>) -> anyhow::Result<World> {
    let (gitops, chat, secrets) = (Repository::start()?, Receiver::start().await?, tempfile::tempdir()?);
    let text = resources(secrets.path(), &gitops, chat.url(), None, TAG_TEMPLATE)?;
    let mut signalbox = Signalbox::new(&text, bus)?;
    signalbox.serve().await?;
    Ok(World { signalbox, chat, _gitops: gitops, _secrets: secrets })
}

/// Ids of the events of a type that are in the log.
fn logged(signalbox: &Signalbox, ty: &str) -> anyhow::Result<Vec<String>> {
    let lines = signalbox.output(&["events", "tail", "--no-follow", "--json", "--type", ty])?;
    let ids = lines.lines().map(|line| {
        let event: serde_json::Value = serde_json::from_str(line)?;
        Ok(event["id"].as_str().unwrap_or_default().to_owned())
    });
    ids.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_and_leaves_nothing_behind() -> anyhow::Result<()> {
    let world = world(None).await?;
    let signalbox = &world.signalbox;
    let (good, url) = (sign(SECRET, PUSH), signalbox.hook("github"));
    let huge = vec![b' '; 30_000_000];
    let cut = PUSH[..PUSH.len() / 2].to_vec();
    let cases: [(&str, Option<String>, Vec<u8>, u16); 6] = [
        ("a wrong signature", Some(sign("another secret", PUSH)), PUSH.to_vec(), 401),
        ("no signature", None, PUSH.to_vec(), 401),
        ("half a signature", Some(good[..30].to_owned()), PUSH.to_vec(), 401),
        ("truncated JSON", Some(sign(SECRET, &cut)), cut, 400),
        ("30 MB", Some(sign(SECRET, &huge)), huge, 413),
        ("an empty body", Some(sign(SECRET, b"")), Vec::new(), 400),
    ];
    for (what, signature, body, wanted) in cases {
        let (status, text) =
            signalbox.post(&url, "push", &what.replace(' ', "-"), signature.as_deref(), body).await?;
        assert_eq!(status, wanted, "{what}: {text}");
        assert!(serde_json::from_str::<serde_json::Value>(&text)?["error"].is_string(), "{what}: {text}");
        assert!(!text.contains(SECRET) && !text.contains("Delivery"), "{what}: {text}");
    }
    let (status, _) =
        signalbox.post(&signalbox.hook("nobody"), "push", "unknown", Some(&good), PUSH.to_vec()).await?;
    assert_eq!(status, 404);
    let form = reqwest::Client::new().post(&url).header("content-type", "application/x-www-form-urlencoded");
    let form = form
        .header("x-github-event", "push")
        .header("x-github-delivery", "1")
        .header("x-hub-signature-256", &good);
    assert_eq!(form.body(PUSH).send().await?.status(), 415);
    assert_eq!(logged(signalbox, "*")?, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_knows_is_kept_all_the_same() -> anyhow::Result<()> {
    let world = world(None).await?;
    let signalbox = &world.signalbox;
    let (status, text) = signalbox.deliver(SECRET, "event_of_next_year", "new-1", PING).await?;
    assert_eq!(status, 202, "{text}");
    assert_eq!(logged(signalbox, "com.github.event_of_next_year*")?, ["new-1"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_delivery_of_the_same_id_is_accepted_and_not_stored_again() -> anyhow::Result<()> {
    let nats = Nats::start().await?;
    for bus in [None, Some(nats.url())] {
        let world = world(bus).await?;
        let signalbox = &world.signalbox;
        for duplicate in [false, true] {
            let (status, text) = signalbox.deliver(SECRET, "push", "same", PUSH).await?;
            assert_eq!(status, 202, "{text}");
            let answer: serde_json::Value = serde_json::from_str(&text)?;
            assert_eq!(
                (answer["id"].as_str(), answer["duplicate"].as_bool()),
                (Some("same"), Some(duplicate))
            );
        }
        assert_eq!(logged(signalbox, "com.github.push")?, ["same"]);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_far_off_loses_no_event() -> anyhow::Result<()> {
    let world = world(None).await?;
    let signalbox = &world.signalbox;
    for (id, year) in [("past", "1999"), ("future", "2099")] {
        let mut body: serde_json::Value = serde_json::from_slice(PUSH)?;
        body["head_commit"]["timestamp"] = format!("{year}-01-02T03:04:05Z").into();
        let (status, text) = signalbox.deliver(SECRET, "push", id, body.to_string().as_bytes()).await?;
        assert_eq!(status, 202, "{text}");
    }
    assert_eq!(logged(signalbox, "com.github.push")?, ["past", "future"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nats_is_down_senders_are_told_to_come_again_and_then_are_taken() -> anyhow::Result<()> {
    let mut nats = Nats::start().await?;
    let world = world(Some(nats.url())).await?;
    let signalbox = &world.signalbox;
    nats.kill9()?;
    let request =
        reqwest::Client::new().post(signalbox.hook("github")).header("content-type", "application/json");
    let request = request.header("x-github-event", "push").header("x-github-delivery", "during");
    let answer = request.header("x-hub-signature-256", sign(SECRET, PUSH)).body(PUSH).send().await?;
    assert_eq!(answer.status(), 503);
    let again: u64 = answer.headers()["retry-after"].to_str()?.parse()?;
    assert!((1..=60).contains(&again), "Retry-After: {again}");
    let ready = reqwest::get(format!("http://{}/readyz", signalbox.private())).await?;
    assert_eq!(ready.status(), 503);
    nats.resume().await?;
    signalbox.ready().await?;
    assert_eq!(logged(signalbox, "com.github.*")?, Vec::<String>::new(), "no half stored event");
    let (status, text) = signalbox.deliver(SECRET, "push", "during", PUSH).await?;
    assert_eq!(status, 202, "{text}");
    assert_eq!(logged(signalbox, "com.github.*")?, ["during"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_does_not_answer_in_time_is_a_503_and_the_next_delivery_is_stored_once()
-> anyhow::Result<()> {
    let mut nats = Nats::start().await?;
    let world = world(Some(nats.url())).await?;
    let signalbox = &world.signalbox;
    // It has the connection and takes the bytes, but says nothing.
    nats.pause()?;
    let (status, text) = signalbox.deliver(SECRET, "push", "during", PUSH).await?;
    assert_eq!(status, 503, "{text}");
    nats.go_on()?;
    signalbox.ready().await?;
    let (status, text) = signalbox.deliver(SECRET, "push", "during", PUSH).await?;
    assert_eq!(status, 202, "{text}");
    assert_eq!(logged(signalbox, "com.github.*")?, ["during"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_come_in_one_by_one_and_once() -> anyhow::Result<()> {
    let world = world(None).await?;
    let signalbox = &world.signalbox;
    let alert = |name: &str, status: &str| {
        serde_json::json!({ "status": status, "labels": { "alertname": name }, "annotations": {},
            "startsAt": "2026-01-02T03:04:05Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": name })
    };
    let body = serde_json::json!({
        "version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "firing", "receiver": "signalbox",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://127.0.0.1:9093",
        "alerts": [alert("one", "firing"), alert("two", "firing")],
    });
    let post = async |token: &str| {
        let request =
            reqwest::Client::new().post(signalbox.hook("alertmanager")).bearer_auth(token).json(&body);
        anyhow::Ok(request.send().await?.status().as_u16())
    };
    assert_eq!(post("another-token").await?, 401);
    assert_eq!(post(TOKEN).await?, 202);
    // Alertmanager repeats itself, and so does its twin.
    assert_eq!(post(TOKEN).await?, 202);
    assert_eq!(logged(signalbox, "io.prometheus.alert.firing.v1")?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_is_busy_gets_the_message_once_and_one_that_refuses_makes_a_dead_letter()
-> anyhow::Result<()> {
    let world = world(None).await?;
    let (signalbox, chat) = (&world.signalbox, &world.chat);
    chat.answer(429, &[("retry-after", "1")]);
    chat.answer(500, &[]);
    let (status, _) =
        signalbox.deliver(SECRET, "workflow_run", "busy", tests::fixtures::WORKFLOW_RUN).await?;
    assert_eq!(status, 202);
    eventually(PATIENCE, "the message is sent", async || {
        let sent = logged(signalbox, "io.signalbox.notification.sent.v1")?;
        anyhow::ensure!(sent.len() == 1, "sent: {sent:?}, posted: {}", chat.posted().len());
        Ok(())
    })
    .await?;
    assert_eq!(chat.posted().len(), 3, "busy, broken, taken");

    chat.answer(404, &[]);
    let mut body: serde_json::Value = serde_json::from_slice(tests::fixtures::WORKFLOW_RUN)?;
    body["workflow_run"]["head_sha"] = "aaaaaaabbbbbbbcccccccdddddddeeeeeeefffff".into();
    signalbox.deliver(SECRET, "workflow_run", "refused", body.to_string().as_bytes()).await?;
    let id = eventually(PATIENCE, "there is a dead letter", async || {
        let letters = signalbox.output(&["dead", "list", "--json"])?;
        let line = letters.lines().next().ok_or_else(|| anyhow::anyhow!("there is none"))?;
        let letter: serde_json::Value = serde_json::from_str(line)?;
        assert_eq!(letter["handler"], "notifier");
        Ok(letter["id"].as_str().unwrap_or_default().to_owned())
    })
    .await?;
    assert!(signalbox.output(&["dead", "show", &id])?.contains("404"));
    // Mended: the same message once more, and it is taken.
    signalbox.output(&["dead", "redrive", &id])?;
    eventually(PATIENCE, "the message is sent", async || {
        let sent = logged(signalbox, "io.signalbox.notification.sent.v1")?;
        anyhow::ensure!(sent.len() == 2, "sent: {sent:?}");
        Ok(())
    })
    .await?;
    assert_eq!(chat.posted().len(), 5);
    assert_eq!(signalbox.output(&["dead", "list", "--json"])?, "");
    assert_eq!(signalbox.command(&["dead", "drop", &id])?.status.code(), Some(4), "it is gone");
    Ok(())
}

/// Killed between the answer of the chat and the record of it: nobody can know whether the message arrived.
async fn killed_after_the_send(delivery: &str) -> anyhow::Result<(usize, Vec<String>, Vec<String>)> {
    let (gitops, chat, secrets) = (Repository::start()?, Receiver::start().await?, tempfile::tempdir()?);
    let text = resources(secrets.path(), &gitops, chat.url(), None, TAG_TEMPLATE)?;
    let text = text.replace("spec: {slack:", &format!("spec: {{delivery: {delivery}, slack:"));
    let mut signalbox = Signalbox::new(&text, None)?;
    let environment = vec![("SIGNALBOX_KILL_AT".to_owned(), "notifier.after-send".to_owned())];
    signalbox.start(Start { environment, ..Start::default() }).await?;
    signalbox.ready().await?;
    signalbox.deliver(SECRET, "workflow_run", "killed", tests::fixtures::WORKFLOW_RUN).await?;
    signalbox.process()?.was_killed(PATIENCE).await?;
    assert_eq!(chat.posted().len(), 1);
    signalbox.serve().await?;
    let ended = eventually(PATIENCE, "it has an end", async || {
        let sent = logged(&signalbox, "io.signalbox.notification.sent.v1")?;
        let failed = logged(&signalbox, "io.signalbox.notification.failed.v1")?;
        anyhow::ensure!(sent.len() + failed.len() == 1, "sent: {sent:?}, failed: {failed:?}");
        Ok((sent, failed))
    })
    .await?;
    Ok((chat.posted().len(), ended.0, ended.1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_wants_no_loss_gets_a_message_again_when_nobody_knows_whether_it_came()
-> anyhow::Result<()> {
    let (posted, sent, failed) = killed_after_the_send("at-least-once").await?;
    assert_eq!((posted, sent.len(), failed.len()), (2, 1, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_wants_no_double_is_not_asked_again_and_the_doubt_is_told() -> anyhow::Result<()> {
    let (posted, sent, failed) = killed_after_the_send("at-most-once").await?;
    assert_eq!((posted, sent.len(), failed.len()), (1, 0, 1));
    Ok(())
}

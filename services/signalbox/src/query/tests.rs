mod dead_letters;
mod replays;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use chassis::Engine;
use events::Envelope;
use tokio::sync::Notify;

use super::{Query, dead, list, show, story, tail};
use crate::cli::{DeadCommand, EventFilter, LetterFilter, ListArgs, Since, TailArgs};
use crate::exit::{Exit, Stop};
use crate::output::Output;
use crate::serve::tests::{SOURCE, TOKEN, place, start};
use crate::settings::Settings;

/// Keeps what is written, and tells that something was.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>, Arc<Notify>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with the lock").extend_from_slice(bytes);
        self.1.notify_one();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panics with the lock")).into_owned()
    }

    async fn until_it_says(&self, words: &str) {
        while !self.text().contains(words) {
            self.1.notified().await;
        }
    }
}

/// Asks on paper.
async fn ask(
    query: &Query,
    what: impl AsyncFnOnce(&Query, &mut Output) -> Result<Exit, Stop>,
) -> (Exit, String) {
    let paper = Paper::default();
    let exit = match what(query, &mut Output::to(paper.clone())).await {
        Ok(exit) => exit,
        Err(Stop::ClosedPipe) => panic!("paper has no pipe"),
        Err(Stop::Error(exit, error)) => return (exit, format!("{error:#}")),
    };
    (exit, paper.text())
}

async fn post_alert(to: SocketAddr) -> String {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
    let body = include_str!("../../demo/deliveries/alert.json").replace("@NOW@", "2026-01-31T12:00:00Z");
    let request = client.post(format!("http://{to}/hooks/alerts")).bearer_auth(TOKEN);
    let answer =
        request.header("Content-Type", "application/json").body(body).send().await.expect("it answers");
    let answer: serde_json::Value = answer.json().await.expect("it says what it did");
    answer["ids"][0].as_str().expect("it names the event").to_owned()
}

fn everything() -> TailArgs {
    TailArgs { filter: EventFilter::default(), json: false, since: None, no_follow: true }
}

fn letters(json: bool) -> DeadCommand {
    DeadCommand::List { filter: LetterFilter::default(), json }
}

fn past(limit: usize) -> ListArgs {
    ListArgs {
        filter: EventFilter::default(),
        since: None,
        until: None,
        limit,
        after: None,
        before: None,
        oldest_first: false,
        json: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_the_same_with_a_server_and_without() {
    let (_folder, settings) = place(SOURCE);
    let (server, shutdown, public) = start(settings.clone()).await;
    let id = post_alert(public).await;
    let answers = async |query: &Query| {
        [
            ask(query, async |query, out| tail::run(query, &everything(), out).await).await,
            ask(query, async |query, out| show::run(query, &id, false, out).await).await,
            ask(query, async |query, out| show::run(query, &id[..8], true, out).await).await,
            ask(query, async |query, out| story::run(query, &id, false, out).await).await,
            ask(query, async |query, out| story::run(query, &id, true, out).await).await,
            ask(query, async |query, out| show::run(query, "no such id", false, out).await).await,
            ask(query, async |query, out| dead::run(query, letters(false), out).await).await,
        ]
    };
    let query = Query::open(&settings).await.expect("the server answers");
    let with = answers(&query).await;
    query.close().await;
    shutdown.trigger();
    server.until_end().await.expect("it drains");
    let query = Query::open(&settings).await.expect("the folder is free");
    let without = answers(&query).await;
    query.close().await;

    assert_eq!(with, without);
    for (index, words) in [
        &id,
        "KubePersistentVolumeFillingUp",
        "\"specversion\": \"1.0\"",
        "alert",
        "\"roots\"",
        "no event has the id",
        "no dead letters",
    ]
    .iter()
    .enumerate()
    {
        assert!(with[index].1.contains(*words), "no `{words}` in answer {index}: {}", with[index].1);
    }
    let exits: Vec<Exit> = with.iter().map(|(exit, _)| *exit).collect();
    assert_eq!(exits[5], Exit::NotFound);
    assert!(exits.iter().enumerate().all(|(index, exit)| index == 5 || *exit == Exit::Done), "{exits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_prints_an_event_that_comes_while_it_waits() {
    let (_folder, settings) = place(SOURCE);
    let (server, shutdown, public) = start(settings.clone()).await;
    let first = post_alert(public).await;
    let query = Query::open(&settings).await.expect("the server answers");
    let paper = Paper::default();
    let mut out = Output::to(paper.clone());
    let args = TailArgs { json: true, since: Some(Since::All), no_follow: false, ..everything() };
    let following = tokio::spawn(async move { tail::run(&query, &args, &mut out).await });
    paper.until_it_says(&first).await;

    let builder = Envelope::builder("second", "/test", "com.example.happened")
        .body("application/json", "{\n  \"a\": 1\n}");
    let event = builder.build().expect("the event is valid");
    server.bus().publish(&event).await.expect("the bus takes it");
    paper.until_it_says("second").await;
    shutdown.trigger();
    let ended = following.await.expect("no panic");
    assert!(matches!(ended, Err(Stop::Error(Exit::Unreachable, _))), "{ended:?}");
    server.until_end().await.expect("a tail does not hold up the end");

    let lines: Vec<serde_json::Value> =
        paper.text().lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(lines.len(), 2, "{}", paper.text());
    assert_eq!(lines[1]["data"], serde_json::json!({"a": 1}));
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_prints_only_the_types_that_are_asked_for() {
    let (_folder, settings) = place(SOURCE);
    let (server, shutdown, public) = start(settings.clone()).await;
    post_alert(public).await;
    let query = Query::open(&settings).await.expect("the server answers");
    for (glob, lines) in [("io.prometheus.*", 1), ("*firing*", 1), ("com.github.*", 0), ("&limit=0", 0)] {
        let args = TailArgs {
            filter: EventFilter { ty: Some(glob.to_owned()), ..EventFilter::default() },
            ..everything()
        };
        let (exit, said) = ask(&query, async |query, out| tail::run(query, &args, out).await).await;
        assert_eq!((exit, said.lines().count()), (Exit::Done, lines), "{glob}: {said}");
    }
    shutdown.trigger();
    server.until_end().await.expect("it drains");
}

/// Many events of two kinds and keys.
async fn history(settings: &Settings) {
    let engine = Engine::open(&settings.bus.0).await.expect("the folder is free");
    for n in 0..60 {
        let (ty, key) = if n % 2 == 0 { ("com.example.even", "a") } else { ("com.example.odd", "b") };
        let event = Envelope::builder(format!("e{n}."), "/test", ty).partition_key(key).build();
        engine.bus.publish(&event.expect("it is valid")).await.expect("the bus takes it");
    }
    engine.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_listed_newest_first_a_page_at_a_time() {
    let (_folder, settings) = place(SOURCE);
    history(&settings).await;
    let query = Query::open(&settings).await.expect("the folder is free");
    let said = async |args: ListArgs| {
        let (exit, said) = ask(&query, async |query, out| list::run(query, &args, out).await).await;
        assert_eq!(exit, Exit::Done, "{said}");
        said.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let first = said(past(10)).await;
    assert!(first[0].contains("[e59.]") && first[9].contains("[e50.]"), "{first:#?}");
    let before = first[10].strip_prefix("there may be more: go on with --before ").expect("how to go on");
    let second = said(ListArgs { before: before.parse().ok(), ..past(10) }).await;
    assert!(second[0].contains("[e49.]"), "{second:#?}");

    let filter = EventFilter { key: Some("b".to_owned()), ..EventFilter::default() };
    let keyed = said(ListArgs { filter, oldest_first: true, after: Some(0), ..past(100) }).await;
    assert_eq!(keyed.len(), 30, "all of the key, and nothing more to say");
    assert!(keyed[0].contains("[e1.]") && keyed[29].contains("[e59.]"), "{keyed:#?}");
    let filter = EventFilter { ty: Some("*.even".to_owned()), ..EventFilter::default() };
    let json = said(ListArgs { filter, json: true, ..past(3) }).await;
    let read = |line: &String| serde_json::from_str::<serde_json::Value>(line).expect("each line is JSON");
    let ids: Vec<_> = json.iter().map(|line| read(line)["event"]["id"].clone()).collect();
    assert_eq!(ids, ["e58.", "e56.", "e54."]);
    assert!(said(ListArgs { until: "1h".parse().ok(), ..past(10) }).await.is_empty());
    assert_eq!(said(ListArgs { since: "1h".parse().ok(), ..past(100) }).await.len(), 60);
    query.close().await;
}

/// A server that is busy has the folder; it must not be said that it has no console.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_named() {
    let (folder, settings) = place(SOURCE);
    let engine = Engine::open(&settings.bus.0).await.expect("the folder is free");
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = silent.local_addr().expect("it has an address");
    std::fs::write(folder.path().join("bus/console.address"), format!("http://{address}\n"))
        .expect("it takes a file");
    let Err(Stop::Error(exit, error)) = Query::open(&settings).await else { panic!("nobody answers") };
    assert_eq!(exit, Exit::Unreachable);
    let error = format!("{error:#}");
    assert!(
        error.contains(&format!("the server at http://{address}, which has it, did not answer")),
        "{error}"
    );
    engine.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_a_bus_is_not_made_into_one() {
    let (folder, settings) = place(SOURCE);
    let Err(Stop::Error(exit, error)) = Query::open(&settings).await else { panic!("there is no bus") };
    assert_eq!(exit, Exit::Unreachable);
    assert!(error.to_string().contains("name its folder with --bus embedded:DIR"), "{error}");
    assert!(!folder.path().join("bus").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_a_killed_server_left_behind_is_no_obstacle() {
    let (folder, settings) = place(SOURCE);
    let (server, shutdown, public) = start(settings.clone()).await;
    let id = post_alert(public).await;
    shutdown.trigger();
    server.until_end().await.expect("it drains");
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = nobody.local_addr().expect("it has an address");
    drop(nobody);
    std::fs::write(folder.path().join("bus/console.address"), format!("http://{address}\n"))
        .expect("it takes a file");
    let query = Query::open(&settings).await.expect("the folder is free");
    let (exit, _) = ask(&query, async |query, out| story::run(query, &id, false, out).await).await;
    assert_eq!(exit, Exit::Done);
    query.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_that_is_not_there_is_unreachable() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = free.local_addr().expect("it has an address");
    drop(free);
    let env = [("SIGNALBOX_BUS".to_owned(), format!("nats://{address}"))];
    let settings = Settings::load(None, env.into_iter(), serde_json::Value::Null).expect("it is right");
    let Err(Stop::Error(exit, error)) = Query::open(&settings).await else { panic!("nobody is there") };
    assert_eq!(exit, Exit::Unreachable);
    assert!(error.to_string().contains(&format!("nats://{address}")), "{error}");
}

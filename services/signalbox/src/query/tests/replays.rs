//! `signalbox replay`, on a server that runs.

use super::{ask, post_alert};
use crate::cli::{ReplayArgs, ReplayCommand, Since, Switch};
use crate::exit::Exit;
use crate::query::{Query, replay};
use crate::serve::tests::{SOURCE, place, start};

fn args(run: &str, handler: &str) -> ReplayArgs {
    ReplayArgs {
        run: run.to_owned(),
        handler: handler.to_owned(),
        from: None,
        since: Some(Since::All),
        to: None,
        until: None,
        types: vec!["io.prometheus.*".to_owned()],
        effects: Switch::Off,
        json: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_begun_listed_and_shown() {
    let (_folder, settings) = place(SOURCE);
    let (server, shutdown, public) = start(settings.clone()).await;
    let id = post_alert(public).await;
    let query = Query::open(&settings).await.expect("the server answers");
    let run = async |command: ReplayCommand| {
        ask(&query, async |query, out| replay::run(query, command, out).await).await
    };
    assert_eq!(run(ReplayCommand::List { json: false }).await, (Exit::Done, "no replays\n".to_owned()));
    let (exit, said) = run(ReplayCommand::Start(args("try", "automator"))).await;
    assert_eq!(exit, Exit::Done, "{said}");
    assert!(said.contains("1 events of type io.prometheus.* from 1 to"), "{said}");
    assert!(said.contains("delivered to automator again, without effects\n"), "{said}");

    let show = || ReplayCommand::Show { run: "try".to_owned(), json: false };
    let shown = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        loop {
            let (_, said) = run(show()).await;
            if !said.contains("not handled yet") {
                return said;
            }
            tokio::task::yield_now().await;
        }
    });
    let shown = shown.await.expect("the automator handles it");
    assert!(shown.contains(&id) && shown.ends_with("1 ignored\n"), "{shown}");
    let (_, said) = run(ReplayCommand::List { json: true }).await;
    let listed: serde_json::Value = serde_json::from_str(said.trim()).expect("a line of JSON");
    assert_eq!((&listed["request"]["run"], &listed["delivered"]), (&"try".into(), &1.into()));

    let (exit, said) = run(ReplayCommand::Start(args("other", "nobody"))).await;
    assert!(exit == Exit::Usage && said.contains("there is automator, deployer, notifier"), "{said}");
    let (exit, said) = run(ReplayCommand::Show { run: "nothing".to_owned(), json: false }).await;
    assert_eq!(exit, Exit::NotFound, "{said}");
    shutdown.trigger();
    server.until_end().await.expect("it drains");
}

//! What is not whole, not empty or not alone is refused, and says what to do.

use std::fs;

use chassis::{Bucket, BusUrl, Expect};
use tests::nats::Nats;
use tests::signalbox::{Signalbox, Start};

use super::mover::{event, plain};
use super::{Place, done, open, refused, store, text, url};

/// A bus with a few events, and its export.
async fn exported(place: &Place) -> anyhow::Result<(BusUrl, std::path::PathBuf)> {
    let bus = place.embedded("source");
    let engine = open(&bus).await?;
    for event in plain("e", 20) {
        engine.bus.publish(&event).await?;
    }
    engine.close().await;
    let file = place.folder.join("export.jsonl");
    let said = done(&bus, &["export", "--out", text(&file)?])?;
    assert!(said.contains("exported 20 messages, 0 large bodies"), "{said}");
    Ok((bus, file))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_not_whole_changes_nothing() -> anyhow::Result<()> {
    let place = Place::new()?;
    let (_, file) = exported(&place).await?;
    let whole = fs::read_to_string(&file)?;
    let bad = place.folder.join("bad.jsonl");
    let target = place.embedded("target");
    let flipped = whole.replacen("\"payload\":\"ey", "\"payload\":\"ex", 1);
    assert_ne!(whole, flipped, "there is a payload of JSON");
    for (contents, complaint) in [
        (&whole[..whole.len() / 2], "it is cut off"),
        (&whole[..whole.len() - 1], "it is cut off"),
        (&*flipped, "its checksum is wrong"),
        (&*whole.replacen("\"version\":1", "\"version\":2", 1), "it has version 2 of the format"),
        (&*format!("{whole}{whole}"), "there is something behind its last line"),
        ("", "it is cut off"),
        ("no export\n", "line 1 is not of an export"),
    ] {
        fs::write(&bad, contents)?;
        let said = refused(&target, &["import", text(&bad)?], 1)?;
        assert!(said.contains(complaint) && said.contains("bad.jsonl"), "{complaint}: {said}");
    }
    let said = refused(&target, &["import", text(&place.folder.join("nothing.jsonl"))?], 1)?;
    assert!(said.contains("nothing.jsonl"), "{said}");
    // After all of that, the target is empty and whole.
    done(&target, &["import", text(&file)?])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_empty_bus_takes_an_import_and_no_file_is_overwritten() -> anyhow::Result<()> {
    let mut place = Place::new()?;
    let (bus, file) = exported(&place).await?;
    let said = refused(&bus, &["import", text(&file)?], 1)?;
    assert!(said.contains("is not empty"), "{said}");
    let said = refused(&bus, &["export", "--out", text(&file)?], 2)?;
    assert!(said.contains("is there already"), "{said}");

    let nats = place.nats().await?;
    let engine = open(&nats).await?;
    engine.bus.publish(&event("only", "t.plain", "key", 1)).await?;
    engine.close().await;
    let said = refused(&nats, &["import", text(&file)?], 1)?;
    assert!(said.contains("is not empty"), "{said}");
    // A bus that is not there is not made by a question.
    let nothing = place.embedded("nothing");
    for question in ["verify", "export"] {
        refused(&nothing, &[question], 3)?;
    }
    assert!(!place.folder.join("nothing").exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_on_which_services_run_is_left_alone() -> anyhow::Result<()> {
    let resources = "";
    let mut embedded = Signalbox::new(resources, None)?;
    embedded.serve().await?;
    for command in ["verify", "export"] {
        let output = embedded.command(&["store", command])?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(3) && said.contains("stop the services first"), "{said}");
    }
    let nats = Nats::start().await?;
    let mut other = Signalbox::new(resources, Some(nats.url()))?;
    other
        .start(Start {
            arguments: vec!["--only".to_owned(), "gateway,automator".to_owned()],
            ..Start::default()
        })
        .await?;
    other.ready().await?;
    let url: BusUrl = nats.url().parse()?;
    let said = tests::eventually(super::mover::PATIENCE, "the automator is active", async || {
        refused(&url, &["export"], 3)
    })
    .await?;
    assert!(said.contains("services run on") && said.contains("automator"), "{said}");
    Ok(())
}

/// The mark that an import sets before its first write and removes after its last.
async fn half(bus: &BusUrl) -> anyhow::Result<()> {
    let engine = open(bus).await?;
    engine.store.put(Bucket::Lease, "import", b"{}".to_vec(), Expect::Absent, None).await?;
    engine.close().await;
    Ok(())
}

/// Runs the services, to their end.
fn serve(place: &Place, bus: &BusUrl) -> anyhow::Result<std::process::Output> {
    let config = place.folder.join("config");
    fs::create_dir_all(&config)?;
    let mut command = tests::process::command(tests::signalbox::program()?, ["serve", "--only", "automator"]);
    command.args(["--config", text(&config)?, "--bus", &url(bus), "--listen-private", "127.0.0.1:0"]);
    tests::process::output(command)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_an_import_is_recognised_by_everybody() -> anyhow::Result<()> {
    let place = Place::new()?;
    let (_, file) = exported(&place).await?;
    let nats = Nats::start().await?;
    for bus in [place.embedded("half"), nats.url().parse()?] {
        half(&bus).await?;
        for (arguments, code) in [(&["import", text(&file)?][..], 1), (&["export"], 1)] {
            let said = refused(&bus, arguments, code)?;
            assert!(said.contains("half of an import that was cut off"), "{arguments:?}: {said}");
        }
        let output = store(&bus, &["verify"])?;
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.code() == Some(1) && said.contains("half of an import"), "{said}");
        let output = serve(&place, &bus)?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(3) && said.contains("half of an import"), "{said}");
    }
    Ok(())
}

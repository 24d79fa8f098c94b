//! Chaos: the program's own soak, short, on each engine; and it leaves nothing behind.

use std::time::Duration;

use serde_json::Value;
use tests::process::{Process, command, output};
use tests::scratch::Scratch;
use tests::signalbox::program;
use tests::{eventually, skip, tools};

const PATIENCE: Duration = Duration::from_secs(20);
const EVENTS: u64 = 300;
const KILLS: u64 = 6;

fn soak(engine: &str, events: u64, scratch: &Scratch) -> anyhow::Result<std::process::Command> {
    let (events, kills) = (events.to_string(), KILLS.to_string());
    let arguments = ["doctor", "soak", "--engine", engine, "--events", &events, "--kills", &kills];
    let mut command = command(program()?, arguments);
    command.args(["--seed", "4", "--json", "--dir"]).arg(scratch.join("run"));
    command.arg("--nats-server").arg(tools::find("nats-server")?);
    Ok(command)
}

/// Runs it, and returns what it says.
fn accounted(engine: &str) -> anyhow::Result<Value> {
    let scratch = Scratch::new("soak")?;
    let output = output(soak(engine, EVENTS, &scratch)?)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    anyhow::ensure!(output.status.success(), "{engine}: {said} {complaint}");
    let answer: Value = serde_json::from_str(&said)?;
    assert_eq!(answer["right"], true);
    Ok(answer)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// The account is of something: kills were recovered from, and effects, refusals and dead letters are in it.
fn is_about_something(answer: &Value) {
    let all = &answer["in_all"];
    assert!(number(&answer["recovered"]["in all"]["times"]) >= KILLS, "{answer}");
    assert!(number(&all["accepted"]) > EVENTS * 8 / 10, "{answer}");
    assert_eq!(number(&all["stored"]), number(&all["effects"]) + number(&all["dead"]), "{answer}");
    assert!(number(&all["dead"]) > 5 && number(&answer["receiver_asked"]) > 0, "{answer}");
    assert!(number(&all["cut_off"]) > 0, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_stuck_while_the_program_is_killed_on_the_embedded_bus()
-> anyhow::Result<()> {
    let answer = accounted("embedded")?;
    is_about_something(&answer);
    match answer["left_out"].as_str() {
        Some(why) => skip::say(&format!("a part of it: {why}")),
        // By turns under a process that runs, and under one that is killed.
        None => {
            for on in ["full-disk", "full-disk-killed"] {
                assert!(number(&answer["recovered"][on]["times"]) > 0, "{on}: {answer}");
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_stuck_while_services_and_nats_are_killed() -> anyhow::Result<()> {
    is_about_something(&accounted("jetstream")?);
    Ok(())
}

/// Command lines of running processes that name the folder.
fn named(folder: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(folder)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soak_that_is_killed_or_interrupted_leaves_no_process_behind() -> anyhow::Result<()> {
    for interrupted in [false, true] {
        let scratch = Scratch::new("soak")?;
        let folder = scratch.join("run").display().to_string();
        let command = soak("jetstream", 1_000_000, &scratch)?;
        let mut process = Process::start("soak", command, &scratch.join("log"))?;
        eventually(PATIENCE, "all of its processes run", async || {
            // NATS, the gateway and two workers, each with its guard, and the soak itself.
            let named = named(&folder);
            anyhow::ensure!(named.len() == 9, "{named:?}");
            Ok(())
        })
        .await?;
        if interrupted {
            let status = process.terminate(PATIENCE).await?;
            assert_eq!(status.code(), Some(1));
            assert!(process.output()?.contains("it was interrupted"), "{}", process.last_words());
        } else {
            process.kill9()?;
        }
        eventually(PATIENCE, "none of its processes runs", async || {
            let named = named(&folder);
            anyhow::ensure!(named.is_empty(), "{named:?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

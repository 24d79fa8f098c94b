//! Every tick of a schedule comes once: also when the program, or the bus, is killed at any instant, and with two programs
//! on one server. And an Automation acts on it.

use std::time::Duration;

use chassis::{BusUrl, Engine, Position};
use chrono::{DateTime, TimeDelta, Utc};
use events::Kind;
use events::payload::schedule::Ticked;
use tests::nats::Nats;
use tests::receiver::Receiver;
use tests::signalbox::{Signalbox, Start};

const PATIENCE: Duration = Duration::from_mins(1);

/// A clock that ticks each second, and makes up for each tick that was missed.
const CLOCK: &str = "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {name: clock}\nspec: {schedule: {cron: '* \
                     * * * * *', catchUp: all}}\n";

/// The ticks in the log, in its order.
async fn ticks(engine: &Engine) -> anyhow::Result<Vec<Ticked>> {
    let (mut ticks, mut from) = (Vec::new(), Position(1));
    loop {
        let page = engine.bus.read(from, 500).await?;
        let Some(last) = page.last() else { return Ok(ticks) };
        from = Position(last.position.0 + 1);
        for event in page.iter().flat_map(|recorded| &recorded.event) {
            if event.ty() == Kind::ScheduleTicked.name() {
                ticks.push(event.payload::<Ticked>()?);
            }
        }
    }
}

/// Each second from the first tick to the last, once and in order.
fn account(ticks: &[Ticked]) {
    let nominal: Vec<DateTime<Utc>> = ticks.iter().map(|tick| tick.nominal).collect();
    let (Some(first), Some(last)) = (nominal.first(), nominal.last()) else { panic!("there is no tick") };
    let seconds = (*last - *first).num_seconds();
    let wanted: Vec<_> = (0..=seconds).map(|second| *first + TimeDelta::seconds(second)).collect();
    assert_eq!(nominal, wanted);
}

/// A wait between 0.7 and 2.7 s that differs from round to round and is the same in every run.
fn instant(seed: u64) -> Duration {
    let mixed = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    Duration::from_millis(700 + mixed % 2000)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automation_acts_on_a_tick() -> anyhow::Result<()> {
    let (secrets, team) = (tempfile::tempdir()?, Receiver::start().await?);
    let url = secrets.path().join("url");
    std::fs::write(&url, team.url())?;
    let mut signalbox = Signalbox::new(
        &format!(
            "{CLOCK}---\napiVersion: signalbox.dev/v1alpha1\nkind: Channel\nmetadata: {{name: team}}\nspec: {{webhook: {{url: \
             {{file: {}}}}}}}\n---\napiVersion: signalbox.dev/v1alpha1\nkind: Automation\nmetadata: {{name: tell}}\nspec:\n  on: \
             [{{type: io.signalbox.schedule.ticked.v1, subject: clock}}]\n  when: data.cause == \"due\"\n  do: [{{notify: \
             {{channel: team, text: \"it is {{{{ data.nominal }}}}\"}}}}]\n",
            url.display()
        ),
        None,
    )?;
    signalbox.serve().await?;
    tests::eventually(PATIENCE, "the team is told", async || {
        anyhow::ensure!(team.posted().len() >= 3, "{} are there", team.posted().len());
        Ok(())
    })
    .await?;
    let listed = signalbox.output(&["schedule", "list", "--config", "config", "--json"])?;
    let clock: serde_json::Value = serde_json::from_str(&listed)?;
    assert_eq!((&clock["name"], &clock["words"]), (&"clock".into(), &"every second".into()));
    assert!(clock["last"].is_string(), "{clock}");
    signalbox.process()?.terminate(PATIENCE).await?;

    let engine = Engine::open(&BusUrl::Embedded(signalbox.dir().join("bus"))).await?;
    let ticks = ticks(&engine).await?;
    account(&ticks);
    let mut told: Vec<String> = Vec::new();
    for posted in team.posted() {
        told.push(posted.json()?["text"].as_str().unwrap_or_default().to_owned());
    }
    let wanted: Vec<String> = ticks
        .iter()
        .map(|tick| format!("it is {}", tick.nominal.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)))
        .collect();
    // Those of the last moment may be on their way.
    assert_eq!(told, wanted[..told.len()], "each tick once and in order");
    engine.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tick_comes_once_over_kills_and_restarts_of_the_program() -> anyhow::Result<()> {
    let mut signalbox = Signalbox::new(CLOCK, None)?;
    for round in 0..9 {
        let at = match round % 3 {
            0 => None,
            1 => Some("scheduler-kept"),
            _ => Some("scheduler-published"),
        };
        let environment = at.map(|at| ("SIGNALBOX_KILL_AT".to_owned(), at.to_owned())).into_iter().collect();
        let started = signalbox.start(Start { environment, ..Start::default() }).await;
        match (at, started) {
            // The kill must come at an instant that nothing waits for.
            (None, started) => {
                started?;
                tokio::time::sleep(instant(round)).await;
                signalbox.process()?.kill9()?;
            }
            (Some(_), Ok(())) => signalbox.process()?.was_killed(PATIENCE).await?,
            // A tick that waits since the last kill is published before anything listens.
            (Some(_), Err(error)) => anyhow::ensure!(format!("{error:#}").contains("SIGKILL"), error),
        }
    }
    signalbox.serve().await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    signalbox.process()?.terminate(PATIENCE).await?;
    let engine = Engine::open(&BusUrl::Embedded(signalbox.dir().join("bus"))).await?;
    let ticks = ticks(&engine).await?;
    println!("{} ticks over 9 kills", ticks.len());
    account(&ticks);
    engine.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tick_comes_once_with_two_programs_that_are_killed_in_turn_and_a_bus_that_is_killed_too()
-> anyhow::Result<()> {
    let mut nats = Nats::start().await?;
    let mut programs = [Signalbox::new(CLOCK, Some(nats.url()))?, Signalbox::new(CLOCK, Some(nats.url()))?];
    let only = || Start { arguments: vec!["--only".to_owned(), "scheduler".to_owned()], ..Start::default() };
    let engine = Engine::open(&nats.url().parse()?).await?;
    for program in &mut programs {
        program.start(only()).await?;
        program.ready().await?;
    }
    let mut before = 0;
    for round in 0..4 {
        // The one that is active is always the one that was not killed last.
        tests::eventually(PATIENCE, "ticks come", async || {
            let count = ticks(&engine).await?.len();
            anyhow::ensure!(count > before + 2, "{count} are there, {before} were");
            Ok(())
        })
        .await?;
        tokio::time::sleep(instant(round)).await;
        before = ticks(&engine).await?.len();
        if round == 2 {
            nats.kill9()?;
            nats.resume().await?;
            continue;
        }
        let victim = &mut programs[usize::try_from(round % 2)?];
        victim.process()?.kill9()?;
        victim.start(only()).await?;
    }
    tests::eventually(PATIENCE, "ticks come", async || {
        let count = ticks(&engine).await?.len();
        anyhow::ensure!(count > before + 2, "{count} are there, {before} were");
        Ok(())
    })
    .await?;
    let mut signs = 0;
    for program in &mut programs {
        program.process()?.terminate(PATIENCE).await?;
        signs += program.process()?.output()?.matches("\"message\":\"active\"").count();
    }
    let ticks = ticks(&engine).await?;
    println!("{} ticks, the last processes became active {signs} times", ticks.len());
    assert!(signs >= 1);
    account(&ticks);
    engine.close().await;
    Ok(())
}

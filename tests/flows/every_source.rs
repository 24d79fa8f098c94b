//! Every source at once, while the program, its twin and NATS are killed: each input that was accepted is on the bus once,
//! and so is each tick. `SOAK_SECONDS=300 tests/run every_source` is the long one.

use std::time::Duration;

use chassis::{BusUrl, Engine};
use tests::nats::Nats;
use tests::signalbox::Signalbox;
use tests::soak::{self, Senders, account, instant};
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(30);
/// Fewer kills would prove little.
const KILLS: u64 = 5;

/// Ends the senders and compares what they sent with what is there.
async fn accounted(
    senders: Senders,
    kills: u64,
    engine: impl AsyncFnOnce() -> anyhow::Result<Engine>,
) -> anyhow::Result<()> {
    let accepted = senders.end().await?;
    let engine = engine().await?;
    let log = soak::log(&engine).await?;
    let wrong = account(&accepted, &log)?;
    engine.close().await;
    println!("{kills} kills, {} events, accepted: {accepted:?}", log.len());
    assert!(wrong.is_empty(), "{wrong:?}; {kills} kills, accepted: {accepted:?}");
    assert!(accepted.values().all(|count| *count > 20), "{accepted:?}");
    assert!(kills >= KILLS, "{kills} kills");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_is_accounted_for_while_the_program_is_killed_on_the_embedded_bus() -> anyhow::Result<()>
{
    let secrets = tempfile::tempdir()?;
    let mut signalbox = Signalbox::new(&soak::resources(secrets.path())?, None)?;
    signalbox.serve().await?;
    let senders = Senders::begin()?;
    senders.send_to(vec![signalbox.public().to_owned()]);
    let (end, mut kills) = (Instant::now() + soak::length()?, 0);
    while Instant::now() < end {
        // It must come at an instant that nothing waits for.
        tokio::time::sleep(instant(kills)).await;
        signalbox.process()?.kill9()?;
        kills += 1;
        signalbox.serve().await?;
        senders.send_to(vec![signalbox.public().to_owned()]);
    }
    accounted(senders, kills, async || {
        assert_eq!(signalbox.output(&["dead", "list", "--json"])?, "");
        signalbox.process()?.terminate(PATIENCE).await?;
        Ok(Engine::open(&BusUrl::Embedded(signalbox.dir().join("bus"))).await?)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_is_accounted_for_while_two_programs_and_nats_are_killed() -> anyhow::Result<()> {
    let (secrets, mut nats) = (tempfile::tempdir()?, Nats::start().await?);
    let resources = soak::resources(secrets.path())?;
    let mut programs =
        [Signalbox::new(&resources, Some(nats.url()))?, Signalbox::new(&resources, Some(nats.url()))?];
    for program in &mut programs {
        program.serve().await?;
    }
    let senders = Senders::begin()?;
    let addresses =
        |programs: &[Signalbox; 2]| programs.iter().map(|program| program.public().to_owned()).collect();
    senders.send_to(addresses(&programs));
    let (end, mut kills) = (Instant::now() + soak::length()?, 0);
    while Instant::now() < end {
        // It must come at an instant that nothing waits for.
        tokio::time::sleep(instant(kills)).await;
        match kills % 3 {
            2 => {
                nats.kill9()?;
                nats.resume().await?;
            }
            which => {
                let program = &mut programs[usize::try_from(which)?];
                program.process()?.kill9()?;
                program.start(tests::signalbox::Start::default()).await?;
                senders.send_to(addresses(&programs));
            }
        }
        kills += 1;
    }
    accounted(senders, kills, async || {
        for program in &mut programs {
            program.ready().await?;
            program.process()?.terminate(PATIENCE).await?;
        }
        Ok(Engine::open(&nats.url().parse()?).await?)
    })
    .await
}

//! The end of a run: everything that is under way ends, the services end, and what is kept is read.

use std::time::Duration;

use tokio::time::Instant;

use super::account::Wrong;
use super::gather::{self, Gathered};
use super::load::Sent;
use super::plan::Fate;
use super::storm::PATIENCE;
use super::world::World;

/// Counting what is missing looks at every event.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// What was cut off when the services ended goes on after the next start; this long is waited for it.
const ONCE_MORE: Duration = Duration::from_secs(15);
/// How often that may come to nothing before it is called stuck.
const TRIES: u32 = 2;

/// Waits as long as anything goes on, and reads what is kept. What is stuck then is stuck.
pub async fn settle(world: &mut World) -> anyhow::Result<(Gathered, Vec<String>)> {
    let mut complaints = Vec::new();
    while_it_goes_on(world).await?;
    let (mut fewest, mut tries) = (usize::MAX, 0);
    loop {
        if let Err(complaint) = world.cast.terminate_services().await {
            complaints.push(format!("{complaint:#}"));
        }
        let gathered = gather::read(&world.cast.bus()?).await?;
        let findings = world.findings(&gathered);
        let stuck = findings.iter().filter(|finding| finding.wrong == Wrong::Stuck).count();
        tries = if stuck < fewest { 0 } else { tries + 1 };
        fewest = fewest.min(stuck);
        if stuck == 0 || tries == TRIES {
            return Ok((gathered, complaints));
        }
        world.cast.start().await?;
        tokio::time::sleep(ONCE_MORE).await;
    }
}

async fn while_it_goes_on(world: &mut World) -> anyhow::Result<()> {
    let (mut seen, mut since) = (world.progress.sum(), Instant::now());
    while missing(world) > 0 && since.elapsed() < PATIENCE {
        world.cast.look()?;
        tokio::time::sleep(LOOK_EVERY).await;
        if world.progress.sum() != seen {
            (seen, since) = (world.progress.sum(), Instant::now());
        }
    }
    Ok(())
}

/// Accepted events of which nothing has arrived yet.
fn missing(world: &World) -> usize {
    let arrived = world.receiver.arrived();
    let is_missing = |n: &u64| {
        let arrived = arrived.get(n).copied().unwrap_or_default();
        world.load.sent(*n) == Sent::Accepted
            && match world.plan.fate(*n) {
                Fate::Broken => false,
                Fate::Refused => arrived.refused == 0,
                Fate::Plain | Fate::Twice | Fate::Unavailable | Fate::AnswerLost => arrived.taken == 0,
            }
    };
    (0..world.plan.events).filter(is_missing).count()
}

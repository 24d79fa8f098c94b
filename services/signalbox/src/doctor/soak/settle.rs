//! The end of a run. First it is judged while everything runs: whatever is still neither done nor given up when nothing has
//! moved for a while is stuck. Only then the services end and are started again, which tells whether that would have
//! helped; and at last what is kept is read from the bus itself.

use std::time::Duration;

use tokio::time::Instant;

use super::account::{self, Finding};
use super::gather::{self, Gathered, Running};
use super::load::Sent;
use super::plan::Fate;
use super::storm::PATIENCE;
use super::world::World;

/// Counting what is missing looks at every event.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// What is kept is asked for this often.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// What was cut off when the services ended goes on after the next start; this long is waited for it.
const ONCE_MORE: Duration = Duration::from_secs(15);
/// How often that may come to nothing before it is called stuck.
const TRIES: u32 = 2;

/// How it stands at the end.
pub struct Settled {
    /// What is kept.
    pub gathered: Gathered,
    /// What was stuck before anything was restarted.
    pub stuck: Vec<Finding>,
    /// What did not end or could not be asked.
    pub complaints: Vec<String>,
}

/// Waits as long as anything goes on, judges, and reads what is kept.
pub async fn settle(world: &mut World) -> anyhow::Result<Settled> {
    while_it_goes_on(world).await?;
    let (stuck, mut complaints) = match judge(world).await {
        Ok(stuck) => (stuck, Vec::new()),
        Err(error) => (Vec::new(), vec![format!("it could not be judged while it ran: {error:#}")]),
    };
    let (mut fewest, mut tries) = (usize::MAX, 0);
    loop {
        if let Err(complaint) = world.cast.terminate_services().await {
            complaints.push(format!("{complaint:#}"));
        }
        let gathered = gather::read(&world.cast.bus()?).await?;
        let left = account::stuck(&world.known(&gathered)).len();
        tries = if left < fewest { 0 } else { tries + 1 };
        fewest = fewest.min(left);
        if left == 0 || tries == TRIES {
            return Ok(Settled { gathered, stuck, complaints });
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

/// What is stuck when nothing has moved for [`PATIENCE`], with everything running.
async fn judge(world: &mut World) -> anyhow::Result<Vec<Finding>> {
    let mut running = Running::open(world.cast.bus()?).await?;
    let (mut before, mut since) = (usize::MAX, Instant::now());
    let judged = loop {
        world.cast.look()?;
        let gathered = match running.read().await {
            Ok(gathered) => gathered,
            Err(error) => break Err(error),
        };
        let stuck = account::stuck(&world.known(gathered));
        if stuck.len() < before {
            (before, since) = (stuck.len(), Instant::now());
        }
        if stuck.is_empty() || since.elapsed() > PATIENCE {
            break Ok(stuck);
        }
        tokio::time::sleep(ASK_EVERY).await;
    };
    running.close().await;
    judged
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

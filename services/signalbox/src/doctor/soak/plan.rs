//! What is going to happen: a fate for each event and the kills, all from one number. Pure.

use std::time::Duration;

use strum::{EnumIter, IntoEnumIterator as _, IntoStaticStr};

use super::chance::{Chance, mix};
use crate::cli::SoakEngine;

/// Channels, and with them partition keys: enough that a failed effect, which holds up its own channel, does not hold up
/// the rest.
pub const CHANNELS: u64 = 64;
/// Events of each fate but the plain one, of a thousand; of few events more, so that every fate is there.
const SHARE: u64 = 5;
const SHARE_OF_FEW: u64 = 20;
const FEW: u64 = 5_000;
/// Deliveries that are not sent again after a failure, of a thousand: GitHub never sends again by itself.
const GIVEN_UP: u64 = 100;
/// Bodies that do not fit into the log of either engine, of a thousand.
const LARGE: u64 = 2;
/// The first part of the events is sent without a kill, the last one too, so that the last kill is recovered from.
const CALM: f64 = 0.1;
const KILLS_END: f64 = 0.9;
/// The longest time that something stays down. Long enough to be noticed by those who are connected.
const DOWN: Duration = Duration::from_millis(600);
/// A program that is killed while it starts gets this long at most: an opening of the bus is some tens of milliseconds.
const STARTING: Duration = Duration::from_millis(120);

/// All that is going to happen.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What everything here is made from.
    pub seed: u64,
    /// How many events there are, numbered from 0.
    pub events: u64,
    /// The kills in their order.
    pub kills: Vec<Kill>,
}

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Fate {
    /// Its effect happens.
    Plain,
    /// It is delivered a second time after it was accepted.
    Twice,
    /// The receiver answers 503 to the first one or two tries of its effect.
    Unavailable,
    /// The receiver takes its effect and answers 500, so that nobody knows whether it happened.
    AnswerLost,
    /// The receiver refuses its effect for ever: a dead letter of the notifier.
    Refused,
    /// The rule cannot be applied to it: a dead letter of the automator.
    Broken,
}

/// Something is killed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kill {
    /// When.
    pub at: Point,
    /// What.
    pub victim: Victim,
    /// How long it stays down, or, of what is killed while it starts, how long it gets.
    pub down: Duration,
}

/// A point in the run that does not depend on how fast the machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// So many events are accepted.
    Accepted(u64),
    /// So many effects have happened.
    Effects(u64),
}

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Victim {
    /// The one process of the embedded bus.
    Serve,
    /// The same, and again while it starts.
    ServeStarting,
    /// The gateway.
    Gateway,
    /// One of the processes with the automator and the notifier.
    WorkerA,
    /// The other one.
    WorkerB,
    /// Both.
    Workers,
    /// The NATS server.
    Nats,
    /// The NATS server, asked to end and started again.
    NatsRestart,
    /// All at once.
    Everything,
}

impl Victim {
    /// Its name.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// What there is to be killed on an engine.
    fn of(engine: SoakEngine) -> impl Iterator<Item = Self> {
        Self::iter().filter(move |victim| match victim {
            Self::Serve | Self::ServeStarting => engine == SoakEngine::Embedded,
            Self::Gateway
            | Self::WorkerA
            | Self::WorkerB
            | Self::Workers
            | Self::Nats
            | Self::NatsRestart
            | Self::Everything => engine == SoakEngine::Jetstream,
        })
    }
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64, events: u64, kills: u64, engine: SoakEngine) -> Self {
        let mut chance = Chance::new(seed);
        let victims: Vec<Victim> = Victim::of(engine).collect();
        let mut round = Vec::new();
        let kills = (0..kills).map(|index| {
            if round.is_empty() {
                // In rounds, so that everything is killed about equally often.
                round.clone_from(&victims);
                chance.shuffle(&mut round);
            }
            let victim = round.pop().unwrap_or(Victim::Serve);
            let longest = if victim == Victim::ServeStarting { STARTING } else { DOWN };
            let down = longest.mul_f64(chance.fraction());
            let place = (precise(index) + chance.fraction()) / precise(kills);
            let at = precise(events) * (CALM + place * (KILLS_END - CALM));
            Kill { at: point(&mut chance, whole(at)), victim, down }
        });
        let kills = kills.collect();
        Self { seed, events, kills }
    }

    /// The events before this one are sent without a kill.
    pub fn calm(&self) -> u64 {
        if self.kills.is_empty() { self.events } else { whole(precise(self.events) * CALM) }
    }

    /// What becomes of an event.
    pub fn fate(&self, n: u64) -> Fate {
        let share = if self.events <= FEW { SHARE_OF_FEW } else { SHARE };
        let rare = [Fate::Twice, Fate::Unavailable, Fate::AnswerLost, Fate::Refused, Fate::Broken];
        let drawn = usize::try_from(self.draw(n, 1) % 1000 / share).unwrap_or(usize::MAX);
        rare.get(drawn).copied().unwrap_or(Fate::Plain)
    }

    /// How often the receiver answers 503 to an event of [`Fate::Unavailable`].
    pub fn unavailable(&self, n: u64) -> u32 {
        1 + u32::from(self.draw(n, 2) % 2 == 1)
    }

    /// Whether its sender gives up after a failure.
    pub fn gives_up(&self, n: u64) -> bool {
        self.draw(n, 3) % 1000 < GIVEN_UP
    }

    /// Whether its body is a large one.
    pub fn is_large(&self, n: u64) -> bool {
        self.draw(n, 4) % 1000 < LARGE
    }

    /// Its channel.
    pub fn channel(&self, n: u64) -> u64 {
        self.draw(n, 5) % CHANNELS
    }

    fn draw(&self, n: u64, what: u64) -> u64 {
        mix(mix(self.seed ^ what.rotate_left(56)).wrapping_add(n))
    }
}

fn point(chance: &mut Chance, count: u64) -> Point {
    if chance.next().is_multiple_of(2) { Point::Accepted(count) } else { Point::Effects(count) }
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub fn precise(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, never negative")]
fn whole(count: f64) -> u64 {
    count as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use strum::IntoEnumIterator as _;

    use super::{Fate, Plan, Point, Victim};
    use crate::cli::SoakEngine;

    #[test]
    fn one_seed_is_one_plan_and_another_is_another() {
        let (one, same) =
            (Plan::new(7, 300, 6, SoakEngine::Jetstream), Plan::new(7, 300, 6, SoakEngine::Jetstream));
        assert_eq!(one.kills, same.kills);
        assert!((0..300).all(|n| one.fate(n) == same.fate(n) && one.channel(n) == same.channel(n)));
        let other = Plan::new(8, 300, 6, SoakEngine::Jetstream);
        assert_ne!(one.kills, other.kills);
        assert!((0..300).any(|n| one.fate(n) != other.fate(n)));
    }

    #[test]
    fn even_a_short_run_has_every_fate_and_mostly_the_plain_one() {
        let plan = Plan::new(1, 400, 6, SoakEngine::Embedded);
        let fates: Vec<Fate> = (0..400).map(|n| plan.fate(n)).collect();
        assert!(Fate::iter().all(|fate| fates.contains(&fate)), "{fates:?}");
        assert!(fates.iter().filter(|fate| **fate == Fate::Plain).count() > 300);
        let long = Plan::new(1, 100_000, 6, SoakEngine::Embedded);
        let rare = (0..100_000).filter(|n| long.fate(*n) == Fate::Refused).count();
        assert!((400..600).contains(&rare), "{rare} of 100000, wanted 5 of 1000");
    }

    #[test]
    fn kills_come_in_order_between_calm_times_and_everything_gets_its_turn() {
        for (engine, kinds) in [(SoakEngine::Embedded, 2), (SoakEngine::Jetstream, 7)] {
            let plan = Plan::new(3, 10_000, 70, engine);
            let counts: Vec<u64> = plan.kills.iter().map(|kill| count(kill.at)).collect();
            assert!(counts.is_sorted(), "{counts:?}");
            assert!(counts.iter().all(|count| (plan.calm()..=9_000).contains(count)), "{counts:?}");
            let victims: BTreeSet<Victim> = plan.kills.iter().map(|kill| kill.victim).collect();
            assert_eq!(victims.len(), kinds);
            for victim in victims {
                assert_eq!(plan.kills.iter().filter(|kill| kill.victim == victim).count(), 70 / kinds);
            }
        }
    }

    fn count(point: Point) -> u64 {
        match point {
            Point::Accepted(count) | Point::Effects(count) => count,
        }
    }
}

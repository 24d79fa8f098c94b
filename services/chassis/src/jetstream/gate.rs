//! Keeps the order across a restart, a fail-over and a broken connection.
//!
//! What a dead process had under way comes back only after its ack wait, and newer events of its keys must not be
//! handled before. So at the start a consumer with such deliveries is told to give out nothing new (its limit of
//! unsettled deliveries is set to 1) until all of them have come back, or cannot come any more. Put-off deliveries are
//! not waited for: what was put off is written down ([`super::place`]).
//!
//! Pure: the numbers come from the server's consumer info.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

/// Time for the server's timer and the way, beyond the ack wait.
const MARGIN: Duration = Duration::from_secs(2);

/// What is waited for.
#[derive(Debug)]
pub enum Gate {
    /// Nothing.
    Open,
    /// Deliveries of a former life, or of a connection that broke.
    Closed {
        /// New is what stands above.
        above: u64,
        /// How many are missing.
        missing: usize,
        /// Which have come.
        came: BTreeSet<u64>,
        /// When they cannot come any more.
        until: Instant,
        /// As long as they come one after the other, each is waited for this long.
        patience: Duration,
    },
}

/// What the server says about deliveries that nobody has settled, and what is known of them.
#[derive(Debug, Clone, Copy)]
pub struct Pending {
    /// All of them.
    pub all: usize,
    /// Those that this process has.
    pub here: usize,
    /// Those that are put off.
    pub put_off: usize,
    /// The last place that was delivered.
    pub above: u64,
    /// The ack wait under which they were delivered.
    pub ack_wait: Duration,
}

impl Gate {
    /// Closed while deliveries are missing.
    pub fn of(pending: Pending, now: Instant) -> Self {
        let Pending { all, here, put_off, above, ack_wait } = pending;
        let missing = all.saturating_sub(here).saturating_sub(put_off);
        if missing == 0 {
            return Self::Open;
        }
        let patience = ack_wait + MARGIN;
        Self::Closed { above, missing, came: BTreeSet::new(), until: now + patience, patience }
    }

    /// Whether a delivery may be given out; counts it if it is one that was missing. Those wait for each other, too: each
    /// comes back when its own ack wait is over, which is in no order.
    pub fn pass(&mut self, position: u64, again: bool, now: Instant) -> bool {
        match self {
            Self::Open => true,
            Self::Closed { above, missing, came, until, patience } => {
                if (again || position <= *above) && came.insert(position) {
                    *missing = missing.saturating_sub(1);
                    *until = now + *patience;
                }
                false
            }
        }
    }

    /// When it opens by itself; `None` when it is open. Nothing missing: now.
    pub fn opens(&self, now: Instant) -> Option<Instant> {
        match self {
            Self::Open => None,
            Self::Closed { missing: 0, .. } => Some(now),
            Self::Closed { until, .. } => Some(*until),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(10);

    fn pending(all: usize, here: usize, put_off: usize) -> Pending {
        Pending { all, here, put_off, above: 100, ack_wait: WAIT }
    }

    #[tokio::test]
    async fn nothing_is_waited_for_when_all_that_is_unsettled_is_here_or_put_off() {
        for open in [pending(0, 0, 0), pending(5, 2, 3), pending(1, 0, 4)] {
            assert!(matches!(Gate::of(open, Instant::now()), Gate::Open), "{open:?}");
        }
    }

    #[tokio::test]
    async fn what_is_new_waits_until_all_that_was_under_way_is_back() {
        let now = Instant::now();
        let mut gate = Gate::of(pending(3, 0, 1), now);
        let later = now + Duration::from_secs(1);
        assert!(!gate.pass(101, false, later), "a new one");
        assert_eq!(gate.opens(now), Some(now + WAIT + MARGIN));
        assert!(!gate.pass(7, true, later), "one that was under way waits for those before it");
        assert!(!gate.pass(7, true, later + WAIT), "once more, which does not count");
        assert_eq!(gate.opens(now), Some(later + WAIT + MARGIN), "the next one may take as long again");
        assert!(!gate.pass(102, false, later));
        assert!(!gate.pass(9, true, later));
        assert_eq!(gate.opens(now), Some(now));
    }

    #[tokio::test]
    async fn a_delivery_that_was_lost_on_the_way_counts_although_it_stands_above() {
        let now = Instant::now();
        let mut gate = Gate::of(pending(1, 0, 0), now);
        assert!(!gate.pass(105, true, now));
        assert_eq!(gate.opens(now), Some(now));
    }
}

//! What the server waits for, and who has it: what nobody has is still to come, and newer events wait for it.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use super::Place;

/// Of the deliveries that the server has not settled: how many this process has, and how many are put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// This process has them, and will settle them.
    pub here: usize,
    /// They are put off.
    pub put_off: usize,
}

impl Place {
    /// The server was told what became of a delivery, and did not confirm it: it settles it, or delivers it again.
    pub fn unconfirmed(&self, position: u64) {
        if self.outstanding.lock().unwrap_or_else(PoisonError::into_inner).contains(&position) {
            self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner).insert(position);
        }
    }

    /// Who has what the server has not settled above its floor. Too little is right here: what is not counted is waited for,
    /// and comes in an ack wait or was settled; what is counted and is not there would hide one that is to come, and a newer
    /// event would pass it.
    pub fn known(&self, floor: u64, put_off: impl IntoIterator<Item = u64>) -> Known {
        let unconfirmed = self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut here = self.outstanding();
        here.retain(|position| *position > floor && !unconfirmed.contains(position));
        // That something is put off is written down for a moment longer than it is.
        let settled = self.record().settled;
        let is_put_off =
            |position: &u64| *position > floor && !here.contains(position) && !settled.contains(position);
        Known { put_off: put_off.into_iter().filter(is_put_off).count(), here: here.len() }
    }

    /// The server has settled everything below.
    pub(super) fn forget_unconfirmed(&self, below: u64) {
        let mut unconfirmed = self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner);
        let stay = unconfirmed.split_off(&below);
        let gone: BTreeSet<u64> = std::mem::replace(&mut unconfirmed, stay);
        let mut outstanding = self.outstanding.lock().unwrap_or_else(PoisonError::into_inner);
        outstanding.retain(|position| !gone.contains(position));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::super::{Record, VERSION};
    use super::*;
    use crate::bus::{ConsumerSpec, Start};

    fn place() -> Place {
        let spec = ConsumerSpec {
            name: "h".to_owned(),
            types: vec!["t.*".to_owned()],
            start: Start::Beginning,
            ack_wait: Duration::from_secs(10),
            max_in_flight: 8,
        };
        let record = Record {
            v: VERSION,
            log: String::new(),
            floor: 0,
            settled: BTreeSet::new(),
            made: None,
            passed: None,
            unsettled: BTreeSet::new(),
        };
        Place::new(&spec, record)
    }

    fn known(place: &Place, floor: u64, put_off: &[u64]) -> (usize, usize) {
        let Known { here, put_off } = place.known(floor, put_off.iter().copied());
        (here, put_off)
    }

    #[test]
    fn what_may_be_settled_or_come_again_is_not_said_to_be_here() {
        let place = place();
        for position in [1, 2, 3, 4] {
            assert!(place.arrived(position));
        }
        assert_eq!(known(&place, 0, &[]), (4, 0));
        // The server was killed: it has settled 2, or will deliver it again.
        place.unconfirmed(2);
        assert_eq!(known(&place, 0, &[]), (3, 0));
        assert!(place.arrived(2), "it comes again");
        assert_eq!(known(&place, 0, &[]), (4, 0));
        place.settled(2);
        place.unconfirmed(2);
        assert_eq!(known(&place, 0, &[]), (3, 0));
        // The server has settled what it did not confirm.
        place.unconfirmed(1);
        assert_eq!(known(&place, 3, &[]), (1, 0));
        place.forget_unconfirmed(3);
        assert_eq!(place.outstanding(), [3, 4].into());
    }

    #[test]
    fn what_was_put_off_and_is_settled_is_not_put_off_any_more() {
        let place = place();
        for position in [5, 6] {
            assert!(place.arrived(position));
        }
        // 5 came back and is here, 6 was settled, 7 is put off; 2 stands below what the server has settled.
        place.settled(6);
        assert_eq!(known(&place, 3, &[2, 5, 6, 7]), (1, 1));
    }
}

//! What the server dropped before a handler had it: by age, for want of room, or because somebody purged the log.
//!
//! Pure: told of what arrives, and now and then of what the server has.

/// A stretch of the log, both ends included.
pub type Stretch = (u64, u64);

/// Up to where a handler has got what is its own.
#[derive(Debug, Default)]
pub struct Passed {
    /// Everything of the handler's up to here was given to it; nothing is known yet before the first look.
    up_to: Option<u64>,
    /// The first stretch that was passed over since the last look: what is not the handler's, or was dropped.
    over: Option<Stretch>,
}

impl Passed {
    /// As an earlier process knew it.
    pub fn known(up_to: Option<u64>) -> Self {
        Self { up_to, over: None }
    }

    /// Up to where it has got.
    pub fn up_to(&self) -> Option<u64> {
        self.up_to
    }

    /// A delivery came.
    pub fn arrived(&mut self, position: u64) {
        let Some(before) = self.up_to else {
            self.up_to = Some(position);
            return;
        };
        if position > before + 1 && self.over.is_none() {
            self.over = Some((before + 1, position - 1));
        }
        self.up_to = Some(before.max(position));
    }

    /// The oldest position that the server has is `first`. Returns what was dropped of what the handler did not get: events
    /// of others in the stretch are counted, too.
    pub fn look(&mut self, first: u64) -> Vec<Stretch> {
        let mut lost = Vec::new();
        if let Some((from, to)) = self.over.take().filter(|(from, _)| *from < first) {
            lost.push((from, to.min(first - 1)));
        }
        let end = first.saturating_sub(1);
        match self.up_to {
            Some(up_to) if up_to < end => lost.push((up_to + 1, end)),
            Some(_) | None => {}
        }
        self.up_to = self.up_to.max(Some(end));
        lost
    }

    /// Nothing of the handler's stands before `next`, apart from what it got.
    pub fn nothing_before(&mut self, next: u64) {
        self.up_to = self.up_to.max(Some(next.saturating_sub(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_behind_a_handler_is_not_lost() {
        let mut passed = Passed::default();
        assert_eq!(passed.look(500), [], "it begins where the log does");
        for position in 500..600 {
            passed.arrived(position);
        }
        assert_eq!(passed.look(600), []);
    }

    #[test]
    fn what_is_dropped_before_a_handler_got_it_is_lost_and_told_once() {
        let mut passed = Passed::known(Some(10));
        assert_eq!(passed.look(21), [(11, 20)]);
        assert_eq!(passed.look(21), []);
    }

    #[test]
    fn what_is_not_the_handlers_may_go() {
        let mut passed = Passed::known(Some(10));
        passed.nothing_before(100);
        assert_eq!(passed.look(100), []);
        assert_eq!(passed.look(101), [(100, 100)]);
        // Passed over, and still there: of another type.
        passed.arrived(150);
        assert_eq!(passed.look(101), []);
    }

    #[test]
    fn what_was_dropped_between_two_deliveries_is_lost() {
        let mut passed = Passed::known(Some(10));
        passed.arrived(11);
        passed.arrived(20);
        assert_eq!(passed.look(20), [(12, 19)]);
    }
}

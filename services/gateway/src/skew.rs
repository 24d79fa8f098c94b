//! How far the own time of an event is from our clock. Pure.
//!
//! Neither GitHub nor Alertmanager signs the time of sending, so there is no window outside of which a request would be
//! refused: whichever clock is wrong, the event happened. It is accepted, keeps its own time, and the distance is told.

use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{Envelope, Kind};
use strum::IntoStaticStr;

use crate::Limits;

/// An event's own time is far from our clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Skew {
    /// On which side.
    pub(crate) direction: Direction,
    /// How far.
    pub(crate) by: Duration,
}

/// Seen from our clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Direction {
    /// The event is said to happen later than now.
    Ahead,
    /// The event is said to have happened long ago.
    Behind,
}

impl Direction {
    /// The label of the metric.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// How far the event is from `now`, if that is further than the limits say.
///
/// An alert that fires carries the time since when it does, which may well be weeks ago: it is never behind.
pub(crate) fn of(event: &Envelope, now: DateTime<Utc>, limits: &Limits) -> Option<Skew> {
    let time = event.time()?;
    if let Ok(by) = (time - now).to_std() {
        (by > limits.clock_ahead).then_some(Skew { direction: Direction::Ahead, by })
    } else {
        let by = (now - time).to_std().ok()?;
        let since = event.ty() == Kind::AlertFiring.name();
        (by > limits.clock_behind && !since).then_some(Skew { direction: Direction::Behind, by })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta, Utc};
    use events::{Envelope, Kind};

    use super::{Direction, Skew, of};
    use crate::Limits;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).expect("within chrono's range");

    fn skew(ty: &str, ahead_by: TimeDelta) -> Option<Skew> {
        let event = Envelope::builder("1", "/here", ty).time(NOW + ahead_by).build().unwrap();
        of(&event, NOW, &Limits::default())
    }

    #[test]
    fn times_within_the_limits_are_not_remarked_on() {
        for ahead_by in [TimeDelta::zero(), TimeDelta::minutes(5), TimeDelta::days(-3)] {
            assert_eq!(skew("com.github.push", ahead_by), None, "{ahead_by}");
        }
    }

    #[test]
    fn times_beyond_the_limits_are() {
        let ahead = Skew { direction: Direction::Ahead, by: Duration::from_secs(301) };
        assert_eq!(skew("com.github.push", TimeDelta::seconds(301)), Some(ahead));
        let behind = Skew { direction: Direction::Behind, by: Duration::from_secs(3 * 86_400 + 1) };
        assert_eq!(skew("com.github.push", TimeDelta::seconds(-3 * 86_400 - 1)), Some(behind));
    }

    #[test]
    fn an_alert_may_fire_for_weeks_but_not_from_the_future() {
        assert_eq!(skew(Kind::AlertFiring.name(), TimeDelta::weeks(-8)), None);
        assert!(skew(Kind::AlertResolved.name(), TimeDelta::weeks(-8)).is_some());
        assert!(skew(Kind::AlertFiring.name(), TimeDelta::hours(1)).is_some());
    }

    #[test]
    fn an_event_without_a_time_is_not_remarked_on() {
        let event = Envelope::builder("1", "/here", "com.github.create").build().unwrap();
        assert_eq!(of(&event, NOW, &Limits::default()), None);
    }
}

//! What a request may cost, as numbers with names and reasons.

use std::time::Duration;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// What a request may cost. `Limits::default()` suits a small platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest body of a GitHub delivery, in bytes. 25 MiB: GitHub never sends more than 25 MB ("Webhook events and
    /// payloads", "Payload cap").
    pub github_body: usize,
    /// Largest body of an Alertmanager notification, in bytes. 4 MiB: some thousand alerts; a larger group should be cut
    /// with `max_alerts`.
    pub alertmanager_body: usize,
    /// Largest body with CloudEvents, in bytes. 25 MiB: as much as the bus takes of one event.
    pub cloudevents_body: usize,
    /// Largest body of any other webhook, in bytes. 8 MiB: a push of some thousand commits; GitLab and Harbor send less.
    pub webhook_body: usize,
    /// Memory for all bodies that are being read or published, in bytes; beyond it, senders are told to come again.
    /// Never less than the largest single body.
    pub bodies_in_flight: usize,
    /// How long a body may take to arrive, from the end of the headers. 10 s: GitHub has given up by then.
    pub body_within: Duration,
    /// How long the bus may take. 8 s: GitHub gives up after 10 s, and a clear 503 is worth more than a cut line.
    pub publish_within: Duration,
    /// What `Retry-After` says. 5 s: longer than a restart of the bus takes to be noticed, shorter than a person's patience.
    pub retry_after: Duration,
    /// An event whose own time is this far ahead of our clock is accepted with a warning. 5 minutes: what Kerberos and
    /// most token issuers tolerate.
    pub clock_ahead: Duration,
    /// An event whose own time is this far behind our clock is accepted with a warning. 3 days: as long as GitHub lets a
    /// delivery be sent again by hand.
    pub clock_behind: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            github_body: 25 * MIB,
            alertmanager_body: 4 * MIB,
            cloudevents_body: 25 * MIB,
            webhook_body: 8 * MIB,
            bodies_in_flight: 64 * MIB,
            body_within: Duration::from_secs(10),
            publish_within: Duration::from_secs(8),
            retry_after: Duration::from_secs(5),
            clock_ahead: Duration::from_mins(5),
            clock_behind: Duration::from_hours(3 * 24),
        }
    }
}

impl Limits {
    /// A body of this size or less is looked at where it arrives; hashing and reading a larger one would hold up every
    /// other request of the thread for milliseconds, so it goes to a thread of its own.
    pub(crate) const LOOKED_AT_IN_PLACE: usize = 256 * KIB;

    /// How many events a batch may have. 1,000: with an fsync for each, as a NATS server on one node does it, a small disk
    /// stores them within [`Limits::publish_within`].
    pub(crate) const EVENTS_OF_A_BATCH: usize = 1_000;

    /// The memory for bodies: enough for the largest single one, or that one would never be accepted.
    pub(crate) fn budget(&self) -> usize {
        let largest = [self.github_body, self.alertmanager_body, self.cloudevents_body, self.webhook_body]
            .into_iter()
            .max();
        self.bodies_in_flight.max(largest.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn the_budget_always_has_room_for_the_largest_body() {
        let limits = Limits {
            bodies_in_flight: 1,
            github_body: 10,
            alertmanager_body: 20,
            cloudevents_body: 30,
            webhook_body: 25,
            ..Limits::default()
        };
        assert_eq!(limits.budget(), 30);
    }
}

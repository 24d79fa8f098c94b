//! What the log says of alerts. Pure.

use chassis::Position;
use events::payload::alert::{Alert, Status};
use events::{Envelope, extension};

use super::record::{Firing, Record};

/// How many alerts are remembered: with more, the record would outgrow what the bus takes of one value.
const MOST: usize = 4_000;

/// Whether an event is one of an alert.
pub fn is_of_an_alert(event: &Envelope) -> bool {
    event.ty().starts_with("io.prometheus.alert.")
}

/// Learns from an event of an alert. Says whether alerts were left out of its notification.
pub fn learn(record: &mut Record, receiver: &str, position: Position, event: &Envelope) -> bool {
    let Ok(alert) = event.payload::<Alert>() else { return false };
    if alert.receiver != receiver {
        return false;
    }
    record.external_url = alert.external_url.or_else(|| record.external_url.take());
    match alert.status {
        Status::Firing => {
            let newer =
                record.firing.get(&alert.fingerprint).is_none_or(|known| known.starts_at < alert.starts_at);
            if newer && (record.firing.len() < MOST || record.firing.contains_key(&alert.fingerprint)) {
                let firing = Firing { starts_at: alert.starts_at, position, absent: None };
                record.firing.insert(alert.fingerprint, firing);
            }
        }
        Status::Resolved => {
            if record.firing.get(&alert.fingerprint).is_some_and(|known| known.starts_at <= alert.starts_at) {
                record.firing.remove(&alert.fingerprint);
            }
        }
    }
    event.extension(extension::TRUNCATED_ALERTS).is_some()
}

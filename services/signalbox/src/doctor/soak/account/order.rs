//! The order of effects. Of two events of one key, the one that stands first in the log has its first effect first, however
//! often it was retried and whatever was killed. What has no effect (a dead letter) is passed over. Between keys there is
//! no order.

use std::collections::BTreeMap;

use super::{Finding, Known, Wrong};
use crate::doctor::soak::id;

/// Those whose effect came before that of one that stands before them.
pub fn findings(known: &[Known<'_>]) -> Vec<Finding> {
    let mut by_key: BTreeMap<u64, Vec<(u64, u64, u64)>> = BTreeMap::new();
    for Known { n, channel, kept, arrived, .. } in known {
        if kept.position > 0 && arrived.at > 0 {
            by_key.entry(*channel).or_default().push((kept.position, arrived.at, *n));
        }
    }
    let mut findings = Vec::new();
    for mut events in by_key.into_values() {
        events.sort_unstable();
        let mut last = (0, 0);
        for (_, at, n) in events {
            if at < last.0 {
                let because =
                    format!("its effect came before that of {}, which stands before it", id(last.1));
                findings.push(Finding { n, wrong: Wrong::OutOfOrder, because });
            } else {
                last = (at, n);
            }
        }
    }
    findings
}

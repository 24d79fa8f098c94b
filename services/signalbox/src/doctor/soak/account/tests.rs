use super::{Finding, Known, Wrong, all, stuck};
use crate::doctor::soak::gather::Kept;
use crate::doctor::soak::load::Sent;
use crate::doctor::soak::plan::Fate;
use crate::doctor::soak::receiver::Arrived;

const KEPT: Kept = Kept { stored: 1, position: 8, requested: 1, evaluated: 1, sent: 1, failed: 0 };
const TAKEN: Arrived = Arrived { taken: 1, refused: 0, put_off: 0, at: 8 };
const GOOD: Known<'_> = Known {
    n: 7,
    channel: 1,
    fate: Fate::Plain,
    sent: Sent::Accepted,
    kept: KEPT,
    arrived: TAKEN,
    dead: &[],
};

fn wrong(known: Known<'_>) -> Vec<Wrong> {
    all(&[known], Vec::new()).iter().map(|finding| finding.wrong).collect()
}

#[test]
fn what_went_as_it_should_is_right() {
    let (refused, broken) = (["notifier: no".to_owned()], ["automator: no".to_owned()]);
    let refusal = Kept { sent: 0, failed: 1, ..KEPT };
    let breach = Kept { requested: 0, sent: 0, ..KEPT };
    let nothing = Arrived::default();
    for known in [
        GOOD,
        Known { fate: Fate::AnswerLost, ..GOOD },
        Known { sent: Sent::GivenUp, ..GOOD },
        Known { sent: Sent::GivenUp, kept: Kept::default(), arrived: nothing, ..GOOD },
        Known { fate: Fate::Refused, kept: refusal, arrived: nothing, dead: &refused, ..GOOD },
        Known { fate: Fate::Broken, kept: breach, arrived: nothing, dead: &broken, ..GOOD },
    ] {
        assert_eq!(wrong(known), [], "{known:?}");
    }
}

#[test]
fn what_went_wrong_is_named() {
    let nothing = Arrived::default();
    let dead = ["notifier: no".to_owned()];
    let failed = Kept { sent: 0, failed: 1, ..KEPT };
    for (known, expected) in [
        (Known { kept: Kept::default(), arrived: nothing, ..GOOD }, Wrong::Lost),
        (Known { kept: Kept::default(), sent: Sent::GivenUp, ..GOOD }, Wrong::Lost),
        (Known { arrived: nothing, ..GOOD }, Wrong::Lost),
        (Known { arrived: Arrived { taken: 2, ..TAKEN }, ..GOOD }, Wrong::Doubled),
        (Known { kept: Kept { stored: 2, ..KEPT }, ..GOOD }, Wrong::Doubled),
        (Known { kept: Kept { sent: 2, ..KEPT }, ..GOOD }, Wrong::Doubled),
        (Known { kept: Kept { sent: 0, ..KEPT }, ..GOOD }, Wrong::Stuck),
        (Known { kept: Kept { sent: 0, ..KEPT }, arrived: nothing, ..GOOD }, Wrong::Stuck),
        (Known { fate: Fate::Refused, kept: failed, arrived: nothing, ..GOOD }, Wrong::Stuck),
        (Known { kept: failed, arrived: nothing, dead: &dead, ..GOOD }, Wrong::Astray),
        (Known { fate: Fate::Refused, kept: failed, dead: &dead, ..GOOD }, Wrong::Astray),
        (Known { fate: Fate::Broken, kept: failed, arrived: nothing, dead: &dead, ..GOOD }, Wrong::Astray),
    ] {
        assert_eq!(wrong(known), [expected], "{known:?}");
    }
}

/// An event of a key at a place of the log, whose effect was that many-th.
fn placed(n: u64, channel: u64, position: u64, at: u64) -> Known<'static> {
    Known {
        n,
        channel,
        kept: Kept { position, ..KEPT },
        arrived: Arrived { at, taken: u32::from(at > 0), ..TAKEN },
        ..GOOD
    }
}

#[test]
fn a_ledger_with_one_of_each_wrong_reports_each_with_its_id() {
    let mut ledger: Vec<Known<'_>> = (0..50).map(|n| placed(n, n % 4, n + 1, n + 1)).collect();
    assert_eq!(all(&ledger, Vec::new()), []);
    ledger[3].kept = Kept::default();
    ledger[3].arrived = Arrived::default();
    ledger[14].arrived.taken = 2;
    ledger[25].arrived = Arrived::default();
    ledger[25].kept.sent = 0;
    // 36 and 40 are of one key, and the later one came first.
    (ledger[36].arrived.at, ledger[40].arrived.at) = (41, 37);
    let found: Vec<_> =
        all(&ledger, Vec::new()).into_iter().map(|finding| (finding.n, finding.wrong)).collect();
    assert_eq!(found, [(3, Wrong::Lost), (14, Wrong::Doubled), (25, Wrong::Stuck), (40, Wrong::OutOfOrder)]);
}

#[test]
fn order_counts_within_a_key_and_by_the_log_and_not_by_numbers() {
    // By number the wrong way round, by the log the right way.
    assert_eq!(all(&[placed(2, 1, 10, 1), placed(1, 1, 11, 2)], Vec::new()), []);
    // The wrong way round, of two keys.
    assert_eq!(all(&[placed(1, 1, 10, 2), placed(2, 2, 11, 1)], Vec::new()), []);
    let dead = ["notifier: no".to_owned()];
    // A dead letter lets the others through.
    let refused = Known {
        fate: Fate::Refused,
        kept: Kept { position: 11, sent: 0, failed: 1, ..KEPT },
        dead: &dead,
        ..placed(2, 1, 11, 0)
    };
    assert_eq!(all(&[placed(1, 1, 10, 1), refused, placed(3, 1, 12, 2)], Vec::new()), []);
    // Whoever comes last before one of its key is named, and the one that it overtook.
    let findings = all(&[placed(1, 1, 10, 3), placed(2, 1, 11, 1), placed(3, 1, 12, 2)], Vec::new());
    let told: Vec<_> = findings.iter().map(|finding| (finding.n, finding.wrong)).collect();
    assert_eq!(told, [(2, Wrong::OutOfOrder), (3, Wrong::OutOfOrder)]);
    assert!(findings[0].because.contains("soak-0000001"), "{findings:?}");
}

#[test]
fn what_only_a_restart_healed_stays_a_finding() {
    let hung = Known { kept: Kept { sent: 0, ..KEPT }, arrived: Arrived::default(), ..GOOD };
    let before = stuck(&[hung]);
    assert_eq!(before.len(), 1);
    let healed = all(&[GOOD], before.clone());
    assert_eq!(
        healed.iter().map(|finding| (finding.n, finding.wrong)).collect::<Vec<_>>(),
        [(7, Wrong::Stuck)]
    );
    assert!(healed[0].because.ends_with("(until everything was restarted)"), "{healed:?}");
    let still = all(&[hung], before);
    assert_eq!(still.len(), 1, "{still:?}");
    let Finding { n: _, wrong, because } = &still[0];
    assert!(*wrong == Wrong::Stuck && because.ends_with("(also after a restart)"), "{because}");
}

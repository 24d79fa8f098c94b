//! What is remembered from look to look.

use super::*;

#[test]
fn it_is_done_when_it_has_stayed_well_for_the_hold_and_not_before() {
    let mut memory = Memory::new(at(0));
    for second in 0..10 {
        let verdict = verdict(&goal(), &well(), &mut memory, at(second));
        assert_eq!(verdict, Verdict::Waiting(Clause::Holding { hold: HOLD }), "{second}");
    }
    assert!(matches!(verdict(&goal(), &well(), &mut memory, at(10)), Verdict::Success { .. }));
}

#[test]
fn a_moment_in_which_it_is_not_well_begins_the_hold_anew() {
    let mut memory = Memory::new(at(0));
    let bad = ours(|it| it.ready = 1);
    for (second, observed) in [(0, well()), (9, well()), (10, bad), (11, well()), (20, well())] {
        let verdict = verdict(&goal(), &observed, &mut memory, at(second));
        assert!(matches!(verdict, Verdict::Waiting(_)), "{second}: {verdict:?}");
    }
    assert!(matches!(verdict(&goal(), &well(), &mut memory, at(21)), Verdict::Success { .. }));
}

#[test]
fn a_restart_between_two_looks_begins_the_hold_anew() {
    let mut memory = Memory::new(at(0));
    let restarted = ours(|it| it.pods[0].containers[0].restarts = 1);
    assert!(matches!(verdict(&goal(), &well(), &mut memory, at(0)), Verdict::Waiting(_)));
    assert!(matches!(verdict(&goal(), &restarted, &mut memory, at(10)), Verdict::Waiting(_)));
    assert!(matches!(verdict(&goal(), &restarted, &mut memory, at(20)), Verdict::Success { .. }));
}

#[test]
fn a_hold_that_has_begun_in_time_may_end_after_the_timeout() {
    let mut memory = Memory::new(at(0));
    for second in [295, 300, 304] {
        assert!(
            matches!(verdict(&goal(), &well(), &mut memory, at(second)), Verdict::Waiting(_)),
            "{second}"
        );
    }
    assert!(matches!(verdict(&goal(), &well(), &mut memory, at(305)), Verdict::Success { .. }));
}

#[test]
fn without_a_hold_the_first_look_can_be_enough() {
    let goal = Goal { verify: Verify { hold: Duration::ZERO, timeout: TIMEOUT }, ..goal() };
    assert!(matches!(verdict(&goal, &well(), &mut Memory::new(at(0)), at(0)), Verdict::Success { .. }));
}

#[test]
fn a_trouble_that_goes_away_and_comes_back_gets_its_patience_anew() {
    let mut memory = Memory::new(at(0));
    let trouble = app(|it| {
        it.sync.status = "Unknown".to_owned();
        it.conditions = vec![crate::observed::Condition {
            name: "ComparisonError".to_owned(),
            message: "timeout".to_owned(),
        }];
    });
    let waiting = app(|it| it.sync.status = "Unknown".to_owned());
    for (second, observed) in [(0, &trouble), (29, &trouble), (30, &waiting), (31, &trouble), (60, &trouble)]
    {
        assert!(
            matches!(verdict(&goal(), observed, &mut memory, at(second)), Verdict::Waiting(_)),
            "{second}"
        );
    }
    assert!(matches!(verdict(&goal(), &trouble, &mut memory, at(61)), Verdict::Failed { .. }));
}

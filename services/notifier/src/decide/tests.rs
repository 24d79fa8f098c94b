use std::time::Duration;

use super::{Arrived, Decision, Has, Heard, Then, decide, has};
use crate::metrics::{Answer, KindLabel};

const HOUR: Duration = Duration::from_hours(1);

fn answer(status: u16, retry_after: Option<&str>, body: &str) -> Heard {
    Heard::Answer { status, retry_after: retry_after.map(str::to_owned), body: body.as_bytes().to_vec() }
}

fn of(kind: KindLabel, heard: &Heard) -> Decision {
    decide(kind, heard, "2026-09-01T10:00:00Z".parse().expect("a time"), HOUR)
}

const fn again(seconds: u64) -> Then {
    Then::Again(Some(Duration::from_secs(seconds)))
}

/// Slack's documented answers, and what proxies answer in its name.
#[test]
fn every_answer_of_slack_has_its_decision() {
    use Answer::{NotOk, RateLimited, Redirected, Refused, Sent, ServerError};
    use Arrived::{No, NotKnown, Yes};
    use Then::{Again, Done, Never};
    const DATE: Option<&str> = Some("Tue, 01 Sep 2026 10:00:45 GMT");
    const NOT_OK: &str = r#"{"ok":false,"error":"invalid_auth"}"#;
    let table = [
        (200, None, "ok", Sent, Done, Yes),
        (200, None, "ok\n", Sent, Done, Yes),
        (200, None, "<html>log in</html>", NotOk, Never, NotKnown),
        (200, None, NOT_OK, NotOk, Never, NotKnown),
        (200, None, "", NotOk, Never, NotKnown),
        (302, None, "", Redirected, Never, No),
        (400, None, "invalid_payload", Refused, Never, No),
        (400, None, "no_text", Refused, Never, No),
        (400, None, "invalid_blocks", Refused, Never, No),
        (403, None, "action_prohibited", Refused, Never, No),
        (404, None, "channel_not_found", Refused, Never, No),
        (404, None, "no_service", Refused, Never, No),
        (410, None, "channel_is_archived", Refused, Never, No),
        (429, Some("30"), "rate_limited", RateLimited, again(30), No),
        (429, DATE, "", RateLimited, again(45), No),
        (429, Some("86400"), "", RateLimited, again(3_600), No),
        (429, Some("soon"), "", RateLimited, Again(None), No),
        (429, None, "", RateLimited, Again(None), No),
        (500, None, "rollup_error", ServerError, Again(None), NotKnown),
        (502, None, "", ServerError, Again(None), NotKnown),
        (503, Some("5"), "", ServerError, again(5), No),
        (503, None, "", ServerError, Again(None), NotKnown),
        (504, None, "", ServerError, Again(None), NotKnown),
    ];
    for (status, retry_after, body, answer, then, arrived) in table {
        let heard = self::answer(status, retry_after, body);
        assert_eq!(of(KindLabel::Slack, &heard), Decision { answer, then, arrived }, "{heard:?}");
    }
}

#[test]
fn any_2xx_of_a_plain_endpoint_is_enough() {
    for status in [200, 201, 202, 204] {
        let decision = of(KindLabel::Webhook, &answer(status, None, "{\"queued\": true}"));
        assert_eq!(decision.then, Then::Done, "{status}");
    }
}

#[test]
fn what_is_neither_an_answer_nor_a_refusal_is_tried_again() {
    let table = [
        (answer(408, None, ""), Answer::NotNow, Arrived::No),
        (answer(425, None, ""), Answer::NotNow, Arrived::No),
        (Heard::NoConnection("refused".to_owned()), Answer::NotConnected, Arrived::No),
        (Heard::NoAnswer("late".to_owned()), Answer::TimedOut, Arrived::NotKnown),
        (Heard::BrokenOff("reset".to_owned()), Answer::BrokenOff, Arrived::NotKnown),
    ];
    for (heard, answer, arrived) in table {
        let wanted = Decision { answer, then: Then::Again(None), arrived };
        assert_eq!(of(KindLabel::Webhook, &heard), wanted, "{heard:?}");
    }
}

#[test]
fn every_status_is_decided_and_only_2xx_is_done() {
    for status in 100..=999 {
        let decision = of(KindLabel::Webhook, &answer(status, Some("7"), "ok"));
        assert_eq!(decision.then == Then::Done, (200..300).contains(&status), "{status}");
        assert_eq!(decision.arrived == Arrived::Yes, decision.then == Then::Done, "{status}");
    }
}

#[test]
fn only_a_plain_no_of_an_endpoint_that_is_asked_is_taken_for_one() {
    for (status, wanted) in [
        (200, Has::Yes),
        (204, Has::Yes),
        (404, Has::No),
        (410, Has::No),
        (302, Has::NotKnown),
        (400, Has::NotKnown),
        (401, Has::NotKnown),
        (429, Has::NotKnown),
        (500, Has::NotKnown),
        (503, Has::NotKnown),
    ] {
        assert_eq!(has(&answer(status, None, "")), wanted, "{status}");
    }
    for silence in [Heard::NoConnection, Heard::NoAnswer, Heard::BrokenOff] {
        assert_eq!(has(&silence("why".to_owned())), Has::NotKnown);
    }
}

use events::Envelope;
use events::payload::automation::Verdict::{Failed, Matched, Skipped};
use serde_json::json;

use super::{catalog, decided, payload, said, when, workflow_run};
use crate::announce::{EVALUATED_WITH_FAILURES, RulesFailed, announcements};

#[test]
fn an_error_in_a_condition_is_a_failure_that_names_the_clause() {
    let mut data = payload();
    data["many"] = json!(vec![0; 3000]);
    for (condition, because) in [
        (
            "data.action == \"completed\" && data.workflow_run.conclusoin == \"success\"",
            "`data.workflow_run.conclusoin == \"success\"`: data.workflow_run has no field `conclusoin`, did you mean `conclusion`?",
        ),
        ("data.frobnicator.x == 1", "`data.frobnicator.x == 1`: data has no field `frobnicator`"),
        (
            "data.action > 1",
            "`data.action > 1`: found no matching overload for '_>_' applied to '(string, int)'",
        ),
        ("data.action", "the condition comes to a string, not to true or false"),
        (
            "data.many.all(x, data.many.all(y, x == y))",
            "the loops of the condition run over more than 500000 items",
        ),
    ] {
        assert_eq!(said(condition, &data), (Failed, "when".to_owned(), because.to_owned()), "{condition}");
    }
}

#[test]
fn an_error_in_a_template_is_a_failure_that_names_the_field() {
    let event = workflow_run(&payload());
    for (action, clause, because) in [
        (
            "notify: {channel: team, text: \"{{ data.nope }}\"}",
            "do[0].notify.text",
            "there is no such value at `data.nope`",
        ),
        (
            "notify: {channel: team, text: \"{% if false %}x{% endif %}\"}",
            "do[0].notify.text",
            "the template comes to an empty text",
        ),
        (
            "notify: {channel: team, text: x, title: \"{{ data.action.x.y }}\"}",
            "do[0].notify.title",
            "there is no such value at `data.action.x.y`",
        ),
        (
            "deploy: {app: hello, environment: \"{{ data.action }}\", image: {tag: x}}",
            "do[0].deploy.environment",
            "the App `hello` has no environment `completed`",
        ),
        (
            "deploy: {app: \"{{ data.repository.name }}\", environment: dev, image: {tag: x}}",
            "do[0].deploy.app",
            "no App is named `octo-repo`",
        ),
        (
            "deploy: {app: hello, environment: dev, image: {tag: \"{{ data.repository.full_name }}\"}}",
            "do[0].deploy.image.tag",
            "`octo-org/octo-repo` is not an image tag: letters, digits, `_`, `.` and `-`, at most 128",
        ),
    ] {
        let spec = format!(
            "{{on: [{{type: \"*\"}}], when: \"true\", do: [{{{action}}}, {{notify: {{channel: team, text: x}}}}]}}"
        );
        let catalog = catalog(&[("rule", &spec)]);
        let decided = decided(&catalog, &event).remove(0);
        let rule = decided.rule;
        assert_eq!(
            (rule.verdict, rule.clause.as_str(), rule.because.as_str()),
            (Failed, clause, because),
            "{action}"
        );
        assert!(decided.requests.is_empty(), "a rule acts as a whole or not at all: {action}");
    }
}

#[test]
fn a_rule_that_fails_does_not_keep_the_others_from_acting() {
    let catalog =
        catalog(&[("a", &when("data.nope")), ("b", &when("true")), ("c", &when("data.action.nope.x == 1"))]);
    let event = workflow_run(&payload());
    let decided = decided(&catalog, &event);
    let verdicts: Vec<_> =
        decided.iter().map(|decided| (decided.rule.automation.as_str(), decided.rule.verdict)).collect();
    assert_eq!(verdicts, [("a", Failed), ("b", Matched), ("c", Failed)]);
    let steps: Vec<_> = announcements(&event, &decided).into_iter().map(|request| request.step).collect();
    assert_eq!(steps, ["b/0", EVALUATED_WITH_FAILURES]);
    let failed = RulesFailed::of(&decided).expect("two rules failed").to_string();
    assert!(
        failed.contains("the Automation `a` failed at `when`: `data.nope`: data has no field `nope`; "),
        "{failed}"
    );
    assert!(failed.contains("the Automation `c` failed at `when`: "), "{failed}");
}

#[test]
fn a_body_that_is_no_json_fails_the_rules_or_is_a_text() {
    let catalog = catalog(&[("rule", &when("data == \"hello\""))]);
    let event = |media_type: &str, body: &[u8]| {
        let builder = Envelope::builder("1", "/x", "com.github.workflow_run.completed");
        builder.body(media_type, body).build().expect("a valid event")
    };
    let verdict = |event: &Envelope| {
        let rule = decided(&catalog, event).remove(0).rule;
        (rule.verdict, rule.clause)
    };
    assert_eq!(verdict(&event("application/json", b"{not json")), (Failed, "data".to_owned()));
    assert_eq!(verdict(&event("text/plain", b"hello")), (Matched, "when".to_owned()));
    assert_eq!(verdict(&event("application/octet-stream", b"\xff")), (Skipped, "when".to_owned()));
}

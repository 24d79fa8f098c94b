mod failures;

use chrono::{DateTime, Utc};
use events::payload::automation::Verdict::{Matched, Shadowed, Skipped};
use events::payload::{deploy, notification};
use events::{Envelope, Kind, Payload};
use resources::{Catalog, load_text};
use serde_json::{Value, json};

use super::{Decided, decide, is_verdict_about_verdict, listening, verdicts};
use crate::announce::{EVALUATED, RulesFailed, announcements};
use crate::gather;

const APP: &str = "
apiVersion: signalbox.dev/v1alpha1
kind: App
metadata: {name: hello}
spec:
  repository: octo-org/octo-repo
  branch: master
  image: ghcr.io/octo-org/hello
  environments:
    - name: dev
      git: {repository: /srv/git/deploy, file: hello/dev.yaml}
      argocd: {application: hello-dev}
---
apiVersion: signalbox.dev/v1alpha1
kind: Channel
metadata: {name: team}
spec:
  webhook: {url: {env: PATH}}
";

/// A catalog of the App `hello`, the Channel `team`, and rules: each a name and a spec.
fn catalog(rules: &[(&str, &str)]) -> Catalog {
    let mut text = APP.to_owned();
    for (name, spec) in rules {
        let head = "---\napiVersion: signalbox.dev/v1alpha1\nkind: Automation\n";
        text.extend([head, "metadata: {name: ", name, "}\nspec: ", spec, "\n"]);
    }
    load_text("test.yaml", &text).unwrap_or_else(|problems| panic!("{problems}")).catalog
}

/// A rule for all `com.github.workflow_run.completed` that notifies.
fn when(condition: &str) -> String {
    let condition = Value::from(condition);
    format!(
        "{{on: [{{type: com.github.workflow_run.completed}}], when: {condition}, do: [{{notify: {{channel: team, text: hi}}}}]}}"
    )
}

fn payload() -> Value {
    serde_json::from_str(include_str!("../../fixtures/workflow_run.completed.json"))
        .expect("the fixture is JSON")
}

fn workflow_run(data: &Value) -> Envelope {
    let time: DateTime<Utc> = "2026-11-24T10:00:00Z".parse().expect("a time");
    Envelope::builder("d-1", "https://github.com/octo-org/octo-repo", "com.github.workflow_run.completed")
        .subject("289782451")
        .time(time)
        .json(data)
        .build()
        .expect("a valid event")
}

fn own<P: Payload>(payload: &P) -> Envelope {
    Envelope::builder("s-1", "/signalbox/test", payload.kind().name())
        .json(&serde_json::to_value(payload).expect("plain data"))
        .build()
        .expect("a valid event")
}

fn decided(catalog: &Catalog, event: &Envelope) -> Vec<Decided> {
    decide(&listening(catalog, event), catalog, &gather::facts(catalog, event))
}

/// Verdict, clause and because of the one rule with that condition, for that body.
fn said(condition: &str, data: &Value) -> (events::payload::automation::Verdict, String, String) {
    let catalog = catalog(&[("rule", &when(condition))]);
    let rule = decided(&catalog, &workflow_run(data)).remove(0).rule;
    (rule.verdict, rule.clause, rule.because)
}

const SHIP: &str = r#"
  on: [{type: com.github.workflow_run.completed}]
  when: data.workflow_run.conclusion == "success" && data.workflow_run.head_branch == app.branch
  do:
    - deploy: {app: "{{ app.name }}", environment: dev, image: {tag: "{{ data.workflow_run.head_sha[:7] }}"}}
    - notify: {channel: team, title: "{{ event.subject }}", text: "{{ app.name }} is on its way to dev", severity: success}
"#;

#[test]
fn a_green_build_of_the_branch_asks_for_a_deploy_and_a_message() {
    let catalog = catalog(&[("ship-to-dev", SHIP)]);
    let event = workflow_run(&payload());
    let decided = decided(&catalog, &event);
    assert_eq!(RulesFailed::of(&decided), None);
    let rule = &decided[0].rule;
    assert_eq!(
        (rule.automation.as_str(), rule.verdict, rule.clause.as_str()),
        ("ship-to-dev", Matched, "when")
    );
    assert_eq!(
        rule.because,
        "data.workflow_run.conclusion is \"success\"; data.workflow_run.head_branch is \"master\", == app.branch (\"master\")"
    );
    assert_eq!(rule.actions, ["deploy hello to dev (3484a3f)", "notify team"]);

    let announced = announcements(&event, &decided);
    let steps: Vec<&str> = announced.iter().map(|request| request.step.as_str()).collect();
    assert_eq!(steps, ["ship-to-dev/0", "ship-to-dev/1", EVALUATED]);

    let request = &announced[0].announcement;
    assert_eq!(request.kind, Kind::DeployRequested);
    assert_eq!(request.subject.as_deref(), Some("hello/dev"));
    assert_eq!(request.partition_key.as_deref(), Some("deploy:hello/dev"));
    let image = deploy::Image { tag: Some("3484a3f".to_owned()), digest: None };
    let wanted = deploy::Requested {
        app: "hello".to_owned(),
        environment: "dev".to_owned(),
        image,
        automation: Some("ship-to-dev".to_owned()),
    };
    assert_eq!(serde_json::from_value::<deploy::Requested>(request.data.clone()).expect("a request"), wanted);

    let message = &announced[1].announcement;
    assert_eq!(message.kind, Kind::NotificationRequested);
    assert_eq!(message.partition_key.as_deref(), Some("channel:team"));
    let wanted = notification::Requested {
        channel: "team".to_owned(),
        text: "hello is on its way to dev".to_owned(),
        title: Some("289782451".to_owned()),
        severity: notification::Severity::Success,
        automation: Some("ship-to-dev".to_owned()),
    };
    assert_eq!(
        serde_json::from_value::<notification::Requested>(message.data.clone()).expect("a request"),
        wanted
    );

    let evaluated = &announced[2].announcement;
    assert_eq!(evaluated.kind, Kind::AutomationEvaluated);
    assert_eq!(evaluated.subject.as_deref(), Some("com.github.workflow_run.completed"));
    assert_eq!(evaluated.data, serde_json::to_value(verdicts(&decided)).expect("plain data"));
}

#[test]
fn the_same_event_and_catalog_always_come_to_the_same() {
    let catalog =
        catalog(&[("ship", SHIP), ("other", &when("data.workflow_run.event == \"push\" || data.nope"))]);
    let event = workflow_run(&payload());
    let first = announcements(&event, &decided(&catalog, &event));
    for _ in 0..20 {
        assert_eq!(announcements(&event, &decided(&catalog, &event)), first);
    }
}

#[test]
fn a_condition_says_which_clause_decided_and_what_it_saw() {
    let mut data = payload();
    data["workflow_run"]["conclusion"] = json!("failure");
    data["workflow_run"]["run_attempt"] = json!(3);
    data["workflow_run"]["labels"] = json!([{"name": "bug"}, {"name": "ui"}]);
    for (condition, verdict, because) in [
        (
            "data.workflow_run.conclusion == \"success\" && data.workflow_run.head_branch == app.branch",
            Skipped,
            "data.workflow_run.conclusion is \"failure\", wanted == \"success\"",
        ),
        (
            "data.workflow_run.head_branch != app.branch",
            Skipped,
            "data.workflow_run.head_branch is \"master\", wanted != app.branch (\"master\")",
        ),
        (
            "data.action == \"requested\" || (data.action == \"completed\" && data.workflow_run.run_attempt < 3)",
            Skipped,
            "data.action is \"completed\", wanted == \"requested\"; data.workflow_run.run_attempt is 3, wanted < 3",
        ),
        (
            "data.action == \"requested\" || data.action == \"completed\"",
            Matched,
            "data.action is \"completed\"",
        ),
        (
            "!(data.action == \"completed\")",
            Skipped,
            "data.action is \"completed\", wanted not == \"completed\"",
        ),
        ("!has(data.workflow_run.nope)", Matched, "has(data.workflow_run.nope) is false"),
        (
            "data.action in [\"requested\", \"rerun\"]",
            Skipped,
            "data.action is \"completed\", wanted in [\"requested\", \"rerun\"]",
        ),
        (
            "data.workflow_run.head_branch.startsWith(\"release/\")",
            Skipped,
            "data.workflow_run.head_branch.startsWith(\"release/\") is false (data.workflow_run.head_branch is \"master\")",
        ),
        (
            "data.workflow_run.labels.exists(l, l.name == \"urgent\")",
            Skipped,
            "data.workflow_run.labels.exists(l, l.name == \"urgent\") is false (data.workflow_run.labels is [{\"name\": \"bug\"}, {\"name\": \"ui\"}])",
        ),
        ("data.workflow_run.run_attempt + 1 == 4", Matched, "data.workflow_run.run_attempt + 1 is 4"),
        ("true", Matched, "true is true"),
        (
            "event.time > timestamp(\"2027-01-01T00:00:00Z\")",
            Skipped,
            "event.time is 2026-11-24T10:00:00+00:00, wanted > timestamp(\"2027-01-01T00:00:00Z\") (2027-01-01T00:00:00+00:00)",
        ),
        (
            "event.type == \"com.github.workflow_run.completed\" && event.subject != \"\"",
            Matched,
            "event.type is \"com.github.workflow_run.completed\"; event.subject is \"289782451\", != \"\"",
        ),
        // What is false decides, whatever else could not be evaluated: so CEL says.
        ("data.nope == 1 && data.action == \"x\"", Skipped, "data.action is \"completed\", wanted == \"x\""),
    ] {
        assert_eq!(said(condition, &data), (verdict, "when".to_owned(), because.to_owned()), "{condition}");
    }
}

#[test]
fn a_rule_that_uses_app_is_skipped_when_there_is_none() {
    let mut data = payload();
    data["repository"]["full_name"] = json!("acme/other");
    let catalog = catalog(&[("ship", SHIP), ("tell", &when("true"))]);
    let decided = decided(&catalog, &workflow_run(&data));
    let rule = &decided[0].rule;
    assert_eq!(
        (rule.verdict, rule.clause.as_str(), rule.because.as_str()),
        (Skipped, "app", "no App has the repository acme/other")
    );
    assert_eq!(decided[1].rule.verdict, Matched);
}

#[test]
fn shadow_says_what_it_would_do_and_off_is_not_tried() {
    let shadow = SHIP.replace("  on:", "  mode: shadow\n  on:");
    let off = SHIP.replace("  on:", "  mode: off\n  on:");
    let catalog = catalog(&[("off", &off), ("shadow", &shadow)]);
    let event = workflow_run(&payload());
    let decided = decided(&catalog, &event);
    assert_eq!(decided.len(), 1);
    let rule = &decided[0].rule;
    assert_eq!((rule.automation.as_str(), rule.verdict), ("shadow", Shadowed));
    assert_eq!(rule.actions, ["deploy hello to dev (3484a3f)", "notify team"]);
    assert!(decided[0].requests.is_empty());
}

#[test]
fn a_rule_listens_by_type_source_and_subject() {
    let event = workflow_run(&payload());
    for (trigger, hears) in [
        ("{type: com.github.workflow_run.completed}", true),
        ("{type: com.github.*}", true),
        ("{type: com.github.push}", false),
        ("{type: \"*\", source: \"https://github.com/octo-org/*\"}", true),
        ("{type: \"*\", source: \"https://github.com/acme/*\"}", false),
        ("{type: \"*\", subject: \"2897*\"}", true),
        ("{type: \"*\", subject: \"1*\"}", false),
        ("{type: com.github.push}, {type: com.github.workflow_run.*}", true),
    ] {
        let spec =
            format!("{{on: [{trigger}], when: \"true\", do: [{{notify: {{channel: team, text: x}}}}]}}");
        assert_eq!(listening(&catalog(&[("rule", &spec)]), &event).len(), usize::from(hears), "{trigger}");
    }
}

#[test]
fn without_a_condition_the_trigger_decides() {
    let spec = "{on: [{type: com.github.push}, {type: com.github.workflow_run.*}], do: [{notify: {channel: team, text: x}}]}";
    let rule = decided(&catalog(&[("rule", spec)]), &workflow_run(&payload())).remove(0).rule;
    assert_eq!((rule.verdict, rule.clause.as_str()), (Matched, "on[1]"));
    assert_eq!(
        rule.because,
        "com.github.workflow_run.completed fits `com.github.workflow_run.*`, and there is no condition"
    );
}

#[test]
fn verdicts_are_heard_only_by_name_and_never_answer_themselves() {
    let rules = |glob: &str| {
        let spec = format!(
            "{{on: [{{type: \"{glob}\"}}], when: \"true\", do: [{{notify: {{channel: team, text: x}}}}]}}"
        );
        catalog(&[("rule", &spec)])
    };
    let verdict = |about: &str| {
        let builder = own(&verdicts(&[])).to_builder();
        builder.subject(about).build().expect("a valid event")
    };
    let about_a_push = verdict("com.github.push");
    assert_eq!(listening(&rules("*"), &about_a_push).len(), 0);
    assert_eq!(listening(&rules("io.signalbox.*"), &about_a_push).len(), 0);
    assert_eq!(listening(&rules(Kind::AutomationEvaluated.name()), &about_a_push).len(), 1);

    let event = about_a_push;
    let answer = announcements(&event, &decided(&rules(Kind::AutomationEvaluated.name()), &event));
    let about_the_verdict = answer.last().expect("the verdicts come last").announcement.clone();
    let about_the_verdict = verdict(about_the_verdict.subject.as_deref().expect("a subject"));
    assert!(is_verdict_about_verdict(&about_the_verdict));
    assert_eq!(listening(&rules(Kind::AutomationEvaluated.name()), &about_the_verdict).len(), 0);
}

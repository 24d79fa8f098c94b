//! The rules of the protocol bindings, as they stand in `events/features`.
#![expect(clippy::panic, reason = "a test ends by it")]

mod gherkin;
mod world;

use std::path::Path;

/// Runs all scenarios of a file, and says which failed. Returns how many there are.
fn run(file: &str) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("features").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let scenarios = gherkin::scenarios(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut failed = Vec::new();
    for scenario in &scenarios {
        let mut world = world::World::default();
        for step in &scenario.steps {
            if let Err(error) = world.step(step) {
                failed.push(format!("{file}:{}: {}\n    {}: {error}", step.line, scenario.name, step.text));
                break;
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {} scenarios failed:\n{}",
        failed.len(),
        scenarios.len(),
        failed.join("\n")
    );
    scenarios.len()
}

#[test]
fn the_rules_of_the_nats_binding_hold() {
    let count = run("nats-protocol-binding.feature");
    assert!(count >= 80, "{count} scenarios");
}

#[test]
fn the_rules_of_the_http_binding_hold() {
    let count = run("http-protocol-binding.feature");
    assert!(count >= 30, "{count} scenarios");
}

#[test]
fn a_feature_that_is_not_understood_is_an_error() {
    let feature = |scenario: &str| format!("Feature: f\n{scenario}");
    for (text, wanted) in [
        ("Scenario: s\n".to_owned(), "there is no Feature"),
        (feature("Scenario: s\n  Given x\n  Perhaps y\n"), "line 4: what is `Perhaps y`?"),
        (feature("Scenario Outline: s\n  Given <x>\n"), "an outline without examples"),
        (feature("Scenario: s\n  Given x\n  \"\"\"\n"), "a doc string without an end"),
        (feature("Scenario: s\n  Given x\n  | a | b |\n  | c |\n"), "line 5: 1 cells, the first row has 2"),
    ] {
        let error = gherkin::scenarios(&text).unwrap_err();
        assert!(error.contains(wanted), "{text}\n{error}");
    }
    let scenario =
        gherkin::scenarios(&feature("Scenario: s\n  Given a thing that nobody knows\n")).unwrap().remove(0);
    let error = world::World::default().step(&scenario.steps[0]).unwrap_err();
    assert!(error.contains("nobody has written what this means"), "{error}");
}

#[test]
fn a_scenario_that_does_not_hold_fails() {
    let text = "Feature: f\nScenario: s\nGiven a NATS message with payload:\n\"\"\"\n{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}\n\"\"\"\nWhen parsed as NATS message\nThen the attributes are:\n|key|value|\n|id|2|\n";
    let scenario = gherkin::scenarios(text).unwrap().remove(0);
    let mut world = world::World::default();
    let results: Vec<_> = scenario.steps.iter().map(|step| world.step(step).is_ok()).collect();
    assert_eq!(results, [true, true, false]);
}

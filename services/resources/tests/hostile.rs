//! Whatever a file holds, the loader answers with problems that have places; it never panics.

use proptest::prelude::*;

const GOOD: &str = include_str!("good/everything.yaml");

/// The characters that mean something to YAML, CEL or the templates.
const SIGNS: &str = "{}[]()\"'|>&*!%@`#?:-,.~=<\\/ \n\tä€😀xy01";

fn changed() -> impl Strategy<Value = String> {
    let change = (any::<prop::sample::Index>(), 0..6_usize, "[\\PC\n]{0,3}");
    let sign = prop::sample::select(SIGNS.chars().collect::<Vec<_>>());
    prop::collection::vec((change, sign), 1..6).prop_map(|changes| {
        let mut text: Vec<char> = GOOD.chars().collect();
        for ((index, removed, added), sign) in changes {
            let at = index.index(text.len());
            let end = (at + removed).min(text.len());
            text.splice(at..end, added.chars().chain([sign]));
        }
        text.into_iter().collect()
    })
}

fn places_are_within(text: &str) -> Result<(), TestCaseError> {
    let lines = text.lines().count() + 1;
    let problems = match resources::load_text("x.yaml", text) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    };
    for problem in &problems {
        prop_assert!((1..=lines).contains(&problem.line), "{problem}");
        prop_assert!(problem.column >= 1, "{problem}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_good_file_with_a_few_changes_has_problems_with_places(text in changed()) {
        places_are_within(&text)?;
    }

    #[test]
    fn any_text_is_told_apart_from_a_resource(text in "[\\PC\n\t]{0,200}") {
        places_are_within(&text)?;
    }

    #[test]
    fn any_condition_compiles_or_has_flaws_within_its_text(text in "[a-z0-9_.()\\[\\]{}\"'&|=!<>?:,+ ä\n-]{0,60}") {
        if let Err(flaws) = resources::automation::Condition::compile(&text) {
            prop_assert!(flaws.iter().all(|flaw| flaw.offset <= text.len() && text.is_char_boundary(flaw.offset)), "{flaws:?}");
        }
    }

    #[test]
    fn any_template_compiles_or_has_flaws_within_its_text(text in "([{%}]{1,2}|[a-z0-9_.()\\[\\]\"'|=!<>:, ä\n-]){0,40}") {
        if let Err(flaws) = resources::automation::Template::compile(&text) {
            prop_assert!(flaws.iter().all(|flaw| flaw.offset <= text.len() && text.is_char_boundary(flaw.offset)), "{flaws:?}");
        }
    }

    #[test]
    fn any_schedule_is_one_or_has_flaws_within_its_text(text in "(@?[a-zäL]{0,6}|[0-9*/,? \\-#]{0,30}| |\t){0,8}") {
        match resources::schedule::Expression::parse(&text) {
            Ok(expression) => prop_assert!(!expression.words().is_empty()),
            Err(flaws) => {
                prop_assert!(!flaws.is_empty());
                prop_assert!(flaws.iter().all(|flaw| flaw.offset <= text.len() && text.is_char_boundary(flaw.offset)), "{flaws:?}");
            }
        }
    }
}

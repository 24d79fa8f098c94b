use proptest::prelude::*;

use super::*;

/// The plainest glob there is.
fn oracle(glob: &[u8], ty: &[u8]) -> bool {
    match (glob.split_first(), ty.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => oracle(rest, ty) || (!ty.is_empty() && oracle(glob, &ty[1..])),
        (Some((a, glob)), Some((b, ty))) => a == b && oracle(glob, ty),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// The rule of NATS for a subject that one can publish to: tokens that are not empty, without white space and
/// wildcards. (NATS allows more than ASCII; we do not use it.)
fn can_be_published_to(subject: &str) -> bool {
    subject.split('.').all(|token| {
        !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic() && b != b'*' && b != b'>')
    })
}

#[test]
fn a_type_of_the_usual_kind_is_its_own_subject() {
    assert_eq!(of("io.signalbox.deploy.failed.v1"), "signalbox.events.io.signalbox.deploy.failed.v1");
    assert_eq!(of("com.github.workflow_run.completed"), "signalbox.events.com.github.workflow_run.completed");
}

#[test]
fn what_a_subject_cannot_hold_is_escaped() {
    for (ty, wanted) in [
        (".", "%2E"),
        ("..", "%2E%2E"),
        (".a", "%2Ea"),
        ("a.", "a%2E"),
        ("a..b", "a.%2Eb"),
        ("a b", "a%20b"),
        ("*", "%2A"),
        ("a.>", "a.%3E"),
        ("100%", "100%25"),
        ("é", "%C3%A9"),
    ] {
        assert_eq!(of(ty), format!("{PREFIX}{wanted}"), "{ty}");
    }
}

#[test]
fn a_star_stands_for_any_run_of_characters() {
    for (glob, ty, wanted) in [
        ("*", "anything.at.all", true),
        ("*", "", true),
        ("", "", true),
        ("", "a", false),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("a*b*a", "aba", true),
        ("a*b*b", "ab", false),
        ("*.failed.*", "io.signalbox.deploy.failed.v1", true),
        ("com.github.*", "com.github.", true),
        ("com.github.*", "com.github", false),
        ("**", "x", true),
    ] {
        assert_eq!(fits(glob, ty), wanted, "{glob} {ty}");
        assert_eq!(oracle(glob.as_bytes(), ty.as_bytes()), wanted, "the oracle: {glob} {ty}");
    }
}

proptest! {
    #[test]
    fn fits_agrees_with_the_plainest_glob(glob in "[ab.*]{0,8}", ty in "[ab.]{0,10}") {
        prop_assert_eq!(fits(&glob, &ty), oracle(glob.as_bytes(), ty.as_bytes()));
    }

    #[test]
    fn a_type_fits_itself_and_its_own_prefix(ty in "[^*]{0,12}", at in 0_usize..12) {
        prop_assert!(fits(&ty, &ty));
        let prefix: String = ty.chars().take(at).collect();
        let glob = format!("{prefix}*");
        prop_assert!(fits(&glob, &ty));
    }

    #[test]
    fn every_type_has_a_subject_that_can_be_published_to(ty in "(?s).{1,12}") {
        prop_assert!(can_be_published_to(&of(&ty)), "{}", of(&ty));
    }

    #[test]
    fn the_type_can_be_told_from_the_subject(ty in "[a.*>% é]{1,6}|\\PC{1,12}") {
        let subject = of(&ty);
        let back = percent_encoding::percent_decode_str(&subject[PREFIX.len()..]).decode_utf8().unwrap();
        prop_assert_eq!(back, ty);
    }
}

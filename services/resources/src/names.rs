//! The forms of names, references and durations, and the guess at what was meant.

use std::time::Duration;

/// Why a text has not the form that it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misformed {
    pub message: String,
    pub hint: Option<String>,
}

impl Misformed {
    fn new(message: impl Into<String>, hint: &str) -> Self {
        Self { message: message.into(), hint: Some(hint.to_owned()) }
    }
}

/// The name that was most likely meant.
///
/// At most one edit in three characters, and four in all, swaps counted as one, or a word cut short: more than that is a
/// guess that misleads.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let wanted = name.to_ascii_lowercase();
    let length = name.chars().count();
    let limit = (length / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| {
            let this = candidate.to_ascii_lowercase();
            let cut_short = length >= 3 && this.starts_with(&wanted);
            let distance = strsim::damerau_levenshtein(&wanted, &this);
            (if cut_short { distance.min(limit) } else { distance }, candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?`, or else the list of what there is.
pub(crate) fn suggestion(name: &str, candidates: &[&str]) -> Option<String> {
    match nearest(name, candidates.iter().copied()) {
        Some(meant) => Some(format!("did you mean `{meant}`?")),
        None if candidates.is_empty() => None,
        None => Some(format!("known here: {}", candidates.join(", "))),
    }
}

/// A DNS label (RFC 1123): what `metadata.name` and the names of environments are.
pub(crate) fn dns_label(text: &str) -> Result<String, Misformed> {
    if is_dns_label(text) {
        return Ok(text.to_owned());
    }
    let hint = "use a-z, 0-9 and `-`, begin and end with a letter or digit, at most 63 characters";
    Err(Misformed::new(format!("`{text}` is not a DNS label"), hint))
}

fn is_dns_label(text: &str) -> bool {
    text.len() <= 63
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// DNS labels with dots between them (RFC 1123): the names of most Kubernetes objects.
pub(crate) fn dns_name(text: &str) -> Result<String, Misformed> {
    if text.len() <= 253 && text.split('.').all(is_dns_label) {
        return Ok(text.to_owned());
    }
    let hint = "use a-z, 0-9, `-` and `.`, begin and end each part with a letter or digit";
    Err(Misformed::new(format!("`{text}` is not the name of a Kubernetes object"), hint))
}

/// `owner/name` of a repository, with `*` allowed where `glob` says so.
pub(crate) fn repository(text: &str, glob: bool) -> Result<String, Misformed> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b) || (glob && b == b'*');
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(allowed);
    let whole = text.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name));
    if whole || (glob && text == "*") {
        return Ok(text.to_owned());
    }
    let hint = if glob {
        "write `owner/name`, for example `acme/*`"
    } else {
        "write `owner/name`, for example `acme/my-app`"
    };
    let without = text.trim_end_matches(".git");
    let without =
        without.split_once("github.com").map_or(without, |(_, rest)| rest).trim_start_matches([':', '/']);
    let hint = match without.split_once('/') {
        Some((owner, name)) if without != text && part(owner) && part(name) => format!("write `{without}`"),
        _ => hint.to_owned(),
    };
    Err(Misformed { message: format!("`{text}` is not the name of a repository"), hint: Some(hint) })
}

/// `group/…/name` of a project of GitLab, with `*` allowed.
pub(crate) fn project(text: &str) -> Result<String, Misformed> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.+*".contains(&b);
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(allowed);
    let whole = |path: &str| path.contains('/') && path.split('/').all(part);
    if whole(text) || text == "*" {
        return Ok(text.to_owned());
    }
    let path = text.trim_end_matches(".git");
    // After the host of an address, or of what `git clone` takes.
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or(rest, |(_, path)| path),
        None => path.split_once(':').map_or(path, |(_, path)| path),
    };
    let hint = if path != text && whole(path) {
        format!("write `{path}`")
    } else {
        "write `group/name`, with the groups in between: `acme/web/shop`, `acme/*`".to_owned()
    };
    Err(Misformed { message: format!("`{text}` is not the path of a project"), hint: Some(hint) })
}

/// An image without tag and digest.
pub(crate) fn image(text: &str) -> Result<String, Misformed> {
    let last = text.rsplit('/').next().unwrap_or_default();
    if text.contains('@') || last.contains(':') {
        let hint = "leave the tag and the digest away: an Automation says which one to deploy";
        return Err(Misformed::new(format!("`{text}` names one version of an image"), hint));
    }
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-:".contains(&b))
            && part.bytes().all(|b| !b.is_ascii_uppercase())
    };
    if text.split('/').all(part) {
        return Ok(text.to_owned());
    }
    let hint = "write `registry/owner/name` in lower case, for example `ghcr.io/acme/my-app`";
    Err(Misformed::new(format!("`{text}` is not the name of an image"), hint))
}

/// An image tag, by the grammar of the OCI distribution specification.
pub fn image_tag(text: &str) -> Result<(), String> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let ok = text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || b == b'.' || b == b'-');
    if ok {
        Ok(())
    } else {
        Err(format!("`{text}` is not an image tag: letters, digits, `_`, `.` and `-`, at most 128"))
    }
}

/// An image digest: SHA-256, the one algorithm that registries have to know.
pub fn image_digest(text: &str) -> Result<(), String> {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Ok(());
    }
    Err(format!("`{text}` is not an image digest: `sha256:` and 64 hexadecimal digits in lower case"))
}

/// The path of a key in a values file: `image.tag`.
pub(crate) fn key_path(text: &str) -> Result<Vec<String>, Misformed> {
    let keys: Vec<String> = text.split('.').map(str::to_owned).collect();
    if keys
        .iter()
        .all(|key| !key.is_empty() && !key.contains(char::is_whitespace) && !key.contains(['[', ']']))
    {
        return Ok(keys);
    }
    Err(Misformed::new(
        format!("`{text}` is not the path of a key"),
        "write keys with dots between them: `image.tag`",
    ))
}

/// The name of an environment variable.
pub(crate) fn variable(text: &str) -> Result<String, Misformed> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if text.bytes().all(word) && text.bytes().next().is_some_and(|b| !b.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    // The text may be the secret itself: it is not repeated.
    let hint = "use letters, digits and `_`; the secret itself does not belong into this file";
    Err(Misformed::new("this is not the name of an environment variable", hint))
}

/// `30s`, `5m`, `1h`, `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, Misformed> {
    let wrong =
        || Misformed::new(format!("`{text}` is not a duration"), "write a number and a unit: 30s, 5m, 1h");
    let mut seconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = rest[digits..].chars().next().ok_or_else(wrong)?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        seconds = number.checked_mul(factor).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
        rest = &rest[digits + 1..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_guessed_and_another_word_is_not() {
        assert_eq!(nearest("repostiory", ["repository", "branch"]), Some("repository"));
        assert_eq!(nearest("Enviroments", ["environments", "image"]), Some("environments"));
        assert_eq!(nearest("warn", ["info", "warning"]), Some("warning"));
        assert_eq!(nearest("cooldown", ["repository", "branch"]), None);
    }

    #[test]
    fn durations_have_units() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("0s", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "5",
            "5 m",
            "m",
            "-5m",
            "1d",
            "5ms",
            "1.5h",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn repositories_are_owner_and_name() {
        for text in ["acme/my-app", "Acme/my.app_1"] {
            assert!(repository(text, false).is_ok(), "{text}");
        }
        for text in ["my-app", "acme/", "/my-app", "acme/a/b", "acme/..", "acme/*", "acme/my app", "*"] {
            assert!(repository(text, false).is_err(), "{text}");
        }
        for text in ["acme/*", "*", "*/infra-*", "acme/my-app"] {
            assert!(repository(text, true).is_ok(), "{text}");
        }
        for text in ["https://github.com/acme/my-app.git", "git@github.com:acme/my-app.git"] {
            let hint = repository(text, false).expect_err("a URL is no name").hint;
            assert_eq!(hint.as_deref(), Some("write `acme/my-app`"), "{text}");
        }
    }

    #[test]
    fn images_have_neither_tag_nor_digest() {
        for text in ["ghcr.io/acme/my-app", "registry:5000/my-app", "nginx"] {
            assert!(image(text).is_ok(), "{text}");
        }
        for text in ["ghcr.io/acme/my-app:1", "nginx@sha256:0", "ghcr.io/Acme/app", "ghcr.io//app", "", "a b"]
        {
            assert!(image(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tags_and_digests_have_the_form_of_the_registries() {
        for text in ["3b2f1c0", "v1.2.3", "_x", &"a".repeat(128)] {
            assert_eq!(image_tag(text), Ok(()), "{text}");
        }
        for text in ["", ".x", "-x", "a/b", "a b", "a:b", &"a".repeat(129)] {
            assert!(image_tag(text).is_err(), "{text}");
        }
        assert_eq!(image_digest(&format!("sha256:{}", "0a".repeat(32))), Ok(()));
        for text in [
            "sha256:0a",
            "0a",
            &format!("sha256:{}", "0A".repeat(32)),
            &format!("sha512:{}", "0a".repeat(32)),
        ] {
            assert!(image_digest(text).is_err(), "{text}");
        }
    }
}

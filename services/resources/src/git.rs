//! The forms of what goes to Git: what is cloned, which branch, which file.

use crate::names::Misformed;

/// Schemes that Git speaks on its own. `ext::` and other helpers would run commands.
const SCHEMES: [&str; 5] = ["https", "http", "ssh", "git", "file"];

fn misformed(message: String, hint: &str) -> Misformed {
    Misformed { message, hint: Some(hint.to_owned()) }
}

/// What `git clone` takes: a URL, `user@host:path`, or a path.
pub(crate) fn repository(text: &str) -> Result<String, Misformed> {
    let hint = "write https://host/owner/name.git, git@host:owner/name.git or a path";
    let wrong = || misformed(format!("`{text}` is nothing that Git can clone"), hint);
    if text.starts_with('-')
        || text.contains("::")
        || text.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return Err(wrong());
    }
    let Some((scheme, rest)) = text.split_once("://") else { return Ok(text.to_owned()) };
    let authority = rest.split('/').next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    if user.is_some_and(|user| user.contains(':')) || (user.is_some() && scheme.starts_with("http")) {
        // Not repeated: it holds a password or token.
        let hint = "leave it out of the URL; this address is written to logs and events";
        return Err(misformed("the URL holds a user or password".to_owned(), hint));
    }
    let host = scheme == "file" || !authority.is_empty();
    if SCHEMES.contains(&scheme) && host && rest.contains('/') { Ok(text.to_owned()) } else { Err(wrong()) }
}

/// A branch, by the rules of `git check-ref-format`.
pub(crate) fn branch(text: &str) -> Result<String, Misformed> {
    // Git compares `.lock` with its case.
    let component = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.rsplit_once('.').is_none_or(|(_, last)| last != "lock")
    };
    let ok = !text.starts_with('-')
        && !text.ends_with('.')
        && !text.contains("..")
        && !text.contains("@{")
        && text != "@"
        && !text.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c))
        && text.split('/').all(component);
    if !ok {
        return Err(misformed(format!("`{text}` is not the name of a branch"), "for example `main`"));
    }
    if let Some(name) = text.strip_prefix("refs/heads/") {
        return Err(misformed(
            format!("`{text}` is a ref, not the name of a branch"),
            &format!("write `{name}`"),
        ));
    }
    Ok(text.to_owned())
}

/// A file in a repository, relative to its root.
pub(crate) fn file(text: &str) -> Result<String, Misformed> {
    let hint = "write a path within the repository, for example `apps/my-app/values-dev.yaml`";
    let part =
        |part: &str| !part.is_empty() && part != "." && part != ".." && !part.eq_ignore_ascii_case(".git");
    if text.chars().any(|c| c.is_control() || c == '\\')
        || !text.split('/').all(part)
        || text.starts_with('-')
    {
        return Err(misformed(format!("`{text}` is not a file within a repository"), hint));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_clones_is_taken_and_nothing_that_runs_a_command() {
        for text in [
            "https://github.com/acme/deploy.git",
            "git@github.com:acme/deploy.git",
            "ssh://git@git.example.org:22/acme/deploy.git",
            "file:///srv/git/deploy.git",
            "/srv/git/deploy.git",
            "../deploy",
        ] {
            assert_eq!(repository(text).as_deref(), Ok(text));
        }
        for text in
            ["--upload-pack=x", "ext::sh -c x", "ext::x", "ftp://a/b", "https://", "https:///x", "a b"]
        {
            assert!(repository(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
        for text in [
            "https://ghp_secret@github.com/acme/x",
            "https://u:secret@github.com/acme/x",
            "ssh://u:secret@h/x",
        ] {
            let Misformed { message, hint } = repository(text).expect_err(text);
            assert!(!format!("{message}{hint:?}").contains("secret"), "{message}");
        }
    }

    #[test]
    fn branches_and_files_stay_within_bounds() {
        for text in ["main", "release/1.2", "feature/x-y_z"] {
            assert!(branch(text).is_ok(), "{text}");
        }
        for text in
            ["", "-x", "a b", "a..b", "a~1", "a:b", "a/", ".a", "a.lock", "@", "refs/heads/main", "a."]
        {
            assert!(branch(text).is_err(), "{text}");
        }
        for text in ["values.yaml", "apps/my-app/values-dev.yaml", "a b/c.yaml"] {
            assert!(file(text).is_ok(), "{text}");
        }
        for text in ["", "/etc/passwd", "../x", "a/../b", "a//b", "./x", ".git/config", "a\\b", "-x"] {
            assert!(file(text).is_err(), "{text}");
        }
    }
}

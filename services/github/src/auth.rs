//! What is shown, and to which endpoint.

use std::fmt;

/// What is shown for one request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shows {
    /// The App itself, by a JWT.
    App,
    /// The App's installation, or the token.
    Token,
}

impl Shows {
    /// By GitHub's documentation the endpoints of an App "must use a JWT", and no other endpoint takes one. (Those that look for
    /// the installation of a repository, an organisation or a user are the exception.)
    pub(crate) fn for_path(path: &str) -> Self {
        let of_app = path == "/app" || path.starts_with("/app/");
        let looks_for_installation =
            ["/repos/", "/orgs/", "/users/"].iter().any(|start| path.starts_with(start))
                && path.ends_with("/installation");
        if of_app || looks_for_installation { Self::App } else { Self::Token }
    }
}

/// A token. Its `Debug` says nothing.
#[derive(Clone)]
pub(crate) struct Token(pub(crate) String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Shows;

    #[test]
    fn an_app_shows_itself_where_github_says_so() {
        for (path, app) in [
            ("/app", true),
            ("/app/hook/deliveries", true),
            ("/app/installations/1/access_tokens", true),
            ("/repos/acme/shop/installation", true),
            ("/orgs/acme/installation", true),
            ("/apps/signalbox", false),
            ("/application", false),
            ("/repos/acme/shop/hooks/1/deliveries", false),
            ("/installation/repositories", false),
        ] {
            assert_eq!(Shows::for_path(path) == Shows::App, app, "{path}");
        }
    }
}

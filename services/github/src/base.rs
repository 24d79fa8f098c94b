//! Where the API is, and paths within it. Pure.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use thiserror::Error;

/// What a piece of a path may have as it is: what RFC 3986 calls unreserved.
const PIECE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What would not be one path if it stood in one.
const BROKEN: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'\\');

/// The base address of the API.
///
/// ```
/// use github::Base;
/// assert_eq!(Base::default().to_string(), "https://api.github.com");
/// let server: Base = "https://github.example.com/api/v3/".parse()?;
/// assert_eq!(server.to_string(), "https://github.example.com/api/v3");
/// # Ok::<(), github::InvalidBase>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base(Url);

/// Why a text is no base address of the API.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidBase {
    /// It is no address.
    #[error(
        "it is no URL ({0}); write https://api.github.com, or https://HOST/api/v3 for a GitHub Enterprise Server"
    )]
    NoUrl(String),
    /// It is not of HTTP.
    #[error("it begins with `{0}:`, it should begin with `https:`")]
    Scheme(String),
    /// It has a user, a password, a query or a fragment.
    #[error(
        "it has a user, a query or a fragment; write the address alone, the token has a place of its own"
    )]
    More,
    /// That is where the pages are.
    #[error("github.com has the pages, the API is at https://api.github.com")]
    Pages,
}

impl Default for Base {
    fn default() -> Self {
        "https://api.github.com".parse().expect("the address of the API is one")
    }
}

impl FromStr for Base {
    type Err = InvalidBase;

    fn from_str(text: &str) -> Result<Self, InvalidBase> {
        let url = Url::parse(text).map_err(|error| InvalidBase::NoUrl(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidBase::Scheme(url.scheme().to_owned()));
        }
        let more = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        if more {
            return Err(InvalidBase::More);
        }
        if matches!(url.host_str(), Some("github.com" | "www.github.com")) {
            return Err(InvalidBase::Pages);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl Base {
    /// The address of a path of the API, or of a link that it gave, if that leads to the same API.
    pub(crate) fn at(&self, place: &str) -> Option<Url> {
        let url = if place.starts_with('/') {
            let place = utf8_percent_encode(place, BROKEN);
            Url::parse(&format!("{self}{place}")).ok()?
        } else {
            Url::parse(place).ok()?
        };
        // `..` in a path would have led out.
        let within = url.path().starts_with(self.0.path().trim_end_matches('/'));
        (url.origin() == self.0.origin() && within && url.username().is_empty()).then_some(url)
    }

    /// The path of an address within the API.
    pub(crate) fn path_of<'a>(&self, url: &'a Url) -> &'a str {
        url.path().strip_prefix(self.0.path().trim_end_matches('/')).unwrap_or_else(|| url.path())
    }
}

/// A path of the API from its pieces, each encoded.
///
/// ```
/// use github::path;
/// assert_eq!(path(&["repos", "acme", "shop", "releases", "tags", "v1/2"]), "/repos/acme/shop/releases/tags/v1%2F2");
/// ```
pub fn path(pieces: &[&str]) -> String {
    pieces.iter().fold(String::new(), |mut path, piece| {
        path.push('/');
        // `.` and `..` would be taken for a way.
        match *piece {
            "." => path.push_str("%2E"),
            ".." => path.push_str("%2E%2E"),
            piece => path.extend(utf8_percent_encode(piece, PIECE)),
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_base_address_is_refused_with_what_would_be_right() {
        for (text, said) in [
            ("api.github.com", "it is no URL"),
            ("ftp://api.github.com", "it should begin with `https:`"),
            ("https://github.com", "the API is at https://api.github.com"),
            ("https://token@api.github.com", "write the address alone"),
            ("https://api.github.com?x=1", "write the address alone"),
        ] {
            let error = text.parse::<Base>().expect_err(text).to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_link_is_followed_within_the_api_alone() {
        let base: Base = "https://github.example.com/api/v3".parse().unwrap();
        for (place, url) in [
            ("/repos/a/b", Some("https://github.example.com/api/v3/repos/a/b")),
            (
                "https://github.example.com/api/v3/x?cursor=v1_9007199254740995",
                Some("https://github.example.com/api/v3/x?cursor=v1_9007199254740995"),
            ),
            ("https://github.example.com/other", None),
            ("https://evil.example/api/v3/x", None),
            ("http://github.example.com/api/v3/x", None),
            ("https://me@github.example.com/api/v3/x", None),
            ("/../../secret", None),
            ("no link", None),
        ] {
            assert_eq!(base.at(place).as_ref().map(Url::as_str), url, "{place}");
        }
        let url = base.at("/app/hook/deliveries").unwrap();
        assert_eq!(base.path_of(&url), "/app/hook/deliveries");
    }

    #[test]
    fn a_piece_of_a_path_stays_one() {
        assert_eq!(path(&["repos", "..", "a b", "c?d#e"]), "/repos/%2E%2E/a%20b/c%3Fd%23e");
    }
}

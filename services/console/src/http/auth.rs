//! Who may use the API: whoever has the token.

use std::fmt;

use axum::http::{HeaderMap, header};
use resources::secret::SecretError;
use resources::{Secret, SecretRef};
use subtle::{Choice, ConstantTimeEq as _};

/// The tokens that open the API.
pub struct Auth(Vec<Token>);

enum Token {
    /// Read for each request, so that it can be rotated without a restart.
    Read(SecretRef),
    Fixed(Secret),
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no `Authorization: Bearer …`.
    NoToken,
    /// The token is not one of ours.
    WrongToken,
    /// None of our tokens, or not the one that might have fitted, can be read: it is our own trouble.
    Unreadable,
}

impl Auth {
    /// Any of these tokens opens the API; each is read anew for each request, so that a rotated one counts from the next
    /// request on. Two can be live at once. Without any, nobody gets in.
    pub fn tokens(tokens: impl IntoIterator<Item = SecretRef>) -> Self {
        Self(tokens.into_iter().map(Token::Read).collect())
    }

    /// This one token opens the API, as long as the process runs.
    pub fn fixed(token: Secret) -> Self {
        Self(vec![Token::Fixed(token)])
    }

    /// Compares with every token, so that the time does not tell which of them is nearest; the length of a token is not
    /// kept secret.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let shown = bearer(headers).ok_or(Refused::NoToken)?;
        let (mut fits, mut unreadable) = (Choice::from(0), self.0.is_empty());
        for token in &self.0 {
            match token.read() {
                Ok(token) => fits |= token.expose().ct_eq(shown),
                Err(error) => {
                    tracing::error!(
                        error = format!("{:#}", anyhow::Error::new(error)),
                        "cannot read a token of the API"
                    );
                    unreadable = true;
                }
            }
        }
        match (bool::from(fits), unreadable) {
            (true, _) => Ok(()),
            (false, true) => Err(Refused::Unreadable),
            (false, false) => Err(Refused::WrongToken),
        }
    }
}

impl Token {
    fn read(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Read(secret) => secret.read(),
            Self::Fixed(secret) => Ok(secret.clone()),
        }
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750); the name of the scheme has no case.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("tokens", &self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use axum::http::{HeaderMap, HeaderValue, header};
    use resources::{Secret, SecretRef};

    use super::{Auth, Refused};

    fn check(auth: &Auth, authorization: &str) -> Result<(), Refused> {
        let value = HeaderValue::from_str(authorization).expect("a header");
        auth.check(&HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
    }

    fn file(folder: &Path, name: &str, token: &str) -> SecretRef {
        let path = folder.join(name);
        std::fs::write(&path, token).expect("it can be written");
        SecretRef::File(path)
    }

    #[test]
    fn the_token_opens_and_nothing_else_does() {
        let auth = Auth::fixed(Secret::new("t0ken"));
        for (authorization, answer) in [
            ("Bearer t0ken", Ok(())),
            ("bearer t0ken", Ok(())),
            ("Bearer  t0ken ", Ok(())),
            ("Bearer t0keN", Err(Refused::WrongToken)),
            ("Bearer t0ke", Err(Refused::WrongToken)),
            ("Bearer t0ken0", Err(Refused::WrongToken)),
            ("Bearer ", Err(Refused::NoToken)),
            ("Bearer", Err(Refused::NoToken)),
            ("Basic t0ken", Err(Refused::NoToken)),
            ("t0ken", Err(Refused::NoToken)),
            ("", Err(Refused::NoToken)),
        ] {
            assert_eq!(check(&auth, authorization), answer, "{authorization:?}");
        }
        assert_eq!(auth.check(&HeaderMap::new()), Err(Refused::NoToken));
    }

    #[test]
    fn a_rotated_token_counts_from_the_next_request_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let auth = Auth::tokens([file(folder.path(), "new", "new\n"), file(folder.path(), "old", "old\n")]);
        assert_eq!((check(&auth, "Bearer new"), check(&auth, "Bearer old")), (Ok(()), Ok(())));
        file(folder.path(), "old", "newer");
        assert_eq!(
            (check(&auth, "Bearer old"), check(&auth, "Bearer newer")),
            (Err(Refused::WrongToken), Ok(()))
        );
    }

    #[test]
    fn an_unreadable_token_is_our_trouble_and_opens_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = SecretRef::File(folder.path().join("missing"));
        let auth = Auth::tokens([missing, file(folder.path(), "old", "old")]);
        assert_eq!(check(&auth, "Bearer old"), Ok(()));
        assert_eq!(check(&auth, "Bearer new"), Err(Refused::Unreadable));
        assert_eq!(check(&Auth::tokens([]), "Bearer x"), Err(Refused::Unreadable));
        assert_eq!(
            check(&Auth::tokens([file(folder.path(), "empty", "")]), "Bearer x"),
            Err(Refused::Unreadable)
        );
    }

    #[test]
    fn the_tokens_are_not_shown() {
        let shown = format!("{:?}", Auth::fixed(Secret::new("t0ken")));
        assert_eq!(shown, "Auth { tokens: 1 }");
    }
}

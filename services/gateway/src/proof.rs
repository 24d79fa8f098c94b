//! How a sender proves that it is who the user meant. Pure.
//!
//! Every comparison takes the same time whatever the attacker sends: digests of one length are compared, with `subtle`.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::percent_decode_str;
use resources::Secret;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use crate::header::{self, Found};
use crate::refusal::{Refusal, Unproven};

/// Where a signature is.
pub(crate) const SIGNATURE: &str = "X-Hub-Signature-256";
/// Where a token is in an address (RFC 6750 section 2.3).
const TOKEN: &str = "access_token=";

/// The signature that a sender made over the body: `sha256=` and 64 lower-case hex digits.
#[derive(Clone, Copy)]
pub(crate) struct Signature([u8; 32]);

impl Signature {
    /// The signature of a request; refused when it has none, or another form.
    pub(crate) fn find(headers: &HeaderMap) -> Result<Self, Refusal> {
        match header::find(headers, SIGNATURE) {
            Found::Absent => Err(Refusal::Unproven(Unproven::NoSignature)),
            Found::Repeated => Err(Refusal::Unproven(Unproven::MalformedSignature)),
            Found::Once(value) => {
                Self::parse(value.as_bytes()).ok_or(Refusal::Unproven(Unproven::MalformedSignature))
            }
        }
    }

    /// Reads the value of `X-Hub-Signature-256`; `None` when it has another form.
    ///
    /// Upper-case digits are not taken: one signature has one spelling.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let digits = value.strip_prefix(b"sha256=")?;
        if digits.iter().any(u8::is_ascii_uppercase) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// Whether the holder of `secret` signed `body`.
    pub(crate) fn is_of(&self, body: &[u8], secret: &Secret) -> Choice {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.expose()).expect("HMAC takes a key of any length");
        mac.update(body);
        mac.finalize().into_bytes().as_slice().ct_eq(&self.0)
    }
}

/// The bearer token that a sender showed, as its digest: so tokens of any length are compared in the same time.
#[derive(Clone, Copy)]
pub(crate) struct Token([u8; 32]);

impl Token {
    /// The token of a request: in the header, or in the query of its address, where one is given; never both.
    pub(crate) fn find(headers: &HeaderMap, query: Option<&str>) -> Result<Self, Refusal> {
        let mut in_query =
            query.into_iter().flat_map(|query| query.split('&')).filter_map(|part| part.strip_prefix(TOKEN));
        match (header::find(headers, AUTHORIZATION.as_str()), in_query.next(), in_query.next()) {
            (Found::Absent, None, _) => Err(Refusal::Unproven(Unproven::NoToken)),
            (Found::Once(value), None, _) => {
                Self::parse(value.as_bytes()).ok_or(Refusal::Unproven(Unproven::MalformedToken))
            }
            (Found::Absent, Some(""), None) | (Found::Repeated, None, _) => {
                Err(Refusal::Unproven(Unproven::MalformedToken))
            }
            (Found::Absent, Some(token), None) => {
                let token: Vec<u8> = percent_decode_str(token).collect();
                Ok(Self(Sha256::digest(token).into()))
            }
            (Found::Absent, Some(_), Some(_)) | (Found::Once(_) | Found::Repeated, Some(_), _) => {
                Err(Refusal::Unproven(Unproven::TwoTokens))
            }
        }
    }

    /// Reads the value of `Authorization`; `None` when it is no bearer token. The scheme's case does not matter
    /// (RFC 9110 section 11.1).
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
        let token = token.trim_ascii();
        (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty())
            .then(|| Self(Sha256::digest(token).into()))
    }

    /// Whether the token is `secret`.
    pub(crate) fn is(&self, secret: &Secret) -> Choice {
        Sha256::digest(secret.expose()).as_slice().ct_eq(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use resources::Secret;

    use super::{Signature, Token};

    /// GitHub's own example ("Validating webhook deliveries", "Testing the webhook payload validation").
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn the_example_of_githubs_manual_is_proven() {
        let signature =
            Signature::parse(SIGNATURE.as_bytes()).expect("GitHub's own signature has the right form");
        assert!(bool::from(signature.is_of(BODY, &Secret::new(SECRET))));
        assert!(!bool::from(signature.is_of(b"Hello, World?", &Secret::new(SECRET))));
        assert!(!bool::from(signature.is_of(BODY, &Secret::new("another"))));
    }

    #[test]
    fn a_signature_has_one_spelling() {
        let digits = SIGNATURE.strip_prefix("sha256=").expect("it begins so");
        let upper = digits.to_uppercase();
        for other in [
            String::new(),
            digits.to_owned(),
            "sha256=".to_owned(),
            format!("sha1={digits}"),
            format!("SHA256={digits}"),
            format!("sha256={upper}"),
            format!("sha256= {digits}"),
            format!("sha256={}", &digits[1..]),
            format!("sha256={digits}0"),
            format!("sha256={digits}00"),
            format!("sha256={}g", &digits[1..]),
            format!("{SIGNATURE},{SIGNATURE}"),
        ] {
            assert!(Signature::parse(other.as_bytes()).is_none(), "{other:?} should not be a signature");
        }
    }

    #[test]
    fn a_bearer_token_is_compared_whole() {
        let secret = Secret::new("open-sesame");
        for (header, fits) in [
            ("Bearer open-sesame", true),
            ("bearer open-sesame", true),
            ("BEARER   open-sesame ", true),
            ("Bearer open-sesam", false),
            ("Bearer open-sesamee", false),
            ("Bearer Open-sesame", false),
        ] {
            let token = Token::parse(header.as_bytes()).expect("these are bearer tokens");
            assert_eq!(bool::from(token.is(&secret)), fits, "{header}");
        }
    }

    #[test]
    fn other_schemes_are_no_bearer_token() {
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer    ",
            "Basic b3Blbi1zZXNhbWU=",
            "open-sesame",
            "Beareropen-sesame",
        ] {
            assert!(Token::parse(header.as_bytes()).is_none(), "{header:?} should not be a bearer token");
        }
    }
}

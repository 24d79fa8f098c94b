//! What a webhook shows of the credential that its Source asks for. Pure.
//!
//! What does not depend on the body is proven before the body is read; a signature is found before, and checked after it.

use std::cell::Cell;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use resources::Secret;
use resources::source::Credential;
use resources::source::credential::{self, Algorithm, Encoding, Key, Signed, Timestamp};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq as _};

use crate::header::{self, Found};
use crate::proof::Token;
use crate::refusal::{Refusal, Unproven};
use crate::secrets::LiveSecrets;

/// The beginning of a key of the Standard Webhooks specification.
const STANDARD_WEBHOOKS: &[u8] = b"whsec_";
/// From so many digits on, a timestamp is in milliseconds: as seconds it would be the year 33658.
const DIGITS_OF_MILLISECONDS: usize = 13;

/// What a request shows.
pub(crate) enum Shown {
    /// Signatures over the body, any of which may fit, and how they are made.
    Signed { scheme: credential::Hmac, signatures: Vec<Vec<u8>> },
    /// A secret, as its digest, so that secrets of any length are compared in the same time.
    Secret { digest: [u8; 32], wrong: Unproven },
    /// A user and a password.
    Basic { user: [u8; 32], password: [u8; 32], expected: [u8; 32] },
    /// A bearer token.
    Token(Token),
}

impl Shown {
    /// Finds it; refused when it is not there, has another form, or is of another time than `now`.
    pub(crate) fn find(
        credential: &Credential,
        headers: &HeaderMap,
        query: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        match credential {
            Credential::Hmac(scheme) => Self::signature(scheme, headers, now).map_err(Refusal::Unproven),
            Credential::Tokens(_) => Token::find(headers, query).map(Self::Token),
            Credential::Basic { user, .. } => Self::basic(user, headers).map_err(Refusal::Unproven),
            Credential::Header { name, .. } => {
                let value = one(headers, name).map_err(Refusal::Unproven)?;
                let digest = Sha256::digest(value.trim_ascii()).into();
                Ok(Self::Secret { digest, wrong: Unproven::WrongHeader(name.clone()) })
            }
        }
    }

    /// Whether the proof waits for the body.
    pub(crate) fn covers_the_body(&self) -> bool {
        matches!(self, Self::Signed { .. })
    }

    /// Proves the sender. `body` is looked at only when the proof covers it.
    pub(crate) fn prove(
        &self,
        secrets: &LiveSecrets,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Refusal> {
        match self {
            Self::Signed { scheme, signatures } => {
                let parts: Vec<&[u8]> =
                    scheme.signs.iter().map(|part| signed(part, scheme, headers, body)).collect();
                let misspelt = Cell::new(false);
                let fits = |secret: &Secret| {
                    let Some(key) = key(secret, scheme.key) else {
                        misspelt.set(true);
                        return Choice::from(0);
                    };
                    let made = mac(scheme.algorithm, &key, &parts);
                    signatures
                        .iter()
                        .fold(Choice::from(0), |fits, shown| fits | shown.as_slice().ct_eq(&made))
                };
                match secrets.prove(fits, Unproven::WrongHeader(scheme.header.clone())) {
                    // It might have fitted the key that cannot be read.
                    Err(Refusal::Unproven(_)) if misspelt.get() => {
                        tracing::error!(header = scheme.header, "a secret of this source is not Base64");
                        Err(Refusal::SecretUnreadable)
                    }
                    proven => proven,
                }
            }
            Self::Secret { digest, wrong } => secrets
                .prove(|secret| Sha256::digest(secret.expose()).as_slice().ct_eq(digest), wrong.clone()),
            Self::Basic { user, password, expected } => secrets.prove(
                |secret| user.ct_eq(expected) & Sha256::digest(secret.expose()).as_slice().ct_eq(password),
                Unproven::WrongPassword,
            ),
            Self::Token(token) => secrets.prove(|secret| token.is(secret), Unproven::WrongToken),
        }
    }

    fn signature(
        scheme: &credential::Hmac,
        headers: &HeaderMap,
        now: DateTime<Utc>,
    ) -> Result<Self, Unproven> {
        let malformed = || Unproven::MalformedHeader(scheme.header.clone());
        let value = one(headers, &scheme.header)?;
        let value = std::str::from_utf8(value).map_err(|_| malformed())?;
        let decode = |text: &str| match scheme.encoding {
            Encoding::Hex => hex::decode(text).ok(),
            Encoding::Base64 => STANDARD.decode(text).ok(),
        };
        let signatures: Vec<Vec<u8>> = value
            .split_ascii_whitespace()
            .filter_map(|signature| signature.strip_prefix(scheme.prefix.trim_ascii()))
            .filter_map(decode)
            .filter(|signature| signature.len() == length(scheme.algorithm))
            .collect();
        if signatures.is_empty() {
            return Err(malformed());
        }
        for part in &scheme.signs {
            if let Signed::Header(name) = part {
                one(headers, name)?;
            }
        }
        if let Some(timestamp) = &scheme.timestamp {
            in_time(timestamp, headers, now)?;
        }
        Ok(Self::Signed { scheme: scheme.clone(), signatures })
    }

    fn basic(user: &str, headers: &HeaderMap) -> Result<Self, Unproven> {
        let value = match header::find(headers, AUTHORIZATION.as_str()) {
            Found::Absent => return Err(Unproven::NoPassword),
            Found::Repeated => return Err(Unproven::MalformedPassword),
            Found::Once(value) => value.as_bytes(),
        };
        let encoded = value.split_at_checked(b"Basic ".len());
        let pair = encoded
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Basic "))
            .and_then(|(_, pair)| STANDARD.decode(pair.trim_ascii()).ok())
            .ok_or(Unproven::MalformedPassword)?;
        let colon = pair.iter().position(|byte| *byte == b':').ok_or(Unproven::MalformedPassword)?;
        let digest = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
        Ok(Self::Basic {
            user: digest(&pair[..colon]),
            password: digest(&pair[colon + 1..]),
            expected: digest(user.as_bytes()),
        })
    }
}

/// The value of a header that is there once.
fn one<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h [u8], Unproven> {
    match header::find(headers, name) {
        Found::Absent => Err(Unproven::NoHeader(name.to_owned())),
        Found::Repeated => Err(Unproven::MalformedHeader(name.to_owned())),
        Found::Once(value) => Ok(value.as_bytes()),
    }
}

fn in_time(timestamp: &Timestamp, headers: &HeaderMap, now: DateTime<Utc>) -> Result<(), Unproven> {
    let malformed = || Unproven::MalformedHeader(timestamp.header.clone());
    let value = std::str::from_utf8(one(headers, &timestamp.header)?).map_err(|_| malformed())?;
    if !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let number: i64 = value.parse().map_err(|_| malformed())?;
    let signed = if value.len() >= DIGITS_OF_MILLISECONDS {
        DateTime::from_timestamp_millis(number)
    } else {
        DateTime::from_timestamp(number, 0)
    };
    let signed = signed.ok_or_else(malformed)?;
    let off = (now - signed).abs().to_std().map_err(|_| malformed())?;
    if off <= timestamp.tolerance { Ok(()) } else { Err(Unproven::OutOfTime(timestamp.header.clone())) }
}

/// One part of what is signed. Headers were found to be there before.
fn signed<'r>(
    part: &'r Signed,
    scheme: &credential::Hmac,
    headers: &'r HeaderMap,
    body: &'r [u8],
) -> &'r [u8] {
    let value = |name: &str| headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
    match part {
        Signed::Literal(text) => text.as_bytes(),
        Signed::Timestamp => scheme.timestamp.as_ref().map(|time| value(&time.header)).unwrap_or_default(),
        Signed::Header(name) => value(name),
        Signed::Body => body,
    }
}

/// The key of a secret; `None` when it is not written as it should be.
pub(crate) fn key(secret: &Secret, form: Key) -> Option<Vec<u8>> {
    match form {
        Key::Text => Some(secret.expose().to_vec()),
        Key::Base64 => {
            STANDARD.decode(secret.expose().strip_prefix(STANDARD_WEBHOOKS).unwrap_or(secret.expose())).ok()
        }
        Key::Standard => match secret.expose().strip_prefix(STANDARD_WEBHOOKS) {
            Some(encoded) => STANDARD.decode(encoded).ok(),
            None => Some(secret.expose().to_vec()),
        },
    }
}

fn length(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Sha1 => 20,
        Algorithm::Sha256 => 32,
        Algorithm::Sha512 => 64,
    }
}

/// The HMAC over parts, one after another.
pub(crate) fn mac(algorithm: Algorithm, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    fn over<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().to_vec()
    }
    match algorithm {
        Algorithm::Sha1 => over::<Hmac<Sha1>>(key, parts),
        Algorithm::Sha256 => over::<Hmac<Sha256>>(key, parts),
        Algorithm::Sha512 => over::<Hmac<Sha512>>(key, parts),
    }
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, mac};

    #[test]
    fn the_test_vectors_of_the_rfcs_come_out() {
        // RFC 2202 and RFC 4231, test case 2.
        let (key, data): (&[u8], &[u8]) = (b"Jefe", b"what do ya want for nothing?");
        let made = |algorithm| hex::encode(mac(algorithm, key, &[&data[..9], &data[9..]]));
        assert_eq!(made(Algorithm::Sha1), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(
            made(Algorithm::Sha256),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(made(Algorithm::Sha512).starts_with("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd6"));
    }
}

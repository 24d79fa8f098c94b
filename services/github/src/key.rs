//! The private key of an App, and what it signs. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use thiserror::Error;

/// How far our clock may be ahead of GitHub's: what its documentation advises.
const AHEAD: TimeDelta = TimeDelta::seconds(60);
/// How long a JWT counts. GitHub allows ten minutes from its own now.
const LIFE: TimeDelta = TimeDelta::minutes(9);

/// Why there is no signature.
#[derive(Debug, Error)]
pub enum KeyError {
    /// It is no PEM.
    #[error("it is no private key in PEM (`-----BEGIN RSA PRIVATE KEY-----`), as GitHub gives out")]
    NoPem,
    /// It is a key of another kind.
    #[error("it is a private key of another kind than RSA; GitHub's Apps have RSA keys")]
    NoRsa,
    /// It is an RSA key that is broken, or shorter than 2048 bits.
    #[error("it is no RSA key that can sign ({0}); make another on the page of the App")]
    Broken(String),
    /// The system has no randomness.
    #[error("it cannot sign")]
    CannotSign,
}

/// The JWT of an App: `issuer` is its client id or its App id.
pub(crate) fn jwt(issuer: &str, pem: &[u8], now: DateTime<Utc>) -> Result<String, KeyError> {
    let key = read(pem)?;
    let header = encode(&json!({"alg": "RS256", "typ": "JWT"}));
    let (begins, ends) = (now - AHEAD, now + LIFE);
    let claims = encode(&json!({"iat": begins.timestamp(), "exp": ends.timestamp(), "iss": issuer}));
    let signed = format!("{header}.{claims}");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_unspecified| KeyError::CannotSign)?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn encode(part: &serde_json::Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

fn read(pem: &[u8]) -> Result<RsaKeyPair, KeyError> {
    let broken = |rejected: ring::error::KeyRejected| KeyError::Broken(rejected.to_string());
    match PrivateKeyDer::from_pem_slice(pem).map_err(|_error| KeyError::NoPem)? {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(broken),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|rejected| {
            if rejected.to_string() == "WrongAlgorithm" { KeyError::NoRsa } else { broken(rejected) }
        }),
        // PrivateKeyDer is not exhaustive: SEC1, and whatever comes.
        _ => Err(KeyError::NoRsa),
    }
}

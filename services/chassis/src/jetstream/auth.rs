//! What is shown to the server for one connection.

use anyhow::{Context as _, bail};
use async_nats::{Auth, ServerAddr};
use nkeys::{KeyPair, KeyPairType};
use percent_encoding::percent_decode_str;

use super::access::{Login, Secret};

impl Login {
    /// The login in the URLs, if there is one.
    pub(super) fn of_urls(servers: &[ServerAddr]) -> Option<Self> {
        let with_user = servers.iter().find_map(|server| server.username().map(|user| (server, user)))?;
        let (server, user) = with_user;
        let secret = |text: &str| {
            let bytes: Vec<u8> = percent_decode_str(text).collect();
            Secret::new("in the URL of the bus", move || Ok(bytes.clone()))
        };
        Some(match server.password() {
            Some(password) => {
                let user = percent_decode_str(user).decode_utf8_lossy().into_owned();
                Self::Password { user, password: secret(password) }
            }
            // As all clients of NATS read it.
            None => Self::Token(secret(user)),
        })
    }

    /// Reads the secret now and makes of it what the server asks for. Neither the error nor its causes hold anything
    /// secret.
    pub(super) fn proof(&self, nonce: &[u8]) -> anyhow::Result<Auth> {
        let mut auth = Auth::new();
        match self {
            Self::Token(token) => auth.token = Some(token.text()?),
            Self::Password { user, password } => {
                auth.username = Some(user.clone());
                auth.password = Some(password.text()?);
            }
            Self::Nkey(seed) => {
                let key = user_key(seed.text()?.trim()).with_context(|| seed.to_string())?;
                auth.nkey = Some(key.public_key());
                auth.signature = Some(sign(&key, nonce)?);
            }
            Self::Creds(creds) => {
                let text = creds.text()?;
                let (jwt, key) = credentials(&text).with_context(|| creds.to_string())?;
                auth.jwt = Some(jwt.to_owned());
                auth.signature = Some(sign(&key, nonce)?);
            }
        }
        Ok(auth)
    }
}

fn sign(key: &KeyPair, nonce: &[u8]) -> anyhow::Result<Vec<u8>> {
    key.sign(nonce).map_err(|_| anyhow::anyhow!("the nkey cannot sign"))
}

/// The errors of the library are not passed on: they may hold parts of the seed.
pub(super) fn user_key(seed: &str) -> anyhow::Result<KeyPair> {
    let key = KeyPair::from_seed(seed).map_err(|_| {
        anyhow::anyhow!("not the seed of an nkey: it has 58 characters and begins with SU (`nk -gen user`)")
    })?;
    match key.key_pair_type() {
        KeyPairType::User => Ok(key),
        KeyPairType::Server
        | KeyPairType::Cluster
        | KeyPairType::Operator
        | KeyPairType::Account
        | KeyPairType::Module
        | KeyPairType::Service
        | KeyPairType::Curve => bail!("this nkey is not a user's: the seed of a user begins with SU"),
    }
}

/// The JWT and the key of a credentials file: what stands between lines of dashes, in this order.
fn credentials(text: &str) -> anyhow::Result<(&str, KeyPair)> {
    let mut parts = Vec::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("---") {
            inside = line.contains("BEGIN");
        } else if inside && !line.is_empty() {
            parts.push(line);
        }
    }
    let [jwt, seed] = parts.as_slice() else {
        bail!(
            "not a credentials file: it has a `BEGIN NATS USER JWT` and a `BEGIN USER NKEY SEED` of one line each \
             (`nsc generate creds` writes it)"
        );
    };
    if jwt.split('.').count() != 3 {
        bail!("the JWT of the credentials file is not one: it has three parts with dots between them");
    }
    Ok((jwt, user_key(seed).context("the seed in the credentials file")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "eyJ0.eyJq.c2ln";

    fn secret(text: &str) -> Secret {
        let bytes = text.as_bytes().to_vec();
        Secret::new("file /run/secrets/it", move || Ok(bytes.clone()))
    }

    fn creds(jwt: &str, seed: &str) -> String {
        format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n*** IMPORTANT ***\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
    }

    #[test]
    fn an_nkey_signs_the_nonce_of_the_server() {
        let key = KeyPair::new_user();
        let auth = Login::Nkey(secret(&format!("{}\n", key.seed().unwrap()))).proof(b"nonce").unwrap();
        assert_eq!(auth.nkey, Some(key.public_key()));
        key.verify(b"nonce", &auth.signature.unwrap()).unwrap();
    }

    #[test]
    fn a_credentials_file_gives_its_jwt_and_signs() {
        let key = KeyPair::new_user();
        for text in [creds(JWT, &key.seed().unwrap()), creds(JWT, &key.seed().unwrap()).replace('\n', "\r\n")]
        {
            let auth = Login::Creds(secret(&text)).proof(b"nonce").unwrap();
            assert_eq!((auth.jwt.as_deref(), auth.nkey), (Some(JWT), None));
            key.verify(b"nonce", &auth.signature.unwrap()).unwrap();
        }
    }

    #[test]
    fn what_is_malformed_is_told_with_its_place_and_without_the_secret() {
        let seed = KeyPair::new_user().seed().unwrap();
        let account = KeyPair::new_account().seed().unwrap();
        let cases = [
            (Login::Nkey(secret(&seed[..40])), "not the seed of an nkey"),
            (Login::Nkey(secret(&account)), "not a user's"),
            (Login::Creds(secret(&seed)), "not a credentials file"),
            (Login::Creds(secret(&creds("nojwt", &seed))), "three parts"),
            (Login::Creds(secret(&creds(JWT, &seed[..50]))), "not the seed of an nkey"),
        ];
        for (login, expected) in cases {
            let Err(error) = login.proof(b"nonce") else { panic!("{expected}: it is taken") };
            let text = format!("{error:#} {error:?}");
            assert!(text.contains("file /run/secrets/it") && text.contains(expected), "{text}");
            for part in [&seed[..20], &account[..20], "nojwt", JWT] {
                assert!(!text.contains(part), "{expected}: the error has the secret");
            }
        }
    }

    #[test]
    fn a_url_may_have_a_user_or_a_token() {
        let of = |url: &str| Login::of_urls(&[url.parse().unwrap()]);
        assert!(of("nats://localhost").is_none());
        let auth = of("nats://ann:p%40ss@localhost").unwrap().proof(b"").unwrap();
        assert_eq!((auth.username.as_deref(), auth.password.as_deref()), (Some("ann"), Some("p@ss")));
        let auth = of("nats://t0k3n@localhost").unwrap().proof(b"").unwrap();
        assert_eq!(auth.token.as_deref(), Some("t0k3n"));
    }
}

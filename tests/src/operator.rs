//! A NATS operator, as `nsc` would make one: JWTs for an account and its users.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::{Clock as _, SystemClock};
use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::nats::Config;

/// An operator with one account.
pub struct Operator {
    own: KeyPair,
    account: KeyPair,
    /// What the server itself uses.
    system: KeyPair,
    /// Users that may come in no more, by their public key, with the time until when their JWTs were made.
    revoked: BTreeMap<String, i64>,
}

/// A user: its credentials file, and its public key.
#[derive(Debug)]
pub struct User {
    /// As `nsc generate creds` writes it.
    pub creds: String,
    key: String,
}

impl Default for Operator {
    fn default() -> Self {
        Self {
            own: KeyPair::new_operator(),
            account: KeyPair::new_account(),
            system: KeyPair::new_account(),
            revoked: BTreeMap::new(),
        }
    }
}

impl Operator {
    /// A server that takes the users of the account.
    pub fn config(&self) -> anyhow::Result<Config> {
        let operator = self.own.public_key();
        let claims = json!({ "type": "operator", "version": 2 });
        let operator_jwt = sign(&self.own, &operator, "operator", &claims)?;
        let (account, system) = (self.account.public_key(), self.system.public_key());
        let unlimited = -1;
        let claims = json!({
            "type": "account", "version": 2, "revocations": self.revoked,
            "limits": {
                "subs": unlimited, "data": unlimited, "payload": unlimited, "imports": unlimited,
                "exports": unlimited, "wildcards": true, "conn": unlimited, "leaf": unlimited,
                "mem_storage": unlimited, "disk_storage": unlimited, "streams": unlimited, "consumer": unlimited,
            },
        });
        let account_jwt = sign(&self.own, &account, "signalbox", &claims)?;
        let system_jwt = sign(&self.own, &system, "system", &json!({ "type": "account", "version": 2 }))?;
        Ok(Config::lines(format!(
            "operator: {operator_jwt}\nsystem_account: {system}\nresolver: MEMORY\n\
             resolver_preload: {{ {account}: {account_jwt}, {system}: {system_jwt} }}"
        )))
    }

    /// A new user.
    pub fn user(&self, name: &str) -> anyhow::Result<User> {
        let user = KeyPair::new_user();
        let key = user.public_key();
        let claims = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
        let jwt = sign(&self.account, &key, name, &claims)?;
        let creds = format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            user.seed()?
        );
        Ok(User { creds, key })
    }

    /// The user may come in no more.
    pub fn revoke(&mut self, user: &User) {
        self.revoked.insert(user.key.clone(), SystemClock.now().timestamp());
    }
}

fn sign(issuer: &KeyPair, subject: &str, name: &str, nats: &Value) -> anyhow::Result<String> {
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let claims = json!({
        "jti": format!("{name}-{subject}"), "iat": SystemClock.now().timestamp(), "iss": issuer.public_key(),
        "name": name, "sub": subject, "nats": nats,
    });
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signature = URL_SAFE_NO_PAD.encode(issuer.sign(signed.as_bytes())?);
    Ok(format!("{signed}.{signature}"))
}

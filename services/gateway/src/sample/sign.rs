//! The proof of a sender, made as it would make it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use events::payload::image::Registry;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use resources::source::credential::{Encoding, Hmac, Signed, Timestamp};
use resources::source::{Credential, Gitea, Proof};
use resources::{Secret, Source, SourceKind};
use thiserror::Error;

use super::fresh::Fresh;
use super::{Draw, Post};
use crate::credential::{key, mac};

/// The secret makes no proof.
#[derive(Debug, Error)]
pub enum Unsignable {
    /// The Source says that its secret is Base64 of a key.
    #[error("the secret of this Source is not Base64, and `key` says that it is")]
    NotBase64,
    /// A secret that is sent as it is has to fit into a header.
    #[error("the secret of this Source has a character that no header can hold (a line break?)")]
    NoHeader,
}

/// With what proves the sender.
pub(super) fn proven(source: &Source, post: Post, secret: &Secret, draw: Draw) -> Result<Post, Unsignable> {
    let tokens = |refs: &[resources::SecretRef]| Credential::Tokens(refs.to_vec());
    let hub = |refs: &[resources::SecretRef]| {
        Credential::Hmac(Hmac::over_the_body("X-Hub-Signature-256", "sha256=", refs.to_vec()))
    };
    let credential = match &source.kind {
        SourceKind::Github(github) => hub(&github.secrets),
        SourceKind::Alertmanager(alertmanager) => tokens(&alertmanager.tokens),
        SourceKind::CloudEvents(cloudevents) => match &cloudevents.proof {
            Proof::Tokens(refs) => tokens(refs),
            Proof::Secrets(refs) => hub(refs),
        },
        SourceKind::Gitea(gitea) => gitea.credential(Gitea::SIGNATURES[0]),
        SourceKind::Gitlab(gitlab) => gitlab.credential.clone(),
        SourceKind::Registry(registry) => {
            if matches!(registry.kind, Registry::DockerHub | Registry::Quay) {
                // They can send no header.
                return Ok(in_the_address(post, secret));
            }
            registry.credential.clone()
        }
        SourceKind::Argocd(argocd) => argocd.credential.clone(),
        SourceKind::Generic(generic) => generic.credential.clone(),
        SourceKind::Schedule(_) => return Ok(post),
    };
    shown(&credential, post, secret, draw)
}

fn in_the_address(post: Post, secret: &Secret) -> Post {
    let token = percent_encode(secret.expose(), NON_ALPHANUMERIC);
    Post { query: Some(format!("access_token={token}")), ..post }
}

fn shown(credential: &Credential, mut post: Post, secret: &Secret, draw: Draw) -> Result<Post, Unsignable> {
    let as_it_is = || {
        let fits = secret.expose().iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f));
        if fits { Ok(secret.expose()) } else { Err(Unsignable::NoHeader) }
    };
    match credential {
        Credential::Hmac(scheme) => sign(scheme, &mut post, secret, draw)?,
        Credential::Tokens(_) => {
            post.headers.push(("Authorization".to_owned(), [b"Bearer ", as_it_is()?].concat()));
        }
        Credential::Basic { user, .. } => {
            let pair = STANDARD.encode([user.as_bytes(), b":", secret.expose()].concat());
            post.headers.push(("Authorization".to_owned(), format!("Basic {pair}").into_bytes()));
        }
        Credential::Header { name, .. } => post.headers.push((name.clone(), as_it_is()?.to_vec())),
    }
    Ok(post)
}

fn sign(scheme: &Hmac, post: &mut Post, secret: &Secret, draw: Draw) -> Result<(), Unsignable> {
    let has =
        |post: &Post, name: &str| post.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    if let Some(Timestamp { header, .. }) = &scheme.timestamp
        && !has(post, header)
    {
        post.headers.push((header.clone(), Fresh::Unix.text(draw).into_bytes()));
    }
    for part in &scheme.signs {
        if let Signed::Header(name) = part
            && !has(post, name)
        {
            post.headers.push((name.clone(), Fresh::Uuid.text(draw).into_bytes()));
        }
    }
    let header = |name: &str| {
        let found = post.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice()).unwrap_or_default()
    };
    let parts: Vec<&[u8]> = scheme
        .signs
        .iter()
        .map(|part| match part {
            Signed::Literal(text) => text.as_bytes(),
            Signed::Timestamp => {
                scheme.timestamp.as_ref().map(|time| header(&time.header)).unwrap_or_default()
            }
            Signed::Header(name) => header(name),
            Signed::Body => post.body.as_slice(),
        })
        .collect();
    let key = key(secret, scheme.key).ok_or(Unsignable::NotBase64)?;
    let made = mac(scheme.algorithm, &key, &parts);
    let made = match scheme.encoding {
        Encoding::Hex => hex::encode(made),
        Encoding::Base64 => STANDARD.encode(made),
    };
    post.headers.push((scheme.header.clone(), format!("{}{made}", scheme.prefix).into_bytes()));
    Ok(())
}

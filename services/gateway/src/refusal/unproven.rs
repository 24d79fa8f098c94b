//! What is wrong with the proof of identity, and what would be right.

use thiserror::Error;

/// What is wrong with the proof of identity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Unproven {
    #[error("the header X-Hub-Signature-256 is missing")]
    NoSignature,
    #[error("the header X-Hub-Signature-256 is not `sha256=` and 64 lower-case hex digits")]
    MalformedSignature,
    #[error("the signature fits none of the secrets of this source")]
    WrongSignature,
    #[error("in binary mode, no signature covers the attributes of the event, which are headers")]
    Uncovered,
    #[error("the header Authorization is missing")]
    NoToken,
    #[error("the header Authorization is not `Bearer` and a token")]
    MalformedToken,
    #[error("the token is none of the tokens of this source")]
    WrongToken,
    #[error("the request has a token in its address and another one in the header Authorization")]
    TwoTokens,
    #[error("the header {0} is missing")]
    NoHeader(String),
    #[error("the header {0} does not have the form that this source expects")]
    MalformedHeader(String),
    #[error("the header {0} fits none of the secrets of this source")]
    WrongHeader(String),
    #[error("the time in the header {0} is too far from now")]
    OutOfTime(String),
    #[error("the header Authorization is missing")]
    NoPassword,
    #[error("the header Authorization is not `Basic` and Base64 of a user, a colon and a password")]
    MalformedPassword,
    #[error("the user or the password is none of this source")]
    WrongPassword,
}

impl Unproven {
    /// What the 401 asks for (RFC 9110 section 11.6.1). The name of a scheme for signed webhooks was never registered.
    pub(crate) fn challenge(&self) -> &'static str {
        match self {
            Self::NoSignature | Self::MalformedSignature | Self::WrongSignature | Self::Uncovered => {
                "X-Hub-Signature-256"
            }
            Self::NoToken | Self::MalformedToken | Self::WrongToken | Self::TwoTokens => "Bearer",
            Self::NoHeader(_) | Self::MalformedHeader(_) | Self::WrongHeader(_) | Self::OutOfTime(_) => {
                "Webhook-Header"
            }
            Self::NoPassword | Self::MalformedPassword | Self::WrongPassword => "Basic",
        }
    }
    /// What would be right.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::NoSignature | Self::MalformedSignature | Self::WrongSignature => {
                "sign the body with HMAC SHA-256 and the secret that this source reads; a proxy on the way must not change the body"
            }
            Self::Uncovered => {
                "send the event in structured or batched mode, where the signature covers all of it"
            }
            Self::TwoTokens => "send one token: in the header Authorization",
            Self::NoToken | Self::MalformedToken | Self::WrongToken => {
                "send Authorization: Bearer and the token that this source reads"
            }
            Self::NoHeader(_) | Self::MalformedHeader(_) | Self::WrongHeader(_) => {
                "send what this source is configured for: the header, its form and the secret; a proxy on the way must not change the body"
            }
            Self::OutOfTime(_) => {
                "send it when it is signed, and set the clock; a request cannot be sent again later"
            }
            Self::NoPassword | Self::MalformedPassword | Self::WrongPassword => {
                "send the user and the password that this source reads, as Authorization: Basic"
            }
        }
    }
}

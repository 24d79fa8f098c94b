//! `spec.generic`: any webhook, by configuration. Pure.

use super::cloudevents::TYPES_OF_OURS;
use super::credential::Credential;
use crate::condition::Expression;

/// `spec.generic`: each attribute is an expression over the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generic {
    /// How its senders prove themselves.
    pub credential: Credential,
    /// What happened.
    pub ty: Expression,
    /// What tells two events apart; without it, a digest of the request: the same bytes are the same event.
    pub id: Option<Expression>,
    /// What it is about.
    pub subject: Option<Expression>,
    /// When it happened.
    pub time: Option<Expression>,
    /// What must stay in order.
    pub partition_key: Option<Expression>,
}

/// Whether one of our own services vouches for a type, so that no webhook may have it.
pub fn is_type_of_ours(ty: &str) -> bool {
    TYPES_OF_OURS.iter().any(|ours| ty.starts_with(ours))
}

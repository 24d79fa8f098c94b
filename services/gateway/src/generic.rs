//! Any webhook, by configuration: gather -> decide -> apply.

mod attributes;

use axum::extract::Request;
use resources::source::{Credential, Generic};

pub(crate) use attributes::Unmappable;

use crate::Gateway;
use crate::answer::Accepted;
use crate::refusal::Refusal;
use crate::visit::Visit;
use crate::webhook::{self, Work};

/// Headers that are never shown to an expression: they hold secrets.
const SECRET_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// Takes a delivery: one event.
pub(crate) async fn take(
    gateway: &Gateway,
    source: &Generic,
    request: Request,
    visit: &mut Visit<'_>,
) -> Result<Accepted, Refusal> {
    let (name, generic) = (visit.source().to_owned(), source.clone());
    let decode = move |delivery: &webhook::Delivery| {
        attributes::event(&name, &generic, delivery).map(|event| vec![event])
    };
    let taken = webhook::take(gateway, &source.credential, request, visit, Work::Heavy, decode).await;
    if let Err(Refusal::Unmappable(unmappable)) = &taken
        && let Some(field) = unmappable.field()
    {
        gateway.metrics.expression_errors.with_label_values(&[field.name()]).inc();
    }
    Ok(Accepted::One(taken?.into_iter().next().expect("a delivery is one event")))
}

/// Whether a header may be shown to an expression.
fn is_shown(credential: &Credential, name: &str) -> bool {
    let secret = match credential {
        Credential::Header { name, .. } => Some(name.as_str()),
        Credential::Hmac(_) | Credential::Tokens(_) | Credential::Basic { .. } => None,
    };
    !SECRET_HEADERS.contains(&name) && secret.is_none_or(|secret| !secret.eq_ignore_ascii_case(name))
}

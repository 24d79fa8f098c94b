//! What was fetched, as the event that the gateway would have made. Pure.

use events::{Envelope, github};
use resources::source::{Github, Origin};

use super::decide::Wanted;
use super::gather::Delivery;

/// What a delivery came to.
#[derive(Debug)]
pub enum Fetched {
    /// The event.
    Event(Box<Envelope>),
    /// The Source does not take it: it is of another repository. The gateway would have refused it, too.
    Foreign,
    /// What was sent is not kept.
    NotKept,
    /// It makes no event, whoever delivers it.
    NoEvent(github::DecodeError),
}

/// The event of a delivery: with the id that the gateway gives to it, so that it is a duplicate should it come once more.
pub fn event(source: &Github, wanted: &Wanted, delivery: &Delivery) -> Fetched {
    let Some(payload) = delivery.payload() else { return Fetched::NotKept };
    let event = delivery.header("X-GitHub-Event").unwrap_or(&wanted.event);
    let guid = delivery.header("X-GitHub-Delivery").unwrap_or(&wanted.guid);
    // Whatever is in this list was sent by a webhook, so it has the header `X-GitHub-Hook-ID`.
    match github::decode_of_hook(event, guid, payload.as_bytes()) {
        Ok(event) => match Origin::of(&event).admit(event, &source.repositories) {
            Ok(event) => Fetched::Event(Box::new(event)),
            Err(_foreign) => Fetched::Foreign,
        },
        Err(error) => Fetched::NoEvent(error),
    }
}

//! `spec.generic` of a Source.

use super::credential;
use crate::condition::Expression;
use crate::reader::{Keys, Read, Reader, Said};
use crate::source::Generic;
use crate::source::generic::is_type_of_ours;
use crate::yaml::Node;

const GENERIC: Keys = Keys {
    known: &["hmac", "tokens", "basic", "header", "type", "id", "subject", "time", "partitionKey"],
    later: &[],
};

pub(super) fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Generic> {
    let fields = reader.fields(node, path, &GENERIC)?;
    let credential = credential::read(reader, &fields, &credential::CREDENTIALS);
    let ty = reader.required(&fields, "type", event_type);
    let id = reader.optional(&fields, "id", expression);
    let subject = reader.optional(&fields, "subject", expression);
    let time = reader.optional(&fields, "time", expression);
    let partition_key = reader.optional(&fields, "partitionKey", expression);
    Ok(Generic {
        credential: credential?,
        ty: ty?,
        id: id?,
        subject: subject?,
        time: time?,
        partition_key: partition_key?,
    })
}

fn expression(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Expression> {
    let scalar = reader.text(node, path)?;
    Expression::compile(&scalar.text).map_err(|flaws| reader.flaws(path, node, scalar, flaws))
}

fn event_type(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Expression> {
    let expression = expression(reader, node, path)?;
    if let Some(ty) = expression.fixed().filter(|ty| is_type_of_ours(ty)) {
        let message = format!("`{path}`: no webhook may say `{ty}`, for which our own services vouch");
        let hint = "give it a name of its own: `\"com.example.seen\"`".to_owned();
        reader.error(node.at, message, Some(hint));
        return Err(Said);
    }
    Ok(expression)
}

//! `{env: NAME}` and `{file: PATH}`.

use std::path::PathBuf;

use crate::SecretRef;
use crate::names;
use crate::reader::{Keys, Read, Reader, Said};
use crate::yaml::{Content, Node};

const SECRET: Keys = Keys { known: &["env", "file"], later: &["secretKeyRef"] };
/// A secret may have a successor while both are in use; a third is a leftover.
const MAX_LIVE: usize = 2;

/// Where a secret is. That it is not there at the moment is a warning: the one who checks may not be the one who runs.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<SecretRef> {
    if matches!(node.content, Content::Scalar(_)) {
        let hint = "write {env: NAME} or {file: PATH}; the secret itself does not belong into this file";
        reader.error(node.at, format!("`{path}` should say where the secret is"), Some(hint.to_owned()));
        return Err(Said);
    }
    let fields = reader.fields(node, path, &SECRET)?;
    let (key, value) = reader.one_of(&fields, &["env", "file"])?;
    let path = fields.path(key);
    let secret = match key {
        "env" => SecretRef::Env(reader.formed(value, &path, names::variable)?),
        _ => SecretRef::File(PathBuf::from(&reader.text(value, &path)?.text)),
    };
    if let Err(error) = secret.read() {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(" ({cause})"));
        let hint = "what needs it will fail until it is there".to_owned();
        reader.warning(value.at, format!("`{path}`: {error}{cause}"), Some(hint));
    }
    Ok(secret)
}

/// One or two secrets that are in use at once, so that they can be rotated.
pub(super) fn read_live(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Vec<SecretRef>> {
    let secrets = reader.items(node, path, read)?;
    if secrets.len() > MAX_LIVE {
        let hint = "keep the present one and, while it is rotated, the one before".to_owned();
        reader.error(
            node.at,
            format!("`{path}` has {} entries, at most {MAX_LIVE} are in use at once", secrets.len()),
            Some(hint),
        );
        return Err(Said);
    }
    Ok(secrets)
}

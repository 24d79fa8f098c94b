//! From a document to a resource.

mod app;
mod automation;
mod channel;
mod github;
mod secret;
mod source;

use crate::names;
use crate::reader::{Fields, Keys, Read, Reader, Said};
use crate::yaml::{Content, Node, Place};
use crate::{App, Automation, Channel, Source};

/// The one version of the resources.
pub const API_VERSION: &str = "signalbox.dev/v1alpha1";

/// What a document says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr)]
pub(crate) enum Kind {
    Source,
    App,
    Automation,
    Channel,
}

const KINDS: [(&str, Kind); 4] = [
    ("Source", Kind::Source),
    ("App", Kind::App),
    ("Automation", Kind::Automation),
    ("Channel", Kind::Channel),
];
/// Kinds of the design that this program has not.
const LATER_KINDS: [&str; 2] = ["BackupPlan", "Freeze"];
const RESOURCE: Keys = Keys { known: &["apiVersion", "kind", "metadata", "spec"], later: &[] };
const METADATA: Keys = Keys { known: &["name", "labels", "annotations"], later: &[] };

/// A document whose kind and name are known.
pub(crate) struct Resource {
    pub kind: Kind,
    pub name: String,
    pub at: Place,
    /// `None` when its spec has problems.
    pub spec: Option<Spec>,
}

/// A resource's own part.
pub(crate) enum Spec {
    Source(Source),
    App(App),
    Automation(Automation),
    Channel(Channel),
}

/// Reads a document; `None` when it is empty. [`Said`] when it does not say what it is, so that nothing is known about
/// what it declares.
pub(crate) fn resource(reader: &mut Reader<'_>, root: &Node) -> Read<Option<Resource>> {
    if matches!(root.content, Content::Null) {
        return Ok(None);
    }
    let fields = reader.fields(root, "", &RESOURCE)?;
    let version = reader.required(&fields, "apiVersion", |reader, node, path| {
        reader.choice(node, path, &[(API_VERSION, ())])
    });
    let kind = reader.required(&fields, "kind", kind);
    let name = reader.required(&fields, "metadata", |reader, node, path| {
        let fields = reader.fields(node, path, &METADATA)?;
        let name = reader.required(&fields, "name", |reader, node, path| {
            reader.formed(node, path, names::dns_label).map(|name| (name, node.at))
        });
        strings(reader, &fields, "labels");
        strings(reader, &fields, "annotations");
        name
    });
    let kind = kind?;
    // Its spec is read for its problems also when its name is none.
    let unnamed = String::new();
    let spec = reader.required(&fields, "spec", |reader, node, _| {
        spec(reader, kind, name.as_ref().map_or(&unnamed, |(name, _)| name), node)
    });
    let (name, at) = name?;
    Ok(Some(Resource { kind, name, at, spec: version.and(spec).ok() }))
}

fn kind(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Kind> {
    if let Content::Scalar(scalar) = &node.content
        && LATER_KINDS.contains(&scalar.text.as_str())
    {
        let known = KINDS.map(|(name, _)| name).join(", ");
        let hint = format!("take it out for now; there are {known}");
        reader.error(node.at, format!("kind {} is not supported yet", scalar.text), Some(hint));
        return Err(Said);
    }
    reader.choice(node, path, &KINDS)
}

fn spec(reader: &mut Reader<'_>, kind: Kind, name: &str, node: &Node) -> Read<Spec> {
    match kind {
        Kind::Source => source::read(reader, name, node).map(Spec::Source),
        Kind::App => app::read(reader, name, node).map(Spec::App),
        Kind::Automation => automation::read(reader, name, node).map(Spec::Automation),
        Kind::Channel => channel::read(reader, name, node).map(Spec::Channel),
    }
}

/// `labels` and `annotations`: taken, since `kubectl` and people put them there, and without a meaning here.
fn strings(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &str) {
    let path = fields.path(key);
    match fields.get(key) {
        None => {}
        Some(Node { content: Content::Map(entries), .. }) => {
            for (_, value) in entries {
                if !matches!(value.content, Content::Scalar(_)) {
                    reader.not(value, &path, "a mapping of texts");
                }
            }
        }
        Some(node) => reader.not(node, &path, "a mapping of texts"),
    }
}

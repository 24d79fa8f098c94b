//! `kind: Automation`.

use events::payload::notification::Severity;

use crate::automation::{Condition, Template, Trigger};
use crate::reader::{Fields, Keys, Read, Reader, Said};
use crate::references::{Reference, Target};
use crate::yaml::Node;
use crate::{Action, Automation, Mode, listens, names};

const SPEC: Keys = Keys { known: &["on", "when", "do", "mode"], later: &["guard"] };
const TRIGGER: Keys = Keys { known: &["type", "source", "subject"], later: &["join", "window"] };
const ACTIONS: Keys =
    Keys { known: &["deploy", "notify"], later: &["promote", "rollback", "remediate", "backup"] };
const DEPLOY: Keys = Keys { known: &["app", "environment", "image"], later: &[] };
const IMAGE: Keys = Keys { known: &["tag", "digest"], later: &[] };
const NOTIFY: Keys = Keys { known: &["channel", "text", "title", "severity"], later: &[] };
const MODES: [(&str, Mode); 3] = [("live", Mode::Live), ("shadow", Mode::Shadow), ("off", Mode::Off)];
const SEVERITIES: [(&str, Severity); 4] = [
    ("info", Severity::Info),
    ("success", Severity::Success),
    ("warning", Severity::Warning),
    ("critical", Severity::Critical),
];

pub(super) fn read(reader: &mut Reader<'_>, name: &str, spec: &Node) -> Read<Automation> {
    let fields = reader.fields(spec, "spec", &SPEC)?;
    let on = reader.required(&fields, "on", |reader, node, path| reader.items(node, path, trigger));
    let when = reader.optional(&fields, "when", condition);
    let actions = reader.required(&fields, "do", |reader, node, path| reader.items(node, path, action));
    let mode = reader.optional(&fields, "mode", |reader, node, path| reader.choice(node, path, &MODES));
    let (on, actions) = (on?, actions?);
    if when.as_ref().is_ok_and(Option::is_none) {
        hears_itself(reader, &fields, &on, &actions);
    }
    Ok(Automation { name: name.to_owned(), on, when: when?, actions, mode: mode?.unwrap_or_default() })
}

fn trigger(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Trigger> {
    let fields = reader.fields(node, path, &TRIGGER)?;
    let ty = reader.required(&fields, "type", |reader, node, path| {
        let text = reader.text(node, path)?.text.clone();
        match listens::check(&text) {
            listens::Finding::Known => Ok(text),
            listens::Finding::Foreign(message) => {
                reader.warning(node.at, format!("`{path}`: {message}"), None);
                Ok(text)
            }
            listens::Finding::Unknown { message, hint } => {
                reader.error(node.at, format!("`{path}`: {message}"), hint);
                Err(Said)
            }
        }
    });
    let glob = |reader: &mut Reader<'_>, node: &Node, path: &str| {
        reader.text(node, path).map(|glob| glob.text.clone())
    };
    let source = reader.optional(&fields, "source", glob);
    let subject = reader.optional(&fields, "subject", glob);
    Ok(Trigger { ty: ty?, source: source?, subject: subject? })
}

fn condition(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Condition> {
    let scalar = reader.text(node, path)?;
    Condition::compile(&scalar.text).map_err(|flaws| reader.flaws(path, node, scalar, flaws))
}

fn template(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Template> {
    let scalar = reader.text(node, path)?;
    Template::compile(&scalar.text).map_err(|flaws| reader.flaws(path, node, scalar, flaws))
}

/// A template whose text, when it is the same for every event, has to have a form.
fn formed(
    reader: &mut Reader<'_>,
    node: &Node,
    path: &str,
    form: fn(&str) -> Result<(), String>,
) -> Read<Template> {
    let template = template(reader, node, path)?;
    if template.is_fixed()
        && let Err(message) = form(template.text.trim())
    {
        reader.error(node.at, format!("`{path}`: {message}"), None);
        return Err(Said);
    }
    Ok(template)
}

fn action(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Action> {
    let fields = reader.fields(node, path, &ACTIONS)?;
    let (action, node) = reader.one_of(&fields, ACTIONS.known)?;
    let path = fields.path(action);
    match action {
        "deploy" => deploy(reader, node, &path),
        _ => notify(reader, node, &path),
    }
}

fn deploy(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Action> {
    let fields = reader.fields(node, path, &DEPLOY)?;
    let app = reader.required(&fields, "app", template);
    let environment = reader.required(&fields, "environment", template);
    let image = reader.required(&fields, "image", |reader, node, path| {
        let fields = reader.fields(node, path, &IMAGE)?;
        let tag = reader
            .optional(&fields, "tag", |reader, node, path| formed(reader, node, path, names::image_tag));
        let digest = reader.optional(&fields, "digest", |reader, node, path| {
            formed(reader, node, path, names::image_digest)
        });
        let (tag, digest) = (tag?, digest?);
        if tag.is_none() && digest.is_none() {
            reader.error(fields.at, format!("`{path}` needs `tag` or `digest`"), None);
            return Err(Said);
        }
        Ok((tag, digest))
    });
    let (app, environment) = (app?, environment?);
    if app.is_fixed() {
        let name = app.text.trim().to_owned();
        if environment.is_fixed() {
            let environment = environment.text.trim().to_owned();
            refer(reader, &fields, "environment", Target::Environment { app: name.clone(), environment });
        }
        refer(reader, &fields, "app", Target::App(name));
    }
    let (tag, digest) = image?;
    Ok(Action::Deploy { app, environment, tag, digest })
}

fn notify(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Action> {
    let fields = reader.fields(node, path, &NOTIFY)?;
    let channel =
        reader.required(&fields, "channel", |reader, node, path| reader.formed(node, path, names::dns_label));
    let text = reader.required(&fields, "text", template);
    let title = reader.optional(&fields, "title", template);
    let severity =
        reader.optional(&fields, "severity", |reader, node, path| reader.choice(node, path, &SEVERITIES));
    let channel = channel?;
    refer(reader, &fields, "channel", Target::Channel(channel.clone()));
    Ok(Action::Notify { channel, text: text?, title: title?, severity: severity?.unwrap_or_default() })
}

/// Notes that a field names another resource.
fn refer(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &str, to: Target) {
    let at = fields.get(key).map_or(fields.at, |node| node.at);
    let path = fields.path(key);
    reader.reference(|file| Reference { file, at, path, to });
}

/// A rule without a condition that listens for what it asks for answers itself until the loop guard stops it.
fn hears_itself(reader: &mut Reader<'_>, fields: &Fields<'_>, on: &[Trigger], actions: &[Action]) {
    for action in actions {
        let said = match action {
            Action::Deploy { .. } => events::Kind::DeployRequested,
            Action::Notify { .. } => events::Kind::NotificationRequested,
        };
        let own = |trigger: &&Trigger| trigger.source.is_none() && trigger.subject.is_none();
        if let Some(trigger) =
            on.iter().filter(own).find(|trigger| events::subject::fits(&trigger.ty, said.name()))
        {
            let at = fields.get("on").map_or(fields.at, |node| node.at);
            let message = format!("the rule hears its own requests: `{}` fits `{}`", trigger.ty, said.name());
            let hint =
                "listen for less, or add a condition; it would answer itself until the loop guard stops it";
            return reader.warning(at, message, Some(hint.to_owned()));
        }
    }
}

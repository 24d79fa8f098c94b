//! Settings in environment variables.

use super::PREFIX;
use super::error::ConfigError;
use super::file::MAX_DEPTH;
use super::node::{Content, Node, Origin};

/// Variables with our prefix that are no settings: the settings file, the kill point of a test, the switch that
/// lets a test write its golden files.
const NO_SETTINGS: &[&str] = &["SIGNALBOX_SETTINGS", "SIGNALBOX_KILL_AT", "SIGNALBOX_UPDATE"];

/// The tree of all variables with our prefix.
pub(super) fn parse(env: impl Iterator<Item = (String, String)>) -> Result<Node, ConfigError> {
    let mut settings: Vec<_> = env.filter(|(name, value)| is_setting(name, value)).collect();
    // The order of the environment says nothing; sorted, the same environment gives the same error.
    settings.sort_unstable();
    let mut tree = Node::empty();
    for (name, value) in settings {
        let path = name[PREFIX.len()..].to_ascii_lowercase();
        let origin = Some(Origin::Variable(name));
        if path.matches("__").count() >= MAX_DEPTH {
            return Err(ConfigError::too_deep(origin));
        }
        let mut node = Node { origin: origin.clone(), content: Content::Raw(value) };
        for key in path.rsplit("__") {
            let section = [(key.to_owned(), node)].into();
            node = Node { origin: origin.clone(), content: Content::Section(section) };
        }
        tree.overlay(node)?;
    }
    Ok(tree)
}

fn is_setting(name: &str, value: &str) -> bool {
    name.starts_with(PREFIX)
        && !value.is_empty()
        && !NO_SETTINGS.contains(&name)
        && !is_service_link(name, value)
}

/// Whether Kubernetes set this for a Service whose name begins with `signalbox`: `…_SERVICE_HOST`, `…_SERVICE_PORT`,
/// `…_SERVICE_PORT_<port's name>`, `…_PORT` with a URL, `…_PORT_<n>_TCP`, `…_PORT_<n>_TCP_{PROTO,PORT,ADDR}`.
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>
fn is_service_link(name: &str, value: &str) -> bool {
    let is_url = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    if name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT") || name.contains("_SERVICE_PORT_") {
        return true;
    }
    if name.ends_with("_PORT") && is_url {
        return true;
    }
    // What follows the last `_PORT_<number>_`.
    let Some((_, rest)) = name
        .match_indices("_PORT_")
        .map(|(at, part)| name.split_at(at + part.len()))
        .find(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return false;
    };
    let tail = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    ["_TCP", "_UDP", "_SCTP"].iter().any(|protocol| {
        tail.strip_prefix(protocol).is_some_and(|end| matches!(end, "" | "_PROTO" | "_PORT" | "_ADDR"))
    })
}

#[cfg(test)]
mod tests {
    use super::is_setting;

    #[test]
    fn what_kubernetes_sets_for_a_service_is_no_setting() {
        for (name, value) in [
            ("SIGNALBOX_SERVICE_HOST", "10.43.0.12"),
            ("SIGNALBOX_SERVICE_PORT", "8080"),
            ("SIGNALBOX_SERVICE_PORT_PUBLIC", "8080"),
            ("SIGNALBOX_PORT", "tcp://10.43.0.12:8080"),
            ("SIGNALBOX_PORT_8080_TCP", "tcp://10.43.0.12:8080"),
            ("SIGNALBOX_PORT_8080_TCP_PROTO", "tcp"),
            ("SIGNALBOX_PORT_8080_TCP_PORT", "8080"),
            ("SIGNALBOX_PORT_8080_TCP_ADDR", "10.43.0.12"),
            ("SIGNALBOX_GATEWAY_SERVICE_HOST", "10.43.0.13"),
            ("SIGNALBOX_GATEWAY_PORT_8080_TCP_ADDR", "10.43.0.13"),
            ("SIGNALBOX_GATEWAY_PORT_53_UDP_PORT", "53"),
        ] {
            assert!(!is_setting(name, value), "{name}");
        }
    }

    #[test]
    fn neighbours_of_those_names_are_settings() {
        for (name, value) in [
            ("SIGNALBOX_PORT", "8080"),
            ("SIGNALBOX_PORT_8080_HTTP", "x"),
            ("SIGNALBOX_LISTEN__PUBLIC", "0.0.0.0:8080"),
            ("SIGNALBOX_SERVICE", "x"),
        ] {
            assert!(is_setting(name, value), "{name}");
        }
    }

    #[test]
    fn empty_variables_and_those_of_others_are_no_settings() {
        for (name, value) in
            [("SIGNALBOX_BUS", ""), ("HOME", "/root"), ("SIGNALBOX_KILL_AT", "x"), ("signalbox_bus", "x")]
        {
            assert!(!is_setting(name, value), "{name}");
        }
    }
}

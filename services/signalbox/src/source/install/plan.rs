//! What is to be done about a webhook at GitHub. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The media type that the gateway takes.
const JSON: &str = "json";
/// All events, as GitHub writes it.
const ALL: &str = "*";

/// The events that Automations use most; each can be had by a webhook of a repository and of an organisation.
pub const EVENTS: [&str; 12] = [
    "check_run",
    "check_suite",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "issue_comment",
    "package",
    "pull_request",
    "push",
    "release",
    "workflow_run",
];

/// What the webhook should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where it posts.
    pub url: String,
    /// Which events.
    pub events: BTreeSet<String>,
    /// Its secret is set anew, though GitHub does not show whether it is another one.
    pub set_secret: bool,
}

/// A webhook, as GitHub shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Hook {
    /// Its id.
    pub id: u64,
    /// Whether it sends any.
    pub active: bool,
    /// Which events it sends.
    pub events: BTreeSet<String>,
    /// How.
    pub config: Config,
}

/// How a webhook sends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Where it posts; webhooks of GitHub's old services have none.
    pub url: Option<String>,
    /// `json` or `form`.
    pub content_type: Option<String>,
    /// Asterisks, if there is one.
    pub secret: Option<String>,
    /// `0` or `1`; GitHub writes a text or a number.
    pub insecure_ssl: Option<serde_json::Value>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// There is none.
    Create,
    /// There is one, and it is otherwise.
    Update {
        /// Which.
        id: u64,
        /// What is otherwise.
        changes: Vec<Change>,
    },
    /// There is one, and all that GitHub shows of it is right.
    Right {
        /// Which.
        id: u64,
    },
}

/// One thing that is otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What.
    pub what: &'static str,
    /// As it is.
    pub from: String,
    /// As it should be.
    pub to: String,
}

/// What is to be done, where these webhooks are.
pub fn decide(wanted: &Wanted, hooks: &[Hook]) -> Plan {
    let same = |hook: &&Hook| hook.config.url.as_deref().is_some_and(|url| same_place(url, &wanted.url));
    let Some(hook) = hooks.iter().find(same) else { return Plan::Create };
    let changes = changes(wanted, hook);
    if changes.is_empty() { Plan::Right { id: hook.id } } else { Plan::Update { id: hook.id, changes } }
}

/// Whether two addresses are one place: the case of the host and a slash at the end do not matter.
fn same_place(one: &str, other: &str) -> bool {
    let normal = |url: &str| {
        let url = reqwest::Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.to_string());
        url.trim_end_matches('/').to_owned()
    };
    normal(one) == normal(other)
}

fn changes(wanted: &Wanted, hook: &Hook) -> Vec<Change> {
    let Hook { id: _, active, events, config } = hook;
    let Config { url: _, content_type, secret, insecure_ssl } = config;
    let mut changes = Vec::new();
    let mut change = |what, from: String, to: String| {
        if from != to {
            changes.push(Change { what, from, to });
        }
    };
    change("active", active.to_string(), true.to_string());
    // Whoever has all has these, too; it was somebody's choice.
    if !events.contains(ALL) {
        change("events", list(events), list(&wanted.events));
    }
    let content_type = content_type.as_deref().unwrap_or("form");
    change("content type", content_type.to_owned(), JSON.to_owned());
    let insecure = insecure_ssl.as_ref().is_some_and(|value| match value {
        serde_json::Value::String(text) => text != "0",
        serde_json::Value::Number(number) => number.as_u64() != Some(0),
        _ => false,
    });
    change("checks of certificates", if insecure { "off" } else { "on" }.to_owned(), "on".to_owned());
    let secret =
        if secret.as_deref().is_some_and(|secret| !secret.is_empty()) { "not shown" } else { "none" };
    if wanted.set_secret || secret == "none" {
        change("secret", secret.to_owned(), "that of the Source".to_owned());
    }
    changes
}

/// As people read it.
pub fn list(events: &BTreeSet<String>) -> String {
    events.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const URL: &str = "https://ci.example.com/hooks/github";

    fn wanted(set_secret: bool) -> Wanted {
        let events = ["push", "release"].map(str::to_owned).into();
        Wanted { url: URL.to_owned(), events, set_secret }
    }

    /// The example of GitHub's documentation ("Repository webhooks"), with our address.
    fn hook(change: &serde_json::Value) -> Hook {
        let mut hook = json!({
            "type": "Repository", "id": 12_345_678, "name": "web", "active": true, "events": ["push", "release"],
            "config": {"content_type": "json", "insecure_ssl": "0", "url": URL, "secret": "********"},
            "updated_at": "2019-06-03T00:57:16Z", "created_at": "2019-06-03T00:57:16Z",
            "last_response": {"code": null, "status": "unused", "message": null},
        });
        for (pointer, value) in change.as_object().expect("an object") {
            let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
            hook.pointer_mut(parent).expect("there is such a place")[name] = value.clone();
        }
        serde_json::from_value(hook).expect("it is a hook")
    }

    #[test]
    fn a_webhook_is_made_mended_or_left_as_it_is() {
        let other = hook(&json!({"/config/url": "https://ci.example.com/hooks/other"}));
        assert_eq!(decide(&wanted(false), &[]), Plan::Create);
        assert_eq!(decide(&wanted(false), std::slice::from_ref(&other)), Plan::Create);
        let slash =
            hook(&json!({"/config/url": "https://CI.example.com/hooks/github/", "/config/insecure_ssl": 0}));
        for right in [hook(&json!({})), slash, hook(&json!({"/events": ["*"]}))] {
            assert_eq!(decide(&wanted(false), &[other.clone(), right]), Plan::Right { id: 12_345_678 });
        }
        for (change, what) in [
            (json!({"/active": false}), "active: false -> true"),
            (json!({"/events": ["push", "issues"]}), "events: issues, push -> push, release"),
            (json!({"/config/content_type": "form"}), "content type: form -> json"),
            (json!({"/config/content_type": null}), "content type: form -> json"),
            (json!({"/config/insecure_ssl": "1"}), "checks of certificates: off -> on"),
            (json!({"/config/secret": null}), "secret: none -> that of the Source"),
        ] {
            let Plan::Update { changes, .. } = decide(&wanted(false), &[hook(&change)]) else {
                panic!("{change}");
            };
            let told: Vec<_> =
                changes.iter().map(|Change { what, from, to }| format!("{what}: {from} -> {to}")).collect();
            assert_eq!(told, [what]);
        }
        let Plan::Update { changes, .. } = decide(&wanted(true), &[hook(&json!({}))]) else {
            panic!("the secret")
        };
        assert_eq!(changes[0].what, "secret");
    }
}

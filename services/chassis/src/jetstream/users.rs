//! A user of the NATS server for each service, which may do what its code does and nothing else. Pure.
//!
//! What these permissions do not hold: who may read the log at all can read all of it, and NATS does not look at the
//! subject to which an answer of JetStream is asked for. They confine mistakes and what a stolen seed is good for; who
//! must not see an event needs another account.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use nkeys::KeyPair;
use strum::IntoEnumIterator as _;

use super::access;
use super::stream::{DEDUP, PLACES, REDRIVE, STREAM};
use crate::store::Bucket;

/// What a service does on the bus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    /// The name of its user, and the end of the prefix of its inbox.
    pub name: String,
    /// The subjects on which it publishes events.
    pub says: BTreeSet<String>,
    /// Exceptions to them.
    pub never: BTreeSet<String>,
    /// The durable consumers that are its own.
    pub handlers: BTreeSet<String>,
    /// The parts of the state that it reads and writes.
    pub keeps: BTreeSet<&'static str>,
    /// Whether it delivers events again to a handler.
    pub redrives: bool,
    /// Whether it may change what is on the server to what the program needs.
    pub settles: bool,
}

/// What a user may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Subjects on which it may publish …
    pub publish: BTreeSet<String>,
    /// … and those among them on which it may not.
    pub never: BTreeSet<String>,
    /// Subjects to which it may listen.
    pub subscribe: BTreeSet<String>,
}

/// The stream of a bucket.
fn bucket(name: &str) -> String {
    format!("KV_{STREAM}_{name}")
}

fn blobs() -> String {
    format!("OBJ_{STREAM}_blobs")
}

/// What the user of a role may do, where these are the durable consumers of all roles.
pub fn permissions(role: &Role, handlers: &BTreeSet<String>) -> Permissions {
    let Role { name, says, never, handlers: own, keeps, redrives, settles } = role;
    let mut publish = says.clone();
    let mut never = never.clone();
    let mut allow = |subject: String| {
        publish.insert(subject);
    };
    let written: Vec<&str> = keeps.iter().copied().chain(ENGINE).collect();
    let state: Vec<String> = Bucket::iter().map(Bucket::name).chain(ENGINE).map(bucket).collect();
    for stream in state.iter().cloned().chain([STREAM.to_owned(), blobs()]) {
        allow(format!("$JS.API.STREAM.INFO.{stream}"));
        // Harmless when it is there: it does not change it then.
        allow(format!("$JS.API.STREAM.CREATE.{stream}"));
        if *settles {
            allow(format!("$JS.API.STREAM.UPDATE.{stream}"));
        }
    }
    for stream in written.iter().map(|name| bucket(name)).chain([STREAM.to_owned(), blobs()]) {
        for subject in READ {
            allow(subject.replace("{}", &stream));
        }
    }
    for name in written {
        allow(format!("$KV.{STREAM}_{name}.>"));
    }
    if *settles {
        // Who would lose by narrower limits.
        allow(format!("$JS.API.CONSUMER.LIST.{STREAM}"));
    }
    allow(format!("$O.{STREAM}_blobs.>"));
    // The pieces of a body that nothing refers to any more; who writes there can lose them anyway.
    allow(format!("$JS.API.STREAM.PURGE.{}", blobs()));
    if *redrives {
        allow(format!("{REDRIVE}*"));
    }
    for handler in own {
        // The second is the form of servers that tell the account.
        allow(format!("$JS.ACK.{STREAM}.{handler}.>"));
        allow(format!("$JS.ACK.*.*.{STREAM}.{handler}.>"));
    }
    // A consumer that reads for a moment has any name, but not that of a handler.
    for handler in handlers {
        let mut deny = |subject: String| {
            never.insert(subject);
        };
        if !own.contains(handler) {
            deny(format!("$JS.API.CONSUMER.CREATE.{STREAM}.{handler}"));
            deny(format!("$JS.API.CONSUMER.CREATE.{STREAM}.{handler}.>"));
            deny(format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{handler}"));
        }
        if !settles {
            deny(format!("$JS.API.CONSUMER.DELETE.{STREAM}.{handler}"));
        }
    }
    let subscribe = BTreeSet::from([format!("{}.>", access::inbox(if *settles { "*" } else { name }))]);
    Permissions { publish, never, subscribe }
}

/// The buckets of the engine itself.
const ENGINE: [&str; 2] = [DEDUP, PLACES];

/// Reading a stream.
const READ: [&str; 8] = [
    "$JS.API.DIRECT.GET.{}",
    "$JS.API.DIRECT.GET.{}.>",
    "$JS.API.STREAM.MSG.GET.{}",
    "$JS.API.CONSUMER.CREATE.{}",
    "$JS.API.CONSUMER.CREATE.{}.>",
    "$JS.API.CONSUMER.INFO.{}.*",
    "$JS.API.CONSUMER.DELETE.{}.*",
    "$JS.API.CONSUMER.MSG.NEXT.{}.*",
];

/// A new key: its seed, which is the secret, and its public part.
pub fn key() -> anyhow::Result<(String, String)> {
    let pair = KeyPair::new_user();
    let seed = pair.seed().map_err(|_| anyhow::anyhow!("cannot make an nkey"))?;
    Ok((seed, pair.public_key()))
}

/// The public part of the key with this seed.
pub fn public(seed: &str) -> anyhow::Result<String> {
    super::auth::user_key(seed.trim()).map(|key| key.public_key())
}

/// The users as a part of the configuration of a NATS server: each with its name, its public key and its permissions.
pub fn config(users: &[(String, String, Permissions)]) -> String {
    let mut text = "authorization {\n  users: [\n".to_owned();
    for (name, key, Permissions { publish, never, subscribe }) in users {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    # {name}\n    {{\n      nkey: {key}\n      permissions: {{");
        let _ = writeln!(text, "        publish: {{\n          allow: {}", list(publish));
        if !never.is_empty() {
            let _ = writeln!(text, "          deny: {}", list(never));
        }
        let _ = writeln!(
            text,
            "        }}\n        subscribe: {{ allow: {} }}\n      }}\n    }}",
            list(subscribe)
        );
    }
    text.push_str("  ]\n}\n");
    text
}

fn list(subjects: &BTreeSet<String>) -> String {
    let quoted: Vec<String> = subjects.iter().map(|subject| format!("\"{subject}\"")).collect();
    match quoted.as_slice() {
        [one] => format!("[{one}]"),
        many => format!("[\n            {}\n          ]", many.join(",\n            ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    fn notifier() -> Role {
        Role {
            name: "notifier".to_owned(),
            says: set(&["signalbox.events.io.signalbox.notification.sent.v1"]),
            handlers: set(&["notifier"]),
            keeps: BTreeSet::from(["ledger"]),
            ..Role::default()
        }
    }

    #[test]
    fn a_role_may_do_nothing_to_the_log_and_to_the_consumers_of_others() {
        let permissions = permissions(&notifier(), &set(&["notifier", "deployer"]));
        let publish = |subject: &str| permissions.publish.contains(subject);
        assert!(publish("$JS.ACK.SIGNALBOX.notifier.>") && publish("$KV.SIGNALBOX_ledger.>"));
        assert!(!publish("$KV.SIGNALBOX_watch.>") && !publish("signalbox.redrive.*"));
        for subject in &permissions.publish {
            assert!(!subject.contains("UPDATE"), "{subject}");
            // Large bodies that nothing refers to any more are swept, by whoever comes to it.
            let sweeps = subject == "$JS.API.STREAM.PURGE.OBJ_SIGNALBOX_blobs";
            assert!(sweeps || !subject.contains("PURGE"), "{subject}");
            assert!(!subject.contains("STREAM.DELETE") && subject != "signalbox.events.>", "{subject}");
        }
        for subject in
            ["CREATE.SIGNALBOX.deployer", "MSG.NEXT.SIGNALBOX.deployer", "DELETE.SIGNALBOX.deployer"]
        {
            assert!(permissions.never.contains(&format!("$JS.API.CONSUMER.{subject}")), "{subject}");
        }
        assert!(!permissions.never.contains("$JS.API.CONSUMER.MSG.NEXT.SIGNALBOX.notifier"));
        assert_eq!(permissions.subscribe, set(&["_INBOX.signalbox.notifier.>"]));
    }

    #[test]
    fn who_settles_may_change_streams_and_nobody_may_delete_them() {
        let role = Role { settles: true, ..notifier() };
        let permissions = permissions(&role, &set(&["notifier"]));
        assert!(permissions.publish.contains("$JS.API.STREAM.UPDATE.SIGNALBOX"));
        assert!(!permissions.publish.iter().any(|subject| subject.contains("STREAM.DELETE")));
        assert_eq!(permissions.subscribe, set(&["_INBOX.signalbox.*.>"]));
    }

    #[test]
    fn a_key_is_known_by_its_seed() {
        let (seed, key) = key().unwrap();
        assert_eq!(public(&format!("{seed}\n")).unwrap(), key);
        assert!(seed.starts_with("SU") && key.starts_with('U'));
    }
}

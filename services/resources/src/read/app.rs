//! `kind: App`.

use std::time::Duration;

use crate::app::{ArgoCd, Git, Verify};
use crate::reader::{Keys, Read, Reader, Said};
use crate::yaml::Node;
use crate::{App, Environment, git, names};

const SPEC: Keys = Keys { known: &["repository", "branch", "image", "environments"], later: &[] };
const ENVIRONMENT: Keys =
    Keys { known: &["name", "git", "argocd", "verify"], later: &["gates", "approval", "soak", "rollback"] };
const GIT: Keys = Keys { known: &["repository", "branch", "file", "tag", "digest"], later: &[] };
const ARGOCD: Keys = Keys { known: &["application", "namespace"], later: &[] };
const VERIFY: Keys = Keys { known: &["timeout", "hold"], later: &[] };

const DEFAULT_BRANCH: &str = "main";
/// Where Argo CD's own charts put the key.
const DEFAULT_TAG_KEY: [&str; 2] = ["image", "tag"];
const DEFAULT_ARGOCD_NAMESPACE: &str = "argocd";
/// A pull of a large image on a small server, a slow start, and some patience.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(10);
/// Long enough to see a container that starts and falls over.
const DEFAULT_HOLD: Duration = Duration::from_secs(10);
/// Longer than this, a deploy is not being watched, it is forgotten.
const MAX_TIMEOUT: Duration = Duration::from_hours(24);

pub(super) fn read(reader: &mut Reader<'_>, name: &str, spec: &Node) -> Read<App> {
    let fields = reader.fields(spec, "spec", &SPEC)?;
    let repository = reader.optional(&fields, "repository", |reader, node, path| {
        reader.formed(node, path, |text| names::repository(text, false))
    });
    let branch =
        reader.optional(&fields, "branch", |reader, node, path| reader.formed(node, path, git::branch));
    let image =
        reader.optional(&fields, "image", |reader, node, path| reader.formed(node, path, names::image));
    let environments = reader.optional(&fields, "environments", |reader, node, path| {
        let environments = reader.items(node, path, environment)?;
        distinct(reader, &environments, path)?;
        Ok(environments.into_iter().map(|(environment, _)| environment).collect())
    });
    Ok(App {
        name: name.to_owned(),
        repository: repository?,
        branch: branch?.unwrap_or_else(|| DEFAULT_BRANCH.to_owned()),
        image: image?,
        environments: environments?.unwrap_or_default(),
    })
}

fn distinct(reader: &mut Reader<'_>, environments: &[(Environment, &Node)], path: &str) -> Read<()> {
    let mut all_differ = Ok(());
    for (index, (environment, node)) in environments.iter().enumerate() {
        if environments[..index].iter().any(|(before, _)| before.name == environment.name) {
            reader.error(
                node.at,
                format!("`{path}` has two environments named `{}`", environment.name),
                None,
            );
            all_differ = Err(Said);
        }
    }
    all_differ
}

fn environment<'d>(reader: &mut Reader<'_>, node: &'d Node, path: &str) -> Read<(Environment, &'d Node)> {
    let fields = reader.fields(node, path, &ENVIRONMENT)?;
    let name =
        reader.required(&fields, "name", |reader, node, path| reader.formed(node, path, names::dns_label));
    let git = reader.required(&fields, "git", git_mode);
    let argocd = reader.optional(&fields, "argocd", argocd);
    let verify = reader.optional(&fields, "verify", verify);
    let verify = verify?.unwrap_or(Verify { timeout: DEFAULT_TIMEOUT, hold: DEFAULT_HOLD });
    Ok((Environment { name: name?, git: git?, argocd: argocd?, verify }, node))
}

fn git_mode(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Git> {
    let fields = reader.fields(node, path, &GIT)?;
    let repository = reader
        .required(&fields, "repository", |reader, node, path| reader.formed(node, path, git::repository));
    let branch =
        reader.optional(&fields, "branch", |reader, node, path| reader.formed(node, path, git::branch));
    let file = reader.required(&fields, "file", |reader, node, path| reader.formed(node, path, git::file));
    let tag =
        reader.optional(&fields, "tag", |reader, node, path| reader.formed(node, path, names::key_path));
    let digest =
        reader.optional(&fields, "digest", |reader, node, path| reader.formed(node, path, names::key_path));
    let git = Git {
        repository: repository?,
        branch: branch?.unwrap_or_else(|| DEFAULT_BRANCH.to_owned()),
        file: file?,
        tag_key: tag?.unwrap_or_else(|| DEFAULT_TAG_KEY.map(str::to_owned).to_vec()),
        digest_key: digest?,
    };
    if git.digest_key.as_ref() == Some(&git.tag_key) {
        let message =
            format!("`{path}`: the tag and the digest cannot both be in `{}`", git.tag_key.join("."));
        reader.error(fields.at, message, None);
        return Err(Said);
    }
    Ok(git)
}

fn argocd(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<ArgoCd> {
    let fields = reader.fields(node, path, &ARGOCD)?;
    let application = reader
        .required(&fields, "application", |reader, node, path| reader.formed(node, path, names::dns_name));
    let namespace = reader
        .optional(&fields, "namespace", |reader, node, path| reader.formed(node, path, names::dns_label));
    let namespace = namespace?.unwrap_or_else(|| DEFAULT_ARGOCD_NAMESPACE.to_owned());
    Ok(ArgoCd { application: application?, namespace })
}

fn verify(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Verify> {
    let fields = reader.fields(node, path, &VERIFY)?;
    let timeout =
        reader.optional(&fields, "timeout", |reader, node, path| reader.formed(node, path, names::duration));
    let hold =
        reader.optional(&fields, "hold", |reader, node, path| reader.formed(node, path, names::duration));
    let (timeout, hold) = (timeout?.unwrap_or(DEFAULT_TIMEOUT), hold?.unwrap_or(DEFAULT_HOLD));
    if timeout.is_zero() || timeout > MAX_TIMEOUT {
        reader.error(fields.at, format!("`{path}.timeout` should be between 1s and 24h"), None);
        return Err(Said);
    }
    if hold >= timeout {
        let message = format!(
            "`{path}`: hold ({}s) should be shorter than timeout ({}s)",
            hold.as_secs(),
            timeout.as_secs()
        );
        reader.error(fields.at, message, None);
        return Err(Said);
    }
    Ok(Verify { timeout, hold })
}

//! `compose.yaml`, as it is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is in the workspace").to_owned()
}

/// A YAML file of the workspace, its anchors and merge keys resolved.
pub fn yaml(path: &str) -> anyhow::Result<Value> {
    let text = text(path)?;
    serde_saphyr::from_str(&text).with_context(|| format!("{path} is not YAML"))
}

/// A file of the workspace.
pub fn text(path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {path}"))
}

/// The compose file.
#[derive(Debug)]
pub struct Compose(pub Value);

impl Compose {
    /// Reads it.
    pub fn read() -> anyhow::Result<Self> {
        yaml("compose.yaml").map(Self)
    }

    /// Its services by name.
    pub fn services(&self) -> anyhow::Result<BTreeMap<String, Service>> {
        let services = self.0["services"].as_object().context("there are services")?;
        Ok(services.iter().map(|(name, value)| (name.clone(), Service(value.clone()))).collect())
    }

    /// One service.
    pub fn service(&self, name: &str) -> anyhow::Result<Service> {
        self.services()?.remove(name).with_context(|| format!("there is no service {name}"))
    }
}

/// A service of the compose file.
#[derive(Debug)]
pub struct Service(pub Value);

/// Something that is mounted into a container.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    /// A path of the workspace (`./…`) or the name of a volume.
    pub from: String,
    /// Where it is in the container.
    pub to: String,
}

impl Mount {
    /// Its path in the workspace, if it is one.
    pub fn path(&self) -> Option<PathBuf> {
        self.from.strip_prefix("./").map(|path| root().join(path))
    }
}

impl Service {
    /// A list of texts; absent is empty.
    pub fn list(&self, key: &str) -> Vec<String> {
        let items = self.0[key].as_array().into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// What is mounted.
    pub fn mounts(&self) -> anyhow::Result<Vec<Mount>> {
        let mount = |text: &String| {
            let mut parts = text.split(':');
            let (from, to) = (parts.next(), parts.next());
            let (from, to) = from.zip(to).with_context(|| format!("`{text}` is no short mount"))?;
            Ok(Mount { from: from.to_owned(), to: to.to_owned() })
        };
        self.list("volumes").iter().map(mount).collect()
    }

    /// The published ports: address and port of the host, port of the container.
    pub fn ports(&self) -> anyhow::Result<Vec<(String, u16, u16)>> {
        let port = |text: &String| match text.split(':').collect::<Vec<_>>()[..] {
            [address, host, container] => Ok((address.to_owned(), host.parse()?, container.parse()?)),
            _ => anyhow::bail!("`{text}` is not address:port:port"),
        };
        self.list("ports").iter().map(port).collect()
    }

    /// The environment, with nothing set on the host.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let variables = self.0["environment"].as_object().into_iter().flatten();
        let value = |value: &Value| {
            let text = value.as_str().unwrap_or_default();
            if text.starts_with("${") && text.ends_with(":-}") { String::new() } else { text.to_owned() }
        };
        variables.map(|(name, text)| (name.clone(), value(text))).collect()
    }
}

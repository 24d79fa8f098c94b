//! Which object.

use std::fmt;

/// Longest name that Kubernetes takes. With it a key stays within the 512 bytes of the store.
const NAME_CHARS: usize = 253;

/// Namespace (if it lives in one) and name of an object, both valid names of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    namespace: Option<Box<str>>,
    name: Box<str>,
}

impl Key {
    /// `None` unless both are names that Kubernetes would take.
    pub fn new(namespace: Option<&str>, name: &str) -> Option<Self> {
        let both = namespace.is_none_or(valid) && valid(name);
        both.then(|| Self { namespace: namespace.map(Into::into), name: name.into() })
    }

    /// The namespace, if it lives in one.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its state is in the store.
    pub fn in_store(&self, prefix: &str) -> String {
        format!("{prefix}/{self}")
    }

    /// Whose state is there.
    pub fn from_store(key: &str, prefix: &str, namespaced: bool) -> Option<Self> {
        let rest = key.strip_prefix(prefix)?.strip_prefix('/')?;
        if namespaced {
            let (namespace, name) = rest.split_once('/')?;
            Self::new(Some(namespace), name)
        } else {
            Self::new(None, rest)
        }
    }

    /// Where the states of all objects of a namespace (or of all namespaces) are.
    pub fn prefix(prefix: &str, namespace: Option<&str>) -> String {
        namespace.map_or_else(|| format!("{prefix}/"), |namespace| format!("{prefix}/{namespace}/"))
    }
}

/// `namespace/name`, or `name`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// The alphabet and the length of an RFC 1123 subdomain, which names are at most.
fn valid(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    (1..=NAME_CHARS).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn the_key_in_the_store_leads_back() {
        let key = Key::new(Some("argocd"), "shop.eu").unwrap();
        assert_eq!(key.in_store("argocd"), "argocd/argocd/shop.eu");
        assert_eq!(Key::from_store(&key.in_store("argocd"), "argocd", true), Some(key));
        let node = Key::new(None, "server-1").unwrap();
        assert_eq!(node.in_store("nodes"), "nodes/server-1");
        assert_eq!(Key::from_store("nodes/server-1", "nodes", false), Some(node));
    }

    #[test]
    fn the_prefix_of_a_namespace_is_not_that_of_a_longer_one() {
        let key = Key::new(Some("argo-2"), "shop").unwrap().in_store("argocd");
        assert!(key.starts_with(&Key::prefix("argocd", None)));
        assert!(!key.starts_with(&Key::prefix("argocd", Some("argo"))));
    }

    #[test]
    fn what_kubernetes_would_not_take_is_no_key() {
        let long = "a".repeat(254);
        for name in ["", "a/b", "Shop", "a b", "ä", "a\0", long.as_str()] {
            assert_eq!(Key::new(Some("argocd"), name), None, "{name:?}");
            assert_eq!(Key::new(Some(name), "shop"), None, "{name:?}");
            assert_eq!(Key::new(None, name), None, "{name:?}");
        }
        for key in ["argocd/shop", "pods/argocd/shop", "argocd/argocd/a/b", "argocd2/a/b", ""] {
            assert_eq!(Key::from_store(key, "argocd", true), None, "{key:?}");
        }
        assert_eq!(Key::from_store("nodes/a/b", "nodes", false), None);
    }
}

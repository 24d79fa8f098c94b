//! Which Application.

use std::fmt;

/// What the key of every Application's state begins with.
const PREFIX: &str = "argocd/";
/// Longest name that Kubernetes takes. With it a key stays within the 512 bytes of the store.
const NAME_CHARS: usize = 253;

/// Namespace and name of an Application, both valid names of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppKey {
    namespace: String,
    name: String,
}

impl AppKey {
    /// `None` unless both are names that Kubernetes would take.
    pub fn new(namespace: &str, name: &str) -> Option<Self> {
        let both = valid(namespace) && valid(name);
        both.then(|| Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its state is in the store.
    pub fn in_store(&self) -> String {
        format!("{PREFIX}{self}")
    }

    /// Whose state is there.
    pub fn from_store(key: &str) -> Option<Self> {
        let (namespace, name) = key.strip_prefix(PREFIX)?.split_once('/')?;
        Self::new(namespace, name)
    }

    /// Where the states of all Applications of a namespace (or of all namespaces) are.
    pub fn prefix(namespace: Option<&str>) -> String {
        namespace.map_or_else(|| PREFIX.to_owned(), |namespace| format!("{PREFIX}{namespace}/"))
    }
}

/// `namespace/name`.
impl fmt::Display for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The alphabet and the length of an RFC 1123 subdomain, which names are at most.
fn valid(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    (1..=NAME_CHARS).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::AppKey;

    #[test]
    fn the_key_in_the_store_leads_back() {
        let key = AppKey::new("argocd", "shop.eu").unwrap();
        assert_eq!(key.in_store(), "argocd/argocd/shop.eu");
        assert_eq!(AppKey::from_store(&key.in_store()), Some(key));
    }

    #[test]
    fn the_prefix_of_a_namespace_is_not_that_of_a_longer_one() {
        let key = AppKey::new("argo-2", "shop").unwrap().in_store();
        assert!(key.starts_with(&AppKey::prefix(None)));
        assert!(!key.starts_with(&AppKey::prefix(Some("argo"))));
    }

    #[test]
    fn what_kubernetes_would_not_take_is_no_key() {
        let long = "a".repeat(254);
        for name in ["", "a/b", "Shop", "a b", "ä", "a\0", long.as_str()] {
            assert_eq!(AppKey::new("argocd", name), None, "{name:?}");
            assert_eq!(AppKey::new(name, "shop"), None, "{name:?}");
        }
        for key in ["argocd/shop", "pods/argocd/shop", "argocd/argocd/a/b", ""] {
            assert_eq!(AppKey::from_store(key), None, "{key:?}");
        }
    }
}

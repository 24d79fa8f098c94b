//! The cluster, if there is one.

use std::path::Path;

use anyhow::Context as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::settings::Kubernetes;

/// Every pod has its address here.
/// <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api>
const IN_CLUSTER_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Where the configuration of the client comes from.
#[derive(Debug, PartialEq, Eq)]
enum Whence<'a> {
    /// This file.
    File(&'a Path),
    /// The kubeconfig that kubectl would take: `KUBECONFIG`, or `~/.kube/config`.
    Usual,
    /// The service account of the pod.
    Pod,
    /// There is no cluster.
    Nowhere,
}

/// A client, or `None` where no cluster is configured: no `kubernetes.kubeconfig`, no `kubernetes.context`, and not in a
/// pod. Whether the cluster answers is not asked here: it may come later.
pub async fn client(settings: &Kubernetes) -> anyhow::Result<Option<Client>> {
    let options = KubeConfigOptions { context: settings.context.clone(), ..KubeConfigOptions::default() };
    let config = match whence(settings, Path::new(IN_CLUSTER_TOKEN).exists()) {
        Whence::File(path) => {
            let kubeconfig = Kubeconfig::read_from(path)
                .with_context(|| format!("cannot read the kubeconfig {}", path.display()))?;
            Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .with_context(|| format!("cannot use the kubeconfig {}", path.display()))?
        }
        Whence::Usual => Config::from_kubeconfig(&options)
            .await
            .context("cannot use the kubeconfig that kubectl would use")?,
        Whence::Pod => Config::incluster().context("cannot use the service account of this pod")?,
        Whence::Nowhere => return Ok(None),
    };
    Ok(Some(Client::try_from(config).context("cannot make a client for the cluster")?))
}

fn whence(settings: &Kubernetes, in_pod: bool) -> Whence<'_> {
    match (&settings.kubeconfig, &settings.context) {
        (Some(path), _) => Whence::File(path),
        (None, Some(_)) => Whence::Usual,
        (None, None) if in_pod => Whence::Pod,
        (None, None) => Whence::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Whence, client, whence};
    use crate::settings::Kubernetes;

    fn settings(kubeconfig: Option<&str>, context: Option<&str>) -> Kubernetes {
        Kubernetes {
            kubeconfig: kubeconfig.map(PathBuf::from),
            context: context.map(str::to_owned),
            ..Kubernetes::default()
        }
    }

    #[test]
    fn what_is_said_wins_over_where_it_runs() {
        assert_eq!(whence(&settings(Some("k"), Some("c")), true), Whence::File(Path::new("k")));
        assert_eq!(whence(&settings(None, Some("c")), true), Whence::Usual);
        assert_eq!(whence(&settings(None, None), true), Whence::Pod);
        assert_eq!(whence(&settings(None, None), false), Whence::Nowhere);
    }

    #[tokio::test]
    async fn a_kubeconfig_that_is_not_there_is_named() {
        let error =
            client(&settings(Some("/nowhere/kubeconfig"), None)).await.err().expect("there is no such file");
        assert_eq!(error.to_string(), "cannot read the kubeconfig /nowhere/kubeconfig");
    }

    #[tokio::test]
    async fn a_context_that_is_not_there_is_refused() {
        let folder = tempfile::tempdir().expect("a temp folder can be made");
        let path = folder.path().join("kubeconfig");
        std::fs::write(&path, "apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n")
            .expect("it takes a file");
        let path = path.to_str().expect("temp folders are UTF-8");
        let error =
            client(&settings(Some(path), Some("k3d-dev"))).await.err().expect("there is no such context");
        assert!(format!("{error:#}").contains("k3d-dev"), "{error:#}");
    }
}

//! The one cluster that the tests of this program share.

use tests::argocd::ArgoCd;
use tests::kube_api::KubeApi;
use tests::kwok::Kwok;
use tests::skip;
use tokio::sync::OnceCell;

/// A control plane with a simulated node and Argo CD.
pub struct Cluster {
    pub api: KubeApi,
    pub argocd: ArgoCd,
    _kwok: Kwok,
}

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

/// The cluster, started by whoever asks first. It is a static and so is never dropped: its servers end with this program
/// all the same (see `tests/src/watchdog.rs`).
pub async fn shared() -> anyhow::Result<&'static Cluster> {
    let start = async || {
        let api = KubeApi::start().await?;
        let (kwok, argocd) = tokio::try_join!(Kwok::start(&api), ArgoCd::start(&api))?;
        anyhow::Ok(Cluster { api, argocd, _kwok: kwok })
    };
    CLUSTER.get_or_try_init(start).await
}

/// Whether the servers of the cluster are not to be had here; the calling test should then return. Says so loudly.
pub fn skipped() -> bool {
    skip::without(&["kine", "kubernetes", "kwok", "helm", "argocd"])
}

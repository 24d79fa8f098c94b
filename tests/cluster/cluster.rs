//! The one cluster that the tests of this program share.

use tests::argocd::ArgoCd;
use tests::kube_api::KubeApi;
use tests::kwok::Kwok;
use tests::tools;
use tokio::sync::OnceCell;

/// A control plane with a simulated node and Argo CD.
pub struct Cluster {
    pub api: KubeApi,
    pub argocd: ArgoCd,
    _kwok: Kwok,
}

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

/// The cluster, started by whoever asks first. Its processes end with this one (see [`tests::process`]).
pub async fn shared() -> anyhow::Result<&'static Cluster> {
    CLUSTER
        .get_or_try_init(|| async {
            let api = KubeApi::start().await?;
            let kwok = Kwok::start(&api).await?;
            let argocd = ArgoCd::start(&api).await?;
            Ok(Cluster { api, argocd, _kwok: kwok })
        })
        .await
}

/// Whether `tests/run` said that a program cannot be had here; says loudly that the test is skipped.
pub fn skipped(test: &str, program: &str) -> bool {
    let without = tools::without(program);
    if without {
        println!("\nSKIPPED: {test}: {program} is not installed");
    }
    without
}

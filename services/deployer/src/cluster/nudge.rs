//! Makes Argo CD look now, and not in up to three minutes.

use kube::api::{Patch, PatchParams};
use resources::app::ArgoCd;
use serde_json::json;

use super::application::REFRESH;
use super::{Cluster, ClusterError, answer};

impl Cluster {
    /// Asks Argo CD to compare with the newest commit. It may forget that it was asked (an annotation that is set while it
    /// reconciles was lost up to 3.5), so the caller looks whether it has, and asks again.
    #[expect(
        clippy::disallowed_methods,
        reason = "except: it changes nothing, and asking twice does no harm"
    )]
    pub async fn nudge(&self, argocd: &ArgoCd) -> Result<(), ClusterError> {
        let patch = Patch::Merge(json!({ "metadata": { "annotations": { REFRESH: "normal" } } }));
        let (applications, params) = (self.applications(argocd), PatchParams::default());
        let patched = applications.patch_metadata(&argocd.application, &params, &patch);
        answer("annotate the Application", patched).await.map(|_| ())
    }
}

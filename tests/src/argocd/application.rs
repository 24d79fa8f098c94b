//! Applications of the tests.

use anyhow::Context as _;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

use super::{ArgoCd, NAMESPACE, PATIENCE};
use crate::eventually;
use crate::kube_api::{KubeApi, apply};

/// `applications.argoproj.io`.
pub fn applications() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"))
}

impl ArgoCd {
    /// Makes an Application with automated sync and self-heal, and its namespace.
    pub async fn application(
        &self,
        api: &KubeApi,
        name: &str,
        repository: &str,
        path: &str,
        value_files: &[&str],
        namespace: &str,
    ) -> anyhow::Result<()> {
        api.namespace(namespace).await?;
        let application = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": { "name": name, "namespace": NAMESPACE },
            "spec": {
                "project": "default",
                "source": { "repoURL": repository, "targetRevision": "main", "path": path,
                            "helm": { "valueFiles": value_files } },
                "destination": { "server": "https://kubernetes.default.svc", "namespace": namespace },
                "syncPolicy": { "automated": { "prune": true, "selfHeal": true } },
            },
        });
        apply(&api.client().await?, &application).await
    }

    /// Asks Argo CD to look at the repository at once, as a webhook of the Git host would.
    pub async fn refresh(&self, api: &KubeApi, name: &str) -> anyhow::Result<()> {
        let applications =
            Api::<DynamicObject>::namespaced_with(api.client().await?, NAMESPACE, &applications());
        let wish = json!({ "metadata": { "annotations": { "argocd.argoproj.io/refresh": "normal" } } });
        applications.patch(name, &PatchParams::default(), &Patch::Merge(wish)).await?;
        Ok(())
    }

    /// The status of an Application.
    pub async fn status(&self, api: &KubeApi, name: &str) -> anyhow::Result<Value> {
        let applications =
            Api::<DynamicObject>::namespaced_with(api.client().await?, NAMESPACE, &applications());
        Ok(applications.get(name).await?.data["status"].take())
    }

    /// Waits until an Application is synced and healthy.
    pub async fn healthy(&self, api: &KubeApi, name: &str) -> anyhow::Result<()> {
        eventually(PATIENCE, &format!("{name} is synced and healthy"), async || {
            let status = self.status(api, name).await?;
            let is = (status["sync"]["status"].as_str(), status["health"]["status"].as_str());
            anyhow::ensure!(is == (Some("Synced"), Some("Healthy")), "its status is {status:#}");
            Ok(())
        })
        .await
        .with_context(|| self.last_words())
    }
}

//! Loading the resources, and whether this process can do what they ask for.

use std::path::Path;

use anyhow::{Context as _, bail};
use resources::{Catalog, load_dir};

use crate::exit::{Exit, OrStop as _, Stop};
use crate::services::HOW_TO_REACH_ONE;

/// What this process can do.
#[derive(Debug, Clone, Copy)]
pub struct Guard {
    /// Whether there is a cluster.
    pub cluster: bool,
    /// Whether it deploys.
    pub deploys: bool,
}

impl Guard {
    /// Refuses an App that could be deployed but never verified.
    pub fn check(self, catalog: &Catalog) -> anyhow::Result<()> {
        if self.cluster || !self.deploys {
            return Ok(());
        }
        for app in catalog.apps.values() {
            for environment in &app.environments {
                if let Some(argocd) = &environment.argocd {
                    bail!(
                        "App `{}`, environment `{}` is carried out by the Argo CD Application `{}`, but there is no \
                         cluster to ask: {HOW_TO_REACH_ONE}",
                        app.name,
                        environment.name,
                        argocd.application
                    );
                }
            }
        }
        Ok(())
    }
}

/// Loads the resources of a folder; warnings go to the log.
pub fn load(dir: &Path) -> Result<Catalog, Stop> {
    let loaded = load_dir(dir)
        .with_context(|| format!("the resources in {} are not right", dir.display()))
        .or_stop(Exit::Usage)?;
    for warning in &loaded.warnings {
        tracing::warn!(problem = %warning, "a resource should be looked at");
    }
    tracing::info!(resources = crate::check::counts(&loaded.catalog), folder = %dir.display(), "resources loaded");
    Ok(loaded.catalog)
}

#[cfg(test)]
mod tests {
    use resources::load_text;

    use super::Guard;

    const APP: &str = "
apiVersion: signalbox.dev/v1alpha1
kind: App
metadata: {name: my-app}
spec:
  environments:
    - name: dev
      git: {repository: 'https://git.example/gitops.git', file: applications/my-app/values-dev.yaml}
      argocd: {application: my-app-dev}
";

    #[test]
    fn an_app_under_argo_cd_needs_a_cluster_where_it_is_deployed() {
        let catalog = load_text("app.yaml", APP).expect("the App is right").catalog;
        let error = Guard { cluster: false, deploys: true }.check(&catalog).expect_err("there is no cluster");
        let text = error.to_string();
        assert!(text.starts_with("App `my-app`, environment `dev` is carried out by"), "{text}");
        assert!(text.contains("kubernetes.kubeconfig"), "{text}");
        for guard in [Guard { cluster: true, deploys: true }, Guard { cluster: false, deploys: false }] {
            guard.check(&catalog).expect("nobody has to ask a cluster, or there is one");
        }
    }
}

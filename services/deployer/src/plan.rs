//! Decides what a request means, by what is declared.

use events::payload::deploy::Requested;
use resources::{App, Catalog, Environment};
use thiserror::Error;

use crate::image::{NoImage, Wanted};

/// What a request means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// `metadata.name` of the App.
    pub app: String,
    /// The image that the App runs, without tag and digest, if that is declared.
    pub image_name: Option<String>,
    /// Where it goes.
    pub environment: Environment,
    /// What should run.
    pub wanted: Wanted,
    /// The Automation that asked, if one did.
    pub automation: Option<String>,
}

/// Why a request means nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unknown {
    /// No such App.
    #[error("there is no App `{app}`{}", did_you_mean(near.as_deref()))]
    App {
        /// What was asked for.
        app: String,
        /// What is declared and looks alike.
        near: Option<String>,
    },
    /// No such environment.
    #[error("the App `{app}` has no environment `{environment}`{}", did_you_mean(near.as_deref()))]
    Environment {
        /// The App.
        app: String,
        /// What was asked for.
        environment: String,
        /// What is declared and looks alike.
        near: Option<String>,
    },
    /// No such image.
    #[error("the image cannot be meant")]
    Image(#[from] NoImage),
    /// Nobody could tell whether it runs.
    #[error(
        "the environment `{environment}` of the App `{app}` is verified in Kubernetes (Application \
         `{application}`), and this Signalbox has no access to a cluster"
    )]
    NoCluster {
        /// The App.
        app: String,
        /// The environment.
        environment: String,
        /// The Argo CD Application.
        application: String,
    },
}

/// What `requested` means; `cluster` says whether Kubernetes can be asked.
pub fn plan(requested: &Requested, catalog: &Catalog, cluster: bool) -> Result<Plan, Unknown> {
    let Requested { app: app_name, environment: environment_name, image, automation } = requested;
    let wanted = Wanted::of(image)?;
    let app = catalog.apps.get(app_name).ok_or_else(|| Unknown::App {
        app: app_name.clone(),
        near: nearest(app_name, catalog.apps.keys()),
    })?;
    let App { environments, image: image_name, .. } = app;
    let environment = app.environment(environment_name).ok_or_else(|| Unknown::Environment {
        app: app_name.clone(),
        environment: environment_name.clone(),
        near: nearest(environment_name, environments.iter().map(|environment| &environment.name)),
    })?;
    if let Some(argocd) = environment.argocd.as_ref().filter(|_| !cluster) {
        return Err(Unknown::NoCluster {
            app: app_name.clone(),
            environment: environment_name.clone(),
            application: argocd.application.clone(),
        });
    }
    Ok(Plan {
        app: app_name.clone(),
        image_name: image_name.clone(),
        environment: environment.clone(),
        wanted,
        automation: automation.clone(),
    })
}

/// The known name that looks most like `name`, if one does.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<String> {
    known
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= name.len().div_ceil(3))
        .min()
        .map(|(_, candidate)| candidate.clone())
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

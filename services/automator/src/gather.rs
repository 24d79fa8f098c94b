//! What is known about an event: its body, and the App that it belongs to.

use std::str::FromStr;

use events::payload::application::Application;
use events::payload::argocd::Notified;
use events::payload::{deploy, image};
use events::{Envelope, Family, Kind, Payload};
use resources::{App, Catalog};
use serde_json::Value;

/// What is known about an event.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The event.
    pub event: &'a Envelope,
    /// Its body, or why it cannot be read.
    pub data: Result<Value, String>,
    /// The App that it belongs to, or why it belongs to none.
    pub app: Result<&'a App, String>,
}

/// Reads the body and finds the App.
pub fn facts<'a>(catalog: &'a Catalog, event: &'a Envelope) -> Facts<'a> {
    let data = body(event);
    let app = app(catalog, event, data.as_ref().unwrap_or(&Value::Null));
    Facts { event, data, app }
}

/// JSON as it came, other text as a text, anything else null.
fn body(event: &Envelope) -> Result<Value, String> {
    if event.is_json() {
        return event.json().map_err(|error| format!("the body should be JSON and is not: {error}"));
    }
    let text = std::str::from_utf8(event.body()).ok().filter(|_| event.has_body());
    Ok(text.map_or(Value::Null, Value::from))
}

fn app<'a>(catalog: &'a Catalog, event: &Envelope, data: &Value) -> Result<&'a App, String> {
    let Ok(kind) = Kind::from_str(event.ty()) else { return of_repository(catalog, data) };
    match kind.family() {
        Family::DeployRequested => named(catalog, event, |deploy: deploy::Requested| deploy.app),
        Family::DeployStarted => named(catalog, event, |deploy: deploy::Started| deploy.app),
        Family::DeploySucceeded => named(catalog, event, |deploy: deploy::Succeeded| deploy.app),
        Family::DeployFailed => named(catalog, event, |deploy: deploy::Failed| deploy.app),
        Family::Application => of_application(catalog, event),
        Family::ApplicationNotified => of_notified(catalog, event),
        Family::ImagePushed => of_image(catalog, event),
        Family::Alert
        | Family::AutomationEvaluated
        | Family::Autoscaler
        | Family::CronJob
        | Family::DeadLetter
        | Family::Job
        | Family::Namespace
        | Family::Node
        | Family::NotificationRequested
        | Family::NotificationSent
        | Family::NotificationFailed
        | Family::Object
        | Family::Pod
        | Family::Project
        | Family::ScheduleTicked
        | Family::SourceGap
        | Family::SourceSweepFailed
        | Family::VolumeClaim
        | Family::VolumeSnapshot
        | Family::VolumeUsage
        | Family::Warning
        | Family::Workload => Err(format!("{} is about no App", kind.name())),
    }
}

/// GitHub's way, and that of Gitea and others that follow it, or GitLab's.
fn of_repository<'a>(catalog: &'a Catalog, data: &Value) -> Result<&'a App, String> {
    let name = data.pointer("/repository/full_name").or_else(|| data.pointer("/project/path_with_namespace"));
    let Some(repository) = name.and_then(Value::as_str) else {
        return Err("the event names no repository (`data.repository.full_name`)".to_owned());
    };
    catalog.app_of_repository(repository).ok_or_else(|| format!("no App has the repository {repository}"))
}

fn named<'a, P: Payload>(
    catalog: &'a Catalog,
    event: &Envelope,
    name: impl FnOnce(P) -> String,
) -> Result<&'a App, String> {
    let name = event
        .payload::<P>()
        .map(name)
        .map_err(|error| format!("the event is not what its type says: {error}"))?;
    catalog.apps.get(&name).ok_or_else(|| format!("no App is named {name}"))
}

fn of_image<'a>(catalog: &'a Catalog, event: &Envelope) -> Result<&'a App, String> {
    let image::Pushed { repository, .. } =
        event.payload().map_err(|error| format!("the event is not what its type says: {error}"))?;
    // An App may leave out the host that is meant when none is named.
    let short = repository.strip_prefix("docker.io/").unwrap_or(&repository);
    let is = |app: &&App| app.image.as_deref().is_some_and(|image| image == repository || image == short);
    catalog.apps.values().find(is).ok_or_else(|| format!("no App has the image {repository}"))
}

fn of_application<'a>(catalog: &'a Catalog, event: &Envelope) -> Result<&'a App, String> {
    let Application { name, namespace, .. } =
        event.payload().map_err(|error| format!("the event is not what its type says: {error}"))?;
    running(catalog, &namespace, &name)
}

fn of_notified<'a>(catalog: &'a Catalog, event: &Envelope) -> Result<&'a App, String> {
    let Notified { name, namespace, .. } =
        event.payload().map_err(|error| format!("the event is not what its type says: {error}"))?;
    running(catalog, &namespace, &name)
}

/// The App of an Argo CD Application.
fn running<'a>(catalog: &'a Catalog, namespace: &str, name: &str) -> Result<&'a App, String> {
    let runs = |app: &&App| {
        app.environments
            .iter()
            .filter_map(|environment| environment.argocd.as_ref())
            .any(|argocd| argocd.application == name && argocd.namespace == namespace)
    };
    catalog
        .apps
        .values()
        .find(runs)
        .ok_or_else(|| format!("no App has the Argo CD Application {namespace}/{name}"))
}

#[cfg(test)]
mod tests {
    use events::payload::alert::{Alert, Status};
    use events::payload::application::Transition;
    use events::payload::deploy::{Image, Step};
    use resources::load_text;

    use super::*;

    fn catalog() -> Catalog {
        let text = "
apiVersion: signalbox.dev/v1alpha1
kind: App
metadata: {name: shop}
spec:
  repository: Acme/Shop
  image: acme/shop
  environments:
    - name: dev
      git: {repository: /srv/git/deploy, file: dev.yaml}
      argocd: {application: shop-dev, namespace: gitops}
";
        load_text("test.yaml", text).expect("a valid text").catalog
    }

    fn own<P: Payload>(payload: &P) -> Envelope {
        let data = serde_json::to_value(payload).expect("plain data");
        Envelope::builder("1", "/x", payload.kind().name()).json(&data).build().expect("a valid event")
    }

    fn application(name: &str, namespace: &str) -> Envelope {
        own(&Application {
            transition: Transition::Degraded,
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            project: "default".to_owned(),
            destination_namespace: None,
            sync: "Synced".to_owned(),
            health: "Degraded".to_owned(),
            health_message: None,
            revisions: Vec::new(),
            images: Vec::new(),
            operation: None,
            conditions: Vec::new(),
            previous: None,
        })
    }

    fn failed(app: &str) -> Envelope {
        own(&deploy::Failed {
            app: app.to_owned(),
            environment: "dev".to_owned(),
            image: Image { tag: Some("1".to_owned()), digest: None },
            commit: None,
            step: Step::Plan,
            reason: "x".to_owned(),
        })
    }

    fn alert() -> Envelope {
        own(&Alert {
            status: Status::Firing,
            alertname: "x".to_owned(),
            labels: std::collections::BTreeMap::new(),
            annotations: std::collections::BTreeMap::new(),
            starts_at: events::DateTime::UNIX_EPOCH,
            ends_at: None,
            generator_url: None,
            fingerprint: "0".to_owned(),
            receiver: "x".to_owned(),
            group_key: "x".to_owned(),
            external_url: None,
            truncated_alerts: 0,
        })
    }

    fn notified(name: &str, namespace: &str) -> Envelope {
        own(&Notified {
            trigger: None,
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            project: "default".to_owned(),
            destination_namespace: None,
            sync: "Synced".to_owned(),
            health: "Healthy".to_owned(),
            health_message: None,
            revisions: Vec::new(),
            images: Vec::new(),
            operation: None,
        })
    }

    fn github(repository: &str) -> Envelope {
        let data = serde_json::json!({"repository": {"full_name": repository}});
        Envelope::builder("1", "/x", "com.github.push").json(&data).build().expect("a valid event")
    }

    fn pushed(repository: &str) -> Envelope {
        own(&image::Pushed {
            repository: repository.to_owned(),
            tag: "1".to_owned(),
            digest: None,
            platforms: Vec::new(),
            registry: image::Registry::DockerHub,
            pushed_by: None,
            pushed_at: None,
            revision: None,
        })
    }

    fn gitlab(project: &str) -> Envelope {
        let data = serde_json::json!({"project": {"path_with_namespace": project}});
        Envelope::builder("1", "/x", "com.gitlab.push").json(&data).build().expect("a valid event")
    }

    #[test]
    fn an_event_finds_its_app_by_repository_image_name_or_application() {
        let catalog = catalog();
        let foreign = Envelope::builder("1", "/x", "org.example.x").build().expect("a valid event");
        for (event, expected) in [
            (github("acme/shop"), Ok("shop")),
            (github("acme/other"), Err("no App has the repository acme/other")),
            (gitlab("acme/shop"), Ok("shop")),
            (pushed("acme/shop"), Ok("shop")),
            (pushed("docker.io/acme/shop"), Ok("shop")),
            (pushed("ghcr.io/acme/shop"), Err("no App has the image ghcr.io/acme/shop")),
            (failed("shop"), Ok("shop")),
            (failed("gone"), Err("no App is named gone")),
            (application("shop-dev", "gitops"), Ok("shop")),
            (application("shop-dev", "argocd"), Err("no App has the Argo CD Application argocd/shop-dev")),
            (notified("shop-dev", "gitops"), Ok("shop")),
            (notified("shop", "gitops"), Err("no App has the Argo CD Application gitops/shop")),
            (alert(), Err("io.prometheus.alert.firing.v1 is about no App")),
            (foreign, Err("the event names no repository (`data.repository.full_name`)")),
        ] {
            let facts = facts(&catalog, &event);
            let found = facts.app.map(|app| app.name.as_str()).map_err(|because| because.clone());
            assert_eq!(found, expected.map_err(str::to_owned), "{event:?}");
        }
    }
}

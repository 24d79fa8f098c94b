//! An API server in memory, for what this crate asks of one, with an Argo CD behind it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use serde_json::{Value, json};

const APPLICATION: &str = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/my-app";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/dev/deployments/my-app";
const PODS: &str = "/api/v1/namespaces/dev/pods";

/// What Argo CD does when it is asked to look, given the objects by path and how often it was asked.
type Behaviour = Box<dyn FnMut(&mut Objects, usize) + Send>;
type Objects = BTreeMap<String, Value>;

/// The API server.
#[derive(Clone)]
pub struct FakeCluster(Arc<Mutex<State>>);

struct State {
    objects: Objects,
    on_nudge: Behaviour,
    nudges: usize,
    requests: usize,
    /// Answers instead of what is asked for: to paths that contain the text.
    failing: Option<(&'static str, StatusCode)>,
}

impl FakeCluster {
    /// With this Argo CD.
    pub fn new(on_nudge: impl FnMut(&mut Objects, usize) + Send + 'static) -> Self {
        let state = State {
            objects: Objects::new(),
            on_nudge: Box::new(on_nudge),
            nudges: 0,
            requests: 0,
            failing: None,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// A client of it.
    pub fn client(&self) -> kube::Client {
        let this = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let this = this.clone();
            async move { Ok::<_, std::convert::Infallible>(this.answer(request).await) }
        });
        kube::Client::new(service, "default")
    }

    /// How often Argo CD was asked to look.
    pub fn nudges(&self) -> usize {
        self.lock().nudges
    }

    /// How often anything was asked.
    pub fn requests(&self) -> usize {
        self.lock().requests
    }

    /// From now on requests to paths that contain `path` are answered with `status`.
    pub fn fail(&self, path: &'static str, status: StatusCode) {
        self.lock().failing = Some((path, status));
    }

    /// Changes the objects.
    pub fn change(&self, change: impl FnOnce(&mut Objects)) {
        change(&mut self.lock().objects);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let query = request.uri().query().unwrap_or_default().to_owned();
        let body = request.into_body().collect_bytes().await.expect("a body in memory");
        let mut state = self.lock();
        let state = &mut *state;
        state.requests += 1;
        if let Some((_, status)) = state.failing.filter(|(failing, _)| path.contains(failing)) {
            return error(status, &path);
        }
        match method {
            Method::GET if path == PODS => {
                assert_eq!(
                    query.trim_start_matches('&'),
                    "labelSelector=app%3Dmy-app",
                    "only the pods of the workload are asked for"
                );
                let items: Vec<_> =
                    state.objects.iter().filter(|(at, _)| at.starts_with(PODS)).map(|(_, it)| it).collect();
                let list = json!({ "apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": items });
                respond(StatusCode::OK, &list)
            }
            Method::GET => match state.objects.get(&path) {
                Some(object) => respond(StatusCode::OK, object),
                None => error(StatusCode::NOT_FOUND, &path),
            },
            Method::PATCH if path == APPLICATION => {
                let change: Value = serde_json::from_slice(&body).expect("a patch");
                let expected =
                    json!({ "metadata": { "annotations": { "argocd.argoproj.io/refresh": "normal" } } });
                assert_eq!(change, expected, "nothing else is written");
                state.nudges += 1;
                (state.on_nudge)(&mut state.objects, state.nudges);
                respond(StatusCode::OK, &state.objects[APPLICATION])
            }
            method => panic!("unexpected {method} {path}"),
        }
    }
}

fn respond(status: StatusCode, body: &Value) -> Response<Body> {
    let bytes = serde_json::to_vec(body).expect("JSON");
    Response::builder().status(status).body(Body::from(bytes)).expect("a response")
}

fn error(status: StatusCode, path: &str) -> Response<Body> {
    let reason = status.canonical_reason().unwrap_or_default().replace(' ', "");
    let message = format!("{path}: {}", status.canonical_reason().unwrap_or_default().to_lowercase());
    let code = status.as_u16();
    respond(
        status,
        &json!({ "apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code }),
    )
}

/// The Application `argocd/my-app`, synced to `revision` and healthy.
pub fn synced(objects: &mut Objects, revision: &str) {
    let object = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": { "name": "my-app", "namespace": "argocd" },
        "spec": { "source": { "repoURL": "https://git.example.org/deploy" }, "destination": { "namespace": "dev" } },
        "status": {
            "sync": { "status": "Synced", "revision": revision },
            "health": { "status": "Healthy" },
            "reconciledAt": "2026-11-24T10:00:06Z",
            "operationState": {
                "phase": "Succeeded", "message": "done", "finishedAt": "2026-11-24T10:00:05Z",
                "syncResult": { "revision": revision }
            },
            "resources": [{ "group": "apps", "kind": "Deployment", "namespace": "dev", "name": "my-app" }]
        }
    });
    objects.insert(APPLICATION.to_owned(), object);
}

/// The Deployment `dev/my-app` with two pods, all of them with `image`.
pub fn rolled_out(objects: &mut Objects, image: &str) {
    let labels = json!({ "app": "my-app" });
    let containers = json!([{ "name": "my-app", "image": image }]);
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "my-app", "namespace": "dev", "generation": 3 },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": { "containers": containers } }
        },
        "status": { "observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2 }
    });
    objects.insert(DEPLOYMENT.to_owned(), deployment);
    for name in ["my-app-a", "my-app-b"] {
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": name, "namespace": "dev", "labels": labels },
            "spec": { "containers": containers },
            "status": {
                "conditions": [{ "type": "Ready", "status": "True" }],
                "containerStatuses": [{
                    "name": "my-app", "image": image, "imageID": "", "ready": true, "restartCount": 0,
                    "state": { "running": {} }
                }]
            }
        });
        objects.insert(format!("{PODS}/{name}"), pod);
    }
}

/// A pod of the Deployment cannot pull its image.
pub fn cannot_pull(objects: &mut Objects) {
    objects.get_mut(DEPLOYMENT).expect("it is there")["status"]["readyReplicas"] = json!(1);
    let pod = objects.get_mut(&format!("{PODS}/my-app-a")).expect("it is there");
    pod["status"]["conditions"] = json!([{ "type": "Ready", "status": "False" }]);
    pod["status"]["containerStatuses"][0]["ready"] = json!(false);
    pod["status"]["containerStatuses"][0]["state"] = json!({ "waiting": { "reason": "ImagePullBackOff", "message": "Back-off pulling image \"my-app:v2\"" } });
}

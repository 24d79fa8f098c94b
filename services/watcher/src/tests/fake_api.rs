//! The part of the Kubernetes API that a watch uses: pages of a list, a watch with bookmarks and a memory that can be
//! lost. It answers over real HTTP, so that kube's client is part of what is tested.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub struct FakeApi {
    world: Arc<World>,
    address: std::net::SocketAddr,
    server: JoinHandle<()>,
}

struct World {
    state: Mutex<Inner>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
pub struct Inner {
    version: u64,
    objects: BTreeMap<(String, String), Value>,
    log: Vec<(u64, &'static str, Value)>,
    /// Changes up to this version are forgotten.
    compacted: u64,
    /// Grows when all connections of watches are ended.
    cuts: u64,
    /// Watches tell nothing.
    pub mute: bool,
    /// The next event is one that no client can read.
    pub garble: bool,
    /// What every request is answered.
    pub refuse: Option<StatusCode>,
    /// How many lists were begun.
    pub lists: usize,
    /// From which versions watches were begun.
    pub watches: Vec<u64>,
}

impl FakeApi {
    pub async fn start() -> Self {
        let world = Arc::new(World { state: Mutex::default(), changed: watch::Sender::new(()) });
        let routes = Router::new()
            .route("/apis/argoproj.io/v1alpha1/applications", get(all))
            .route("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications", get(namespaced))
            .with_state(world.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { world, address, server }
    }

    pub fn client(&self) -> kube::Client {
        drop(rustls::crypto::ring::default_provider().install_default());
        let config = kube::Config::new(format!("http://{}", self.address).parse().unwrap());
        kube::Client::try_from(config).unwrap()
    }

    /// Makes or changes an object.
    pub fn apply(&self, object: &Value) {
        let mut inner = self.inner();
        inner.version += 1;
        let mut object = object.clone();
        object["metadata"]["resourceVersion"] = json!(inner.version.to_string());
        let old = inner.objects.insert(name_of(&object), object.clone());
        let version = inner.version;
        inner.log.push((version, if old.is_some() { "MODIFIED" } else { "ADDED" }, object));
        drop(inner);
        self.world.changed.send_replace(());
    }

    pub fn delete(&self, object: &Value) {
        let mut inner = self.inner();
        inner.version += 1;
        let mut object = inner.objects.remove(&name_of(object)).expect("it is there");
        object["metadata"]["resourceVersion"] = json!(inner.version.to_string());
        let version = inner.version;
        inner.log.push((version, "DELETED", object));
        drop(inner);
        self.world.changed.send_replace(());
    }

    /// Tells the watches how far the world is, without an object.
    pub fn bookmark(&self) {
        let mut inner = self.inner();
        inner.version += 1;
        let version = inner.version;
        let object = json!({
            "kind": "Application", "apiVersion": "argoproj.io/v1alpha1",
            "metadata": {"resourceVersion": version.to_string(), "creationTimestamp": null},
        });
        inner.log.push((version, "BOOKMARK", object));
        drop(inner);
        self.world.changed.send_replace(());
    }

    /// Ends the connections of all watches in good order.
    pub fn cut(&self) {
        self.inner().cuts += 1;
        self.world.changed.send_replace(());
    }

    /// Ends them, and forgets what has been.
    pub fn compact(&self) {
        let mut inner = self.inner();
        inner.version += 1;
        inner.compacted = inner.version;
        inner.log.clear();
        inner.cuts += 1;
        drop(inner);
        self.world.changed.send_replace(());
    }

    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.world.state.lock().unwrap()
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn name_of(object: &Value) -> (String, String) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap().to_owned();
    (text("namespace"), text("name"))
}

fn status(code: StatusCode, reason: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("the fake says {reason}"), "reason": reason, "code": code.as_u16(),
    })
}

async fn all(State(world): State<Arc<World>>, Query(query): Query<HashMap<String, String>>) -> Response {
    answer(&world, None, &query)
}

async fn namespaced(
    State(world): State<Arc<World>>,
    Path(namespace): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    answer(&world, Some(namespace), &query)
}

fn answer(world: &Arc<World>, namespace: Option<String>, query: &HashMap<String, String>) -> Response {
    if let Some(code) = world.state.lock().unwrap().refuse {
        return (code, Json(status(code, "Refused"))).into_response();
    }
    if query.get("watch").is_some_and(|watch| watch == "true") {
        let version = query["resourceVersion"].parse().unwrap();
        world.state.lock().unwrap().watches.push(version);
        return watch_from(world, namespace, version);
    }
    Json(list(&mut world.state.lock().unwrap(), namespace.as_deref(), query)).into_response()
}

/// A page; the token of the next one is where it begins. (The world of a test does not change between two pages.)
fn list(inner: &mut Inner, namespace: Option<&str>, query: &HashMap<String, String>) -> Value {
    let begin: usize = query.get("continue").map_or(0, |token| token.parse().unwrap());
    let limit: usize = query.get("limit").map_or(usize::MAX, |limit| limit.parse().unwrap());
    if begin == 0 {
        inner.lists += 1;
    }
    let fits = |object: &&Value| namespace.is_none_or(|name| object["metadata"]["namespace"] == name);
    let objects: Vec<&Value> = inner.objects.values().filter(fits).collect();
    let page: Vec<&Value> = objects.iter().skip(begin).take(limit).copied().collect();
    let end = begin + page.len();
    json!({
        "kind": "ApplicationList", "apiVersion": "argoproj.io/v1alpha1",
        "metadata": {
            "resourceVersion": inner.version.to_string(),
            "continue": if end < objects.len() { end.to_string() } else { String::new() },
        },
        "items": page,
    })
}

fn watch_from(world: &Arc<World>, namespace: Option<String>, version: u64) -> Response {
    let cuts = world.state.lock().unwrap().cuts;
    let begin = (world.clone(), world.changed.subscribe(), namespace, version, cuts);
    let lines = futures::stream::unfold(Some(begin), async |from| {
        let (world, mut changed, namespace, mut version, cuts) = from?;
        loop {
            changed.mark_unchanged();
            let (text, over) =
                news(&mut world.state.lock().unwrap(), namespace.as_deref(), &mut version, cuts);
            if over {
                return (!text.is_empty()).then(|| (Ok::<_, Infallible>(text), None));
            }
            if !text.is_empty() {
                return Some((Ok(text), Some((world, changed, namespace, version, cuts))));
            }
            changed.changed().await.ok()?;
        }
    });
    Body::from_stream(lines).into_response()
}

/// What has happened since `version`, and whether the connection ends.
fn news(inner: &mut Inner, namespace: Option<&str>, version: &mut u64, cuts: u64) -> (String, bool) {
    let line = |ty: &str, object: &Value| format!("{}\n", json!({"type": ty, "object": object}));
    if *version < inner.compacted && inner.cuts == cuts {
        return (line("ERROR", &status(StatusCode::GONE, "Expired")), true);
    }
    let mut text = String::new();
    for (at, ty, object) in &inner.log {
        let elsewhere =
            namespace.is_some_and(|name| object["metadata"]["namespace"] != name) && *ty != "BOOKMARK";
        if *at <= *version || elsewhere || inner.mute {
            continue;
        }
        if std::mem::take(&mut inner.garble) {
            text += "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":\"of another shape\"}}\n";
        } else {
            text += &line(ty, object);
        }
    }
    *version = inner.version.max(*version);
    (text, inner.cuts != cuts)
}

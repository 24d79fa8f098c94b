//! What the tests of the handler stand on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chassis::{BusUrl, Clock, Context, Engine, Failure, Handler as _, Outcome, Position, Store};
use chrono::{DateTime, TimeDelta, Utc};
use events::payload::deploy::{Failed, Image, Requested, Started, Step, Succeeded};
use events::{Announcement, Envelope, Kind, Payload as _};
use resources::app::{ArgoCd, Git, Verify};
use resources::{App, Catalog, Current, Environment};

use crate::cluster::fake::FakeCluster;
use crate::git::testbed::Testbed;
use crate::{Deployer, Settings};

pub const FILE: &str = "my-app/dev.yaml";
pub const TEXT: &str = "# ours\nimage:\n  tag: v1 # CI\n";

/// A clock that is a second later each time it is looked at: the deployer looks once for each look at the cluster.
#[derive(Debug)]
struct Ticking(Mutex<DateTime<Utc>>);

impl Clock for Ticking {
    fn now(&self) -> DateTime<Utc> {
        let mut now = self.0.lock().expect("nobody panics with it");
        *now += TimeDelta::seconds(1);
        *now
    }
}

/// A deployer with its surroundings.
pub struct Bench {
    pub testbed: Testbed,
    pub deployer: Deployer,
    pub engine: Engine,
    pub dir: tempfile::TempDir,
}

impl Bench {
    /// With an environment that names no Application.
    pub async fn new() -> Self {
        Self::with(None, |_| ()).await
    }

    /// With an environment that names the Application `my-app`.
    pub async fn on(cluster: &FakeCluster) -> Self {
        let argocd = ArgoCd { application: "my-app".to_owned(), namespace: "argocd".to_owned() };
        Self::with(Some(cluster), |environment| environment.argocd = Some(argocd)).await
    }

    /// With other declarations.
    pub async fn with(cluster: Option<&FakeCluster>, change: impl FnOnce(&mut Environment)) -> Self {
        let testbed = Testbed::new(&[(FILE, TEXT)]);
        let mut environment = Environment {
            name: "dev".to_owned(),
            git: Git {
                repository: testbed.address(),
                branch: "main".to_owned(),
                file: FILE.to_owned(),
                tag_key: vec!["image".to_owned(), "tag".to_owned()],
                digest_key: None,
            },
            argocd: None,
            verify: Verify { timeout: Duration::from_mins(5), hold: Duration::from_secs(5) },
        };
        change(&mut environment);
        let app = App {
            name: "my-app".to_owned(),
            repository: None,
            branch: "main".to_owned(),
            image: Some("ghcr.io/acme/my-app".to_owned()),
            environments: vec![environment],
        };
        let apps = BTreeMap::from([(app.name.clone(), app)]);
        let current = Current::fixed(Catalog { apps, ..Catalog::default() });
        let mut deployer =
            Deployer::new(current, cluster.map(FakeCluster::client), Settings::new(testbed.work_dir()));
        deployer.poll = Duration::from_millis(1);
        let dir = tempfile::tempdir().expect("a temporary folder");
        let url = BusUrl::Embedded(dir.path().join("bus"));
        let engine = Engine::open(&url).await.expect("the embedded engine");
        Self { testbed, deployer, engine, dir }
    }

    /// Handles an event.
    pub async fn handle(&self, event: &Envelope, attempt: u32) -> Result<Outcome, Failure> {
        self.handle_with(event, attempt, self.engine.store.clone()).await
    }

    /// Handles an event, with another store.
    pub async fn handle_with(
        &self,
        event: &Envelope,
        attempt: u32,
        store: Arc<dyn Store>,
    ) -> Result<Outcome, Failure> {
        let begin = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let clock = Arc::new(Ticking(Mutex::new(begin)));
        let bus = self.engine.bus.clone();
        let cx = Context::new(Deployer::NAME, Arc::new(event.clone()), attempt, bus, store, clock);
        self.deployer.handle(event, &cx).await
    }

    /// Handles an event that ends with one announcement.
    pub async fn announced(&self, event: &Envelope) -> Announcement {
        match self.handle(event, 1).await {
            Ok(Outcome::Done(mut announcements)) if announcements.len() == 1 => announcements.remove(0),
            other => panic!("{other:?}"),
        }
    }

    /// Handles an event that ends well.
    pub async fn succeeded(&self, event: &Envelope) -> Succeeded {
        success(&self.announced(event).await)
    }

    /// Handles an event that ends badly; the step, the reason, and whether there is a commit.
    pub async fn failed(&self, event: &Envelope) -> (Step, String, bool) {
        failure(&self.announced(event).await)
    }

    /// What the deployer has said that it begins.
    pub async fn started(&self) -> Vec<Started> {
        let log = self.engine.bus.read(Position(0), 100).await.expect("the log");
        let events = log.into_iter().map(|recorded| recorded.event.expect("an event"));
        events
            .filter(|event| event.ty() == Kind::DeployStarted.name())
            .map(|it| it.payload().expect("started"))
            .collect()
    }
}

pub fn success(announcement: &Announcement) -> Succeeded {
    assert_eq!(announcement.kind, Kind::DeploySucceeded, "{announcement:?}");
    serde_json::from_value(announcement.data.clone()).expect("the payload of its kind")
}

pub fn failure(announcement: &Announcement) -> (Step, String, bool) {
    assert_eq!(announcement.kind, Kind::DeployFailed, "{announcement:?}");
    let failed: Failed = serde_json::from_value(announcement.data.clone()).expect("the payload of its kind");
    (failed.step, failed.reason, failed.commit.is_some())
}

pub fn tag(tag: &str) -> Image {
    Image { tag: Some(tag.to_owned()), digest: None }
}

/// A request to deploy `my-app`.
pub fn request(id: &str, image: Image) -> Envelope {
    request_to(id, "my-app", "dev", image)
}

/// A request to deploy.
pub fn request_to(id: &str, app: &str, environment: &str, image: Image) -> Envelope {
    let (app, environment) = (app.to_owned(), environment.to_owned());
    let requested = Requested { app, environment, image, automation: Some("ship".to_owned()) };
    Envelope::builder(id, "/signalbox/automator", requested.kind().name())
        .json(&serde_json::to_value(requested).expect("JSON"))
        .build()
        .expect("a valid event")
}

//! The promise: whatever happens to the Applications, and wherever the watcher is killed, what the bus has tells the
//! story of each Application without a gap, a repetition or an invention.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chassis::failpoint::memory::{Fault, Memory};
use chassis::{ManualClock, Metrics};
use events::payload::application::{Application, Transition};
use kube::runtime::watcher::Event;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::all_said;
use super::sample::{Object, application, object, operation};
use crate::apply::{Announcer, Ports, Stop};
use crate::kinds::application::Applications;
use crate::metrics::WatcherMetrics;
use crate::pulse::Pulse;

const NAMES: [&str; 3] = ["api", "shop", "web"];
const SYNC: [&str; 3] = ["Synced", "OutOfSync", "Unknown"];
const HEALTH: [&str; 4] = ["Healthy", "Progressing", "Degraded", "Unknown"];
const PHASES: [&str; 4] = ["Running", "Succeeded", "Failed", "Error"];
/// Longer than any wait for a port: whoever has not ended by then never will.
const FOR_EVER: Duration = Duration::from_hours(1);

/// How an Application stands in the world of the test.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    /// Grows when it is made anew.
    incarnation: u32,
    sync: usize,
    health: usize,
    /// Which operation, in which phase.
    operation: Option<(u32, usize)>,
}

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// An Application changes (or is made).
    Apply { name: usize, anew: bool, sync: usize, health: usize, operation: Option<(u32, usize)> },
    /// An Application is deleted.
    Delete { name: usize },
    /// The watch breaks off; what happens until the next list is not delivered.
    Break,
    /// The watch is made anew.
    List,
    /// The process ends; what happens until it is started again is not delivered.
    Stop,
    /// One of the next operations on a port has a fault.
    Fault { after: u32, fault: Fault },
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        Just(Fault::CrashBefore),
        Just(Fault::CrashAfter),
        Just(Fault::ErrorBefore),
        Just(Fault::ErrorAfter)
    ];
    let operation = proptest::option::of((0..3_u32, 0..PHASES.len()));
    prop_oneof![
        8 => (0..NAMES.len(), prop::bool::weighted(0.1), 0..SYNC.len(), 0..HEALTH.len(), operation)
            .prop_map(|(name, anew, sync, health, operation)| Step::Apply { name, anew, sync, health, operation }),
        1 => (0..NAMES.len()).prop_map(|name| Step::Delete { name }),
        1 => Just(Step::Break),
        2 => Just(Step::List),
        1 => Just(Step::Stop),
        3 => (0..6_u32, fault).prop_map(|(after, fault)| Step::Fault { after, fault }),
    ]
}

struct Story {
    memory: Arc<Memory>,
    clock: Arc<ManualClock>,
    world: BTreeMap<usize, State>,
    /// Counts the changes of the world; each Application carries the number of its last one, as its only image.
    version: u32,
    incarnations: u32,
    versions: BTreeMap<usize, u32>,
    watcher: Option<Announcer<Applications>>,
    /// Whether the watcher has a stream.
    hears: bool,
}

impl Story {
    fn new() -> Self {
        Self {
            memory: Arc::new(Memory::default()),
            clock: Arc::new(ManualClock::at("2026-11-24T12:00:00Z".parse().unwrap())),
            world: BTreeMap::new(),
            version: 0,
            incarnations: 0,
            versions: BTreeMap::new(),
            watcher: None,
            hears: false,
        }
    }

    pub fn announcer(&self) -> Announcer<Applications> {
        let metrics = Metrics::new();
        let watcher_metrics = WatcherMetrics::register(metrics.registry()).unwrap();
        let (bus, store, clock) = (self.memory.clone(), self.memory.clone(), self.clock.clone());
        let ports = Ports { bus, store, clock, metrics, watcher_metrics };
        Announcer::new(Arc::default(), ports, Arc::new(Pulse::of("Applications")), Some("argocd"))
    }

    async fn take(&mut self, step: &Step) {
        self.clock.advance(Duration::from_secs(1));
        match step {
            Step::Apply { name, anew, sync, health, operation } => {
                let old = self.world.get(name).map(|state| state.incarnation);
                let incarnation = old.filter(|_| !anew).unwrap_or_else(|| {
                    self.incarnations += 1;
                    self.incarnations
                });
                let state = State { incarnation, sync: *sync, health: *health, operation: *operation };
                if old.is_some_and(|old| old != incarnation) {
                    self.deliver(Event::Delete(self.object(*name))).await;
                }
                if self.world.insert(*name, state.clone()) != Some(state) {
                    self.version += 1;
                    self.versions.insert(*name, self.version);
                }
                self.deliver(Event::Apply(self.object(*name))).await;
            }
            Step::Delete { name } => {
                if self.world.contains_key(name) {
                    let event = Event::Delete(self.object(*name));
                    self.world.remove(name);
                    self.deliver(event).await;
                }
            }
            Step::Break => self.hears = false,
            Step::Stop => self.watcher = None,
            Step::List => self.list().await,
            Step::Fault { after, fault } => self.memory.fail(*after, *fault),
        }
    }

    fn object(&self, name: usize) -> Object {
        let State { incarnation, sync, health, operation: op } = &self.world[&name];
        let operation = op.map(|(number, phase)| {
            let finished = format!("2026-11-24T1{number}:30:00Z");
            operation(
                PHASES[phase],
                &format!("2026-11-24T1{number}:00:00Z"),
                (phase > 0).then_some(&finished),
            )
        });
        let status: Value = json!({
            "sync": {"status": SYNC[*sync], "revision": "aaa", "comparedTo": {"source": {"path": "shop"}}},
            "health": {"status": HEALTH[*health]},
            "operationState": operation,
            "summary": {"images": [self.versions[&name].to_string()]},
        });
        object(application(NAMES[name], &format!("uid-{incarnation}"), &status))
    }

    /// One event for the watcher, if there is one that hears it.
    async fn deliver(&mut self, event: Event<Object>) {
        let Some(mut watcher) = self.watcher.take_if(|_| self.hears) else { return };
        match tokio::time::timeout(FOR_EVER, watcher.heed(event)).await {
            Ok(Ok(())) => self.watcher = Some(watcher),
            // As the watch does: the state is read anew, and the world is listed.
            Ok(Err(Stop::Moved(_))) => Box::pin(self.list()).await,
            Ok(Err(stop)) => panic!("{stop}"),
            Err(_crashed) => {}
        }
    }

    /// A (new) watcher begins a new stream.
    async fn list(&mut self) {
        let mut watcher = self.watcher.take().unwrap_or_else(|| self.announcer());
        let names: Vec<usize> = self.world.keys().copied().collect();
        let objects = names.into_iter().map(|name| Event::InitApply(self.object(name)));
        let events: Vec<_> = [Event::Init].into_iter().chain(objects).chain([Event::InitDone]).collect();
        let stream = async {
            watcher.load().await?;
            for event in events {
                watcher.heed(event).await?;
            }
            Ok(())
        };
        self.hears = true;
        match tokio::time::timeout(FOR_EVER, stream).await {
            Ok(Ok(())) => self.watcher = Some(watcher),
            Ok(Err(Stop::Moved(_))) => {
                self.watcher = Some(watcher);
                Box::pin(self.list()).await;
            }
            Ok(Err(stop)) => panic!("{stop}"),
            Err(_crashed) => {}
        }
    }

    /// The world stands still, nothing fails any more, and the watcher is started once more.
    async fn settle(&mut self) {
        self.memory.heal();
        self.watcher = None;
        self.list().await;
    }
}

/// What somebody knows who has read the bus.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    sync: String,
    health: String,
    operation: Option<(String, Option<String>)>,
    version: u32,
}

/// Reads the story as a consumer would, and checks each page against the page before.
fn read(memory: &Memory) -> BTreeMap<String, Told> {
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for event in memory.log() {
        let body: Application = event.payload().unwrap();
        let version: u32 = body.images[0].parse().unwrap();
        let operation = body.operation.as_ref().map(|op| (op.phase.clone(), op.started_at.clone()));
        let before = told.get(&body.name).cloned();
        let Some(mut now) = before else {
            assert_eq!(body.transition, Transition::Created, "{} was never created", body.name);
            let known = Told { sync: body.sync, health: body.health, operation, version };
            told.insert(body.name, known);
            continue;
        };
        assert!(version >= now.version, "{}: went back in time", body.name);
        now.version = version;
        match body.transition {
            Transition::Created => panic!("{} was created twice", body.name),
            Transition::Deleted => {
                told.remove(&body.name);
                continue;
            }
            // The revision never changes here: what was synced and is not any more has drifted.
            Transition::Drifted => {
                assert_eq!((now.sync.as_str(), body.sync.as_str()), ("OutOfSync", "OutOfSync"));
                assert_eq!(body.previous.as_deref(), Some("Synced"), "{}: no drift", body.name);
            }
            Transition::Synced | Transition::OutOfSync | Transition::SyncUnknown => {
                assert_ne!(now.sync, body.sync, "{}: said twice", body.name);
                assert_eq!(body.previous.as_ref(), Some(&now.sync), "{}: a gap", body.name);
                now.sync = body.sync;
            }
            Transition::Healthy
            | Transition::Progressing
            | Transition::Degraded
            | Transition::Suspended
            | Transition::Missing
            | Transition::HealthUnknown => {
                assert_ne!(now.health, body.health, "{}: said twice", body.name);
                assert_eq!(body.previous.as_ref(), Some(&now.health), "{}: a gap", body.name);
                now.health = body.health;
            }
            Transition::OperationRunning
            | Transition::OperationSucceeded
            | Transition::OperationFailed
            | Transition::OperationError => {
                assert_ne!(now.operation, operation, "{}: said twice", body.name);
                now.operation = operation;
            }
        }
        told.insert(body.name, now);
    }
    told
}

fn run<F: Future>(future: F) -> F::Output {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(future)
}

proptest! {
    #[test]
    fn the_bus_tells_the_whole_story_wherever_the_watcher_is_killed(steps in prop::collection::vec(step(), 1..40)) {
        run(async {
            let mut story = Story::new();
            for step in &steps {
                story.take(step).await;
            }
            story.settle().await;
            let told = read(&story.memory);

            let world: Vec<&str> = story.world.keys().map(|name| NAMES[*name]).collect();
            prop_assert_eq!(told.keys().map(String::as_str).collect::<Vec<_>>(), world);
            for (name, state) in &story.world {
                let told = &told[NAMES[*name]];
                prop_assert_eq!(told.sync.as_str(), SYNC[state.sync]);
                prop_assert_eq!(told.health.as_str(), HEALTH[state.health]);
                if let Some((number, phase)) = state.operation {
                    let expected = (PHASES[phase].to_owned(), Some(format!("2026-11-24T1{number}:00:00Z")));
                    prop_assert_eq!(told.operation.as_ref(), Some(&expected));
                }
            }

            let (said, writes) = (all_said(&story.memory), story.memory.writes());
            story.settle().await;
            prop_assert_eq!(all_said(&story.memory), said, "a restart says nothing");
            prop_assert_eq!(story.memory.writes(), writes, "a restart writes nothing");
            prop_assert_eq!(story.memory.keys().len(), story.world.len(), "nothing is kept of what is gone");
            Ok(())
        })?;
    }

    #[test]
    fn while_nothing_fails_every_single_change_is_said(steps in prop::collection::vec(step(), 1..40)) {
        run(async {
            let mut story = Story::new();
            story.list().await;
            let mut expected = 0;
            for step in steps.iter().filter(|step| matches!(step, Step::Apply { .. } | Step::Delete { .. })) {
                let before = story.world.clone();
                story.take(step).await;
                expected += changes(&before, &story.world);
            }
            let said = all_said(&story.memory);
            let other = |said: &&String| !said.contains(" operation-") && !said.contains(" drifted");
            let said = said.iter().filter(other).count();
            prop_assert_eq!(said, expected);
            Ok(())
        })?;
    }
}

/// How many transitions of existence, sync and health there are.
fn changes(before: &BTreeMap<usize, State>, after: &BTreeMap<usize, State>) -> usize {
    let of = |name: usize| match (before.get(&name), after.get(&name)) {
        (None, None) => 0,
        (None, Some(_)) | (Some(_), None) => 1,
        (Some(before), Some(after)) if before.incarnation != after.incarnation => 2,
        (Some(before), Some(after)) => {
            usize::from(before.sync != after.sync) + usize::from(before.health != after.health)
        }
    };
    (0..NAMES.len()).map(of).sum()
}

//! What each service does on the bus, from what its code declares.

use std::collections::BTreeSet;

use automator::Automator;
use chassis::jetstream::access::ALL;
use chassis::jetstream::users::Role;
use chassis::{Bucket, Handler};
use deployer::Deployer;
use events::Kind;
use events::subject::{self, PREFIX};
use notifier::Notifier;
use strum::IntoEnumIterator as _;

use crate::settings::Service;

/// What the catalogue says of a type that is said wherever a handler runs.
const HANDLERS: &str = "every service with a handler";
/// What the runner of a handler keeps.
const RUNNER: [Bucket; 5] =
    [Bucket::Ledger, Bucket::DeadLetters, Bucket::Attempts, Bucket::Lease, Bucket::Runs];

/// The roles of all services, and that of a process with all of them.
pub fn all() -> Vec<Role> {
    let mut roles: Vec<Role> = Service::iter().map(of).collect();
    let mut all = Role { name: ALL.to_owned(), redrives: true, settles: true, ..Role::default() };
    for role in &roles {
        all.says.extend(role.says.iter().cloned());
        all.handlers.extend(role.handlers.iter().cloned());
    }
    all.keeps = Bucket::iter().map(Bucket::name).collect();
    roles.push(all);
    roles
}

/// Whole nouns of ours of which this one says nothing, so that what a later version says of them is denied, too. The server
/// looks at what is denied last, so a noun of which this one says anything must not be among them.
fn others_nouns(says: impl Fn(Kind) -> bool) -> BTreeSet<String> {
    let noun = |kind: Kind| Some(kind.name().strip_prefix("io.signalbox.")?.split_once('.')?.0);
    let nouns = |said: bool| Kind::iter().filter(|kind| says(*kind) == said).filter_map(noun).collect();
    let (own, others): (BTreeSet<&str>, BTreeSet<&str>) = (nouns(true), nouns(false));
    others.difference(&own).map(|noun| format!("{PREFIX}io.signalbox.{noun}.>")).collect()
}

/// The role of a service.
pub fn of(service: Service) -> Role {
    let keeps: &[Bucket] = match service {
        Service::Automator | Service::Notifier => &[],
        // When each Source was last accepted and last refused.
        Service::Gateway => &[Bucket::Sources],
        // The newest request of each environment.
        Service::Deployer => &[Bucket::Watch],
        // What was seen last, the last tick of each schedule, up to when nothing is missing; who is active, and who was;
        // what the sweeper asked for.
        Service::Watcher | Service::Scheduler | Service::Sweeper => {
            &[Bucket::Watch, Bucket::Lease, Bucket::Ledger]
        }
        Service::Console => &[Bucket::DeadLetters, Bucket::Runs, Bucket::Sources],
    };
    let handler = match service {
        Service::Gateway | Service::Watcher | Service::Scheduler | Service::Sweeper | Service::Console => {
            None
        }
        Service::Automator => Some(Automator::DURABLE),
        Service::Deployer => Some(Deployer::DURABLE),
        Service::Notifier => Some(Notifier::DURABLE),
    };
    let runner: &[Bucket] = if handler.is_some() { &RUNNER } else { &[] };
    let says =
        |kind: Kind| kind.said_by() == service.name() || (kind.said_by() == HANDLERS && handler.is_some());
    let mut role = Role {
        name: service.name().to_owned(),
        says: Kind::iter().filter(|kind| says(*kind)).map(|kind| subject::of(kind.name())).collect(),
        never: BTreeSet::new(),
        handlers: handler.into_iter().map(str::to_owned).collect(),
        keeps: keeps.iter().chain(runner).map(|bucket| bucket.name()).collect(),
        redrives: service == Service::Console,
        settles: false,
    };
    if service == Service::Gateway {
        // Whatever the world sends, and nothing that another of us says.
        role.says = BTreeSet::from([format!("{PREFIX}>")]);
        role.never = Kind::iter().filter(|kind| !says(*kind)).map(|kind| subject::of(kind.name())).collect();
        role.never.extend(others_nouns(says));
    }
    if service == Service::Sweeper {
        // What it finds, it says as the gateway would have.
        role.says.insert(format!("{PREFIX}com.github.>"));
        role.says.extend([Kind::AlertFiring, Kind::AlertResolved].map(|kind| subject::of(kind.name())));
    }
    role
}

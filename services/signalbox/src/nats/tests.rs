use std::os::unix::fs::PermissionsExt as _;

use strum::IntoEnumIterator as _;

use chassis::jetstream::users::Role;

use super::{roles, users};
use crate::settings::Service;

#[test]
fn every_type_of_ours_is_said_by_a_role() {
    for kind in events::Kind::iter() {
        let subject = events::subject::of(kind.name());
        let covers = |allowed: &String| {
            *allowed == subject || allowed.strip_suffix('>').is_some_and(|start| subject.starts_with(start))
        };
        // What is denied is looked at last, as the server does.
        let says = |role: &Role| role.says.iter().any(covers) && !role.never.iter().any(covers);
        let who: Vec<_> = Service::iter().map(roles::of).filter(says).map(|role| role.name).collect();
        assert!(!who.is_empty(), "nobody may say {kind}");
        let by = kind.said_by();
        let named = Service::iter().all(|service| service.name() != by) || who.iter().any(|name| name == by);
        assert!(named, "{by} may not say {kind}, only {who:?}");
    }
}

#[test]
fn no_service_may_say_what_another_says() {
    let gateway = roles::of(Service::Gateway);
    assert!(gateway.never.contains("signalbox.events.io.signalbox.deploy.>"));
    assert!(!gateway.never.iter().any(|subject| subject.contains("io.signalbox.image")));
    assert!(gateway.never.iter().any(|subject| subject.contains("io.argoproj")));
    assert!(!gateway.never.iter().any(|subject| subject.contains("io.prometheus")));
    let notifier = roles::of(Service::Notifier);
    assert!(notifier.says.contains("signalbox.events.io.signalbox.notification.sent.v1"));
    assert!(!notifier.says.iter().any(|subject| subject.contains("deploy") || subject.contains("github")));
    assert!(roles::of(Service::Console).says.is_empty());
}

#[test]
fn seeds_are_for_the_owner_alone_and_are_kept_when_it_runs_again() {
    let folder = tempfile::tempdir().expect("a temp folder can be made");
    let dir = folder.path().join("seeds");
    let first = users(&dir).expect("they are made");
    for name in Service::iter().map(Service::name).chain(["all"]) {
        let path = dir.join(format!("{name}.nk"));
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let seed = std::fs::read_to_string(&path).expect("it can be read");
        assert!(seed.starts_with("SU") && !first.contains(seed.trim()), "{name}");
    }
    assert_eq!(users(&dir).expect("they are read"), first);
    std::fs::write(dir.join("gateway.nk"), "junk").expect("it can be written");
    let error = users(&dir).expect_err("a seed is broken");
    let text = format!("{error:?}");
    assert!(
        text.contains("gateway.nk") && text.contains("begins with SU") && !text.contains("junk"),
        "{text}"
    );
}

#[test]
fn the_scheduler_says_its_ticks_alone() {
    let scheduler = roles::of(Service::Scheduler);
    let says: Vec<&str> = scheduler.says.iter().map(String::as_str).collect();
    assert_eq!(says, ["signalbox.events.io.signalbox.schedule.ticked.v1"]);
    assert_eq!(scheduler.keeps.iter().copied().collect::<Vec<_>>(), ["lease", "ledger", "watch"]);
    assert!(scheduler.handlers.is_empty());
}

#[test]
fn the_sweeper_says_what_github_says_and_what_it_found() {
    let sweeper = roles::of(Service::Sweeper);
    assert!(sweeper.says.contains("signalbox.events.com.github.>"));
    assert!(sweeper.says.contains("signalbox.events.io.signalbox.source.gap-filled.v1"));
    assert!(!sweeper.says.iter().any(|subject| subject.contains("deploy") || subject.ends_with("events.>")));
    assert_eq!(sweeper.keeps.iter().copied().collect::<Vec<_>>(), ["lease", "ledger", "watch"]);
    assert!(sweeper.handlers.is_empty());
}

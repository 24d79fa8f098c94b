//! Resources that change while the program runs.
//!
//! The folder is looked at every few seconds rather than watched: the volume of a `ConfigMap` changes by a
//! swap of links, and a
//! folder on a network drive tells nobody.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chassis::Shutdown;
use prometheus::{IntCounterVec, IntGauge};
use resources::{Catalog, load_dir};
use strum::IntoStaticStr;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::catalog::Guard;

/// How often the folder is looked at: soon enough for a person who waits for it, and some file attributes are all that
/// it costs.
const EVERY: Duration = Duration::from_secs(3);

chassis::metric_set! {
    /// What the reload counts.
    struct ReloadMetrics {
        /// Reloads of the resources, by result; after a failed one, the last good set stays in force.
        reloads: IntCounterVec = counters("signalbox_resources_reloads_total", &["result"]),
        /// 1 while the resources in force are those of the folder, 0 after a failed reload.
        up_to_date: IntGauge = gauge("signalbox_resources_up_to_date"),
    }
}

#[derive(Debug, Clone, Copy, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
enum ResultLabel {
    Loaded,
    Refused,
}

/// Brings changes of the folder into force.
pub struct Reload {
    dir: PathBuf,
    guard: Guard,
    metrics: ReloadMetrics,
    seen: Attributes,
}

/// What tells that a file has changed.
type Attributes = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

impl Reload {
    /// A reload of the folder, which was loaded just now.
    pub fn new(
        dir: PathBuf,
        guard: Guard,
        registry: &prometheus::Registry,
    ) -> Result<Self, prometheus::Error> {
        let metrics = ReloadMetrics::register(registry)?;
        metrics.up_to_date.set(1);
        let seen = attributes(&dir);
        Ok(Self { dir, guard, metrics, seen })
    }

    /// Looks at the folder until shutdown.
    pub async fn run(mut self, mut sender: watch::Sender<Arc<Catalog>>, shutdown: Shutdown) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.triggered() => return,
                _ = ticks.tick() => {}
            }
            let looking = tokio::task::spawn_blocking(move || {
                self.look(&sender);
                (self, sender)
            });
            match looking.await {
                Ok(both) => (self, sender) = both,
                Err(error) => {
                    tracing::error!(%error, "resources are no longer reloaded");
                    return shutdown.triggered().await;
                }
            }
        }
    }

    /// Loads the folder if it has changed. A bad set is told and the last good one stays.
    fn look(&mut self, sender: &watch::Sender<Arc<Catalog>>) {
        let now = attributes(&self.dir);
        if now == self.seen {
            return;
        }
        self.seen = now;
        let folder = self.dir.display();
        let loaded = load_dir(&self.dir).map_err(anyhow::Error::new);
        let loaded = loaded.and_then(|loaded| self.guard.check(&loaded.catalog).map(|()| loaded));
        let result: &'static str = match loaded {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    tracing::warn!(problem = %warning, "a resource should be looked at");
                }
                tracing::info!(resources = crate::check::counts(&loaded.catalog), %folder, "resources reloaded");
                // The receiver is gone when the services have ended.
                let _ = sender.send(Arc::new(loaded.catalog));
                self.metrics.up_to_date.set(1);
                ResultLabel::Loaded.into()
            }
            Err(error) => {
                tracing::error!(problems = format!("{error:#}"), %folder, "the resources are not right: the last good set stays");
                self.metrics.up_to_date.set(0);
                ResultLabel::Refused.into()
            }
        };
        self.metrics.reloads.with_label_values(&[result]).inc();
    }
}

/// The attributes of all files of the folder. What cannot be read is left out: if that is a change, loading tells it.
fn attributes(dir: &Path) -> Attributes {
    let mut found = Attributes::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            // The loader leaves these aside too. Links are followed, as a ConfigMap's files are links.
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            match fs::metadata(&path) {
                Ok(_) | Err(_) if hidden => {}
                Ok(about) if about.is_dir() => folders.push(path),
                Ok(about) => _ = found.insert(path, (about.len(), about.modified().ok())),
                Err(_) => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use chassis::Metrics;
    use resources::{Catalog, Current};

    use super::{Guard, Reload};

    const CHANNEL: &str = "
apiVersion: signalbox.dev/v1alpha1
kind: Channel
metadata: {name: NAME}
spec: {slack: {url: {file: /run/secrets/slack}}}
";

    fn write(dir: &Path, file: &str, name: &str) {
        fs::write(dir.join(file), CHANNEL.replace("NAME", name)).expect("the folder takes a file");
    }

    fn names(current: &Current) -> Vec<String> {
        current.get().channels.keys().cloned().collect()
    }

    #[test]
    fn a_change_comes_into_force_and_a_bad_one_leaves_the_last_good_set() {
        let folder = tempfile::tempdir().expect("a temp folder can be made");
        let (sender, current) = Current::channel(Catalog::default());
        let metrics = Metrics::new();
        let guard = Guard { cluster: false, deploys: true };
        let mut reload =
            Reload::new(folder.path().to_owned(), guard, metrics.registry()).expect("a new registry");

        reload.look(&sender);
        assert!(names(&current).is_empty(), "nothing has changed");

        write(folder.path(), "a.yaml", "team");
        reload.look(&sender);
        assert_eq!(names(&current), ["team"]);

        write(folder.path(), "b.yaml", "Not A Name");
        reload.look(&sender);
        assert_eq!(names(&current), ["team"], "the last good set stays");
        assert!(metrics.render().contains("signalbox_resources_up_to_date 0\n"));

        write(folder.path(), "b.yaml", "on-call");
        fs::remove_file(folder.path().join("a.yaml")).expect("it is there");
        reload.look(&sender);
        assert_eq!(names(&current), ["on-call"]);
        let text = metrics.render();
        assert!(text.contains("signalbox_resources_up_to_date 1\n"), "{text}");
        assert!(text.contains("signalbox_resources_reloads_total{result=\"loaded\"} 2\n"), "{text}");
        assert!(text.contains("signalbox_resources_reloads_total{result=\"refused\"} 1\n"), "{text}");
    }
}

#![doc = include_str!("../README.md")]

pub mod announce;
mod clause;
pub mod decide;
mod explain;
pub mod gather;
mod metrics;
mod scope;
mod show;

use chassis::{Context, Failure, Handler, Hears, Metrics, Outcome};
use events::Envelope;
use events::payload::automation::{Rule, Verdict};
use resources::Current;

use announce::RulesFailed;
use metrics::RuleMetrics;

/// Matches events against the user's Automations and announces what they ask for.
#[derive(Debug)]
pub struct Automator {
    catalog: Current,
    metrics: Option<RuleMetrics>,
}

impl Automator {
    /// An automator that takes the Automations in force for each event.
    pub fn new(catalog: Current) -> Self {
        Self { catalog, metrics: None }
    }

    /// Has it count.
    pub fn with_metrics(mut self, metrics: &Metrics) -> Result<Self, chassis::metrics::Error> {
        self.metrics = Some(RuleMetrics::register(metrics.registry())?);
        Ok(self)
    }
}

impl Handler for Automator {
    const NAME: &'static str = "automator";
    const HEARS: &'static [Hears] = &[Hears::Glob("*")];

    async fn handle(&self, event: &Envelope, cx: &Context) -> Result<Outcome, Failure> {
        let catalog = self.catalog.get();
        let rules = decide::listening(&catalog, event);
        if rules.is_empty() {
            return Ok(Outcome::Ignore("no Automation listens for it"));
        }
        let facts = gather::facts(&catalog, event);
        let decided = decide::decide(&rules, &catalog, &facts);
        for decide::Request { step, announcement } in announce::announcements(event, &decided) {
            cx.announce(&step, &announcement).await?;
        }
        for decide::Decided { rule, .. } in &decided {
            log(rule);
        }
        if let Some(metrics) = &self.metrics {
            metrics.decided(&decided);
        }
        match RulesFailed::of(&decided) {
            None => Ok(Outcome::Done(Vec::new())),
            Some(failed) => Err(Failure::reject(failed)),
        }
    }
}

/// One line for each rule; a failure is logged where it is handled, as the reason of the dead letter.
fn log(Rule { automation, verdict, clause, because, actions }: &Rule) {
    match verdict {
        Verdict::Matched => tracing::info!(automation, clause, because, ?actions, "automation matched"),
        Verdict::Shadowed => tracing::info!(automation, clause, because, ?actions, "automation would act"),
        Verdict::Skipped => tracing::debug!(automation, clause, because, "automation skipped"),
        Verdict::Failed => tracing::debug!(automation, clause, because, "automation failed"),
    }
}

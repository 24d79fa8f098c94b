//! Clauses 1 to 3: what Argo CD says.

use events::payload::deploy::Step;

use super::clause::short;
use super::{Clause, Goal, Unmet};
use crate::observed::{Application, Observed, Operation, Phase, Relation};

/// The revision that is synced and contains our commit.
pub fn synced(goal: &Goal, observed: &Observed) -> Result<String, Unmet> {
    let Some(application) = &observed.application else {
        // An ApplicationSet may make it in a moment.
        return Err(Unmet::Yet(Clause::Exists));
    };
    let revision = compared(goal, application, observed)?;
    at_rest(application)?;
    if application.sync.status != "Synced" {
        let (status, revision) = (application.sync.status.clone(), revision.to_owned());
        return Err(Unmet::Yet(Clause::Synced { status, revision }));
    }
    if let Some(operation) = &application.operation {
        succeeded(operation)?;
    }
    if application.health.status != "Healthy" {
        let (status, message) = (application.health.status.clone(), application.health.message.clone());
        return Err(Unmet::Yet(Clause::Healthy { status, message }));
    }
    let ended = application.operation.as_ref().and_then(|operation| operation.finished_at);
    // Both are whole seconds: equal may mean before.
    if application.reconciled_at.is_none()
        || ended.is_some_and(|ended| application.reconciled_at <= Some(ended))
    {
        return Err(Unmet::Yet(Clause::Fresh));
    }
    Ok(revision.to_owned())
}

fn compared<'a>(goal: &Goal, application: &'a Application, observed: &'a Observed) -> Result<&'a str, Unmet> {
    let seen = &application.sync.revisions;
    let Some((revision, names)) = observed.revisions.containing(seen) else {
        let known = seen.iter().any(|revision| observed.revisions.0.get(revision) == Some(&Relation::Lacks));
        let commit = goal.commit.to_string();
        return Err(Unmet::Yet(Clause::Compared { commit, seen: seen.clone(), known }));
    };
    if names.is_some_and(|names| goal.wanted.is_said_by(names)) {
        return Ok(revision);
    }
    let now = names.map_or_else(|| "no image".to_owned(), ToString::to_string);
    let reason = format!("superseded: at revision {} the values file names {now}", short(revision));
    Err(Unmet::Ever { step: Step::Sync, reason })
}

fn at_rest(application: &Application) -> Result<(), Unmet> {
    let unmet =
        |phase, message: &str, retries| Clause::AtRest { phase, message: message.to_owned(), retries };
    match &application.operation {
        Some(Operation { phase, message, retries, .. })
            if matches!(phase, Phase::Running | Phase::Terminating) =>
        {
            Err(Unmet::Yet(unmet(Some(*phase), message, *retries)))
        }
        _ if application.operation_asked => Err(Unmet::Yet(unmet(None, "", 0))),
        Some(_) | None => Ok(()),
    }
}

/// The last operation ended well. It may be older than our commit: a commit that changes no manifest needs none, and
/// Argo CD says Synced without one.
fn succeeded(operation: &Operation) -> Result<(), Unmet> {
    let Operation { phase, message, revisions, .. } = operation;
    match phase {
        Phase::Succeeded => Ok(()),
        Phase::Running | Phase::Terminating | Phase::Failed | Phase::Error => {
            Err(Unmet::Yet(Clause::Succeeded {
                phase: *phase,
                revisions: revisions.clone(),
                message: message.clone(),
            }))
        }
    }
}

//! What the deployer says.

use events::Announcement;
use events::payload::deploy::{Failed, Image, Requested, Started, Succeeded};

use crate::deploy::End;

/// The deployer has begun.
pub fn started(requested: &Requested, previous: Option<Image>) -> Announcement {
    let Requested { app, environment, image, automation: _ } = requested.clone();
    placed(requested, Announcement::of(&Started { app, environment, image, previous }))
}

/// How the deploy ended.
pub fn ended(requested: &Requested, end: &End) -> Announcement {
    let Requested { app, environment, image, automation: _ } = requested.clone();
    let announcement = match end.clone() {
        End::Succeeded { committed, verified } => {
            let (commit, changed) = (committed.commit.to_string(), committed.changed);
            Announcement::of(&Succeeded { app, environment, image, commit, changed, verified })
        }
        End::Failed { step, commit, reason } => {
            let commit = commit.map(|commit| commit.to_string());
            Announcement::of(&Failed { app, environment, image, commit, step, reason })
        }
    };
    placed(requested, announcement)
}

/// In order with its request, and about the same place.
fn placed(requested: &Requested, announcement: Announcement) -> Announcement {
    let place = format!("{}/{}", requested.app, requested.environment);
    announcement.partition_key(format!("deploy:{place}")).subject(place)
}

//! An older request never undoes a newer one.
//!
//! Requests of one environment are handled one after the other, but not always in the order in which they were made: one
//! that failed comes back later, and so does one that was under way when the process was killed. So the deployer
//! remembers the newest request that it has begun, and refuses an older one.

use chassis::{Bucket, Context, Expect, Failure};
use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::deploy::Requested;
use serde::{Deserialize, Serialize};

/// Version of the record.
const VERSION: u8 = 1;

/// The newest request of an environment.
#[derive(Debug, Serialize, Deserialize)]
struct Newest {
    v: u8,
    event: String,
    requested_at: DateTime<Utc>,
}

/// Takes the lead for this request, unless a newer one has it: then no attempt will mend that.
pub async fn take(requested: &Requested, event: &Envelope, cx: &Context) -> Result<(), Failure> {
    // A request without a time is of somebody who publishes by hand: nothing is known of its place.
    let Some(requested_at) = event.time() else { return Ok(()) };
    let key = format!("deploy/{}/{}", requested.app, requested.environment);
    let stored = cx.store().get(Bucket::Watch, &key).await?;
    let expect = match stored {
        None => Expect::Absent,
        Some(entry) => {
            let newest: Newest = serde_json::from_slice(&entry.value).map_err(Failure::reject)?;
            if newest.requested_at > requested_at {
                return Err(Failure::reject(anyhow::anyhow!(
                    "superseded: the newer request {} of {} has been taken up, and this one of {requested_at} would undo it",
                    newest.event,
                    newest.requested_at
                )));
            }
            if newest.event == event.id() {
                return Ok(());
            }
            Expect::Revision(entry.revision)
        }
    };
    let newest = Newest { v: VERSION, event: event.id().to_owned(), requested_at };
    let value = serde_json::to_vec(&newest).map_err(Failure::reject)?;
    // A conflict: another request of the environment is just being taken up by another process.
    cx.store().put(Bucket::Watch, &key, value, expect, None).await?;
    Ok(())
}

//! Deliveries that nobody here wrote (`tests/fixtures/README.md` names their source), and how GitHub signs them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// A successful run of a workflow: octo-org/octo-repo, branch master.
pub const WORKFLOW_RUN: &[u8] = include_bytes!("../fixtures/github/workflow_run.completed.json");
/// A push.
pub const PUSH: &[u8] = include_bytes!("../fixtures/github/push.json");
/// The first delivery of a new webhook.
pub const PING: &[u8] = include_bytes!("../fixtures/github/ping.json");
/// The repository of [`WORKFLOW_RUN`].
pub const REPOSITORY: &str = "octo-org/octo-repo";
/// The commit that [`WORKFLOW_RUN`] built.
pub const HEAD_SHA: &str = "3484a3fb816e0859fd6e1cea078d76385ff50625";

/// The value of `X-Hub-Signature-256`.
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

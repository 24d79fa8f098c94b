//! Large bodies in the object store.
//!
//! They do not expire by themselves. Each has the time of its last renewal: to put it again renews it, and whatever
//! refers to it from the log was published after that, or within [`RENEWED`] before. So what is older than the log's
//! oldest message by [`MARGIN`], and is not mentioned by a dead letter, is of no use any more, and is swept
//! ([`Blobs::sweep`]). All of these times are the server's: the clocks of the processes may differ by any amount. All
//! writes of an object's description are compare-and-set, so that a sweep and a renewal at once cannot lose it.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::object_store::{GetErrorKind, ObjectInfo};
use async_nats::jetstream::stream::DirectGetErrorKind;
use async_nats::jetstream::{self, stream};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt as _;

use super::stream::{Assets, STREAM};
use super::{history, message};

const SCHEME: &str = "sha256:";
/// How long one body may take to come or go.
const PATIENCE: Duration = Duration::from_secs(30);
/// A body is renewed when its last renewal is older than this.
pub const RENEWED: TimeDelta = TimeDelta::days(1);
/// A body is kept for longer than the log's oldest message by this: more than [`RENEWED`], and what a publisher may take.
pub const MARGIN: TimeDelta = TimeDelta::days(2);

/// The large bodies.
#[derive(Clone, Copy)]
pub struct Blobs<'a> {
    /// Where they are.
    pub assets: &'a Assets,
    /// How they are reached.
    pub context: &'a jetstream::Context,
}

/// The description of an object, its revision, and when it was written.
struct Described {
    info: ObjectInfo,
    revision: u64,
    written: DateTime<Utc>,
}

/// The name of the body that a `dataref` of ours refers to.
pub fn of_dataref(dataref: &str) -> Option<&str> {
    dataref.strip_prefix(crate::claim::SCHEME)
}

fn hash_of(name: &str) -> anyhow::Result<&str> {
    let hash = name.strip_prefix(SCHEME);
    let hash = hash.filter(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hash.with_context(|| format!("`{name}` is not the name of a large body"))
}

fn bucket() -> String {
    format!("{STREAM}_blobs")
}

fn stream_name() -> String {
    format!("OBJ_{}", bucket())
}

fn description(hash: &str) -> String {
    format!("$O.{}.M.{}", bucket(), BASE64_URL_SAFE.encode(hash))
}

impl Blobs<'_> {
    /// Keeps the bytes, or renews them; returns their name.
    pub async fn put(self, bytes: &[u8]) -> anyhow::Result<String> {
        let name = format!("{SCHEME}{}", hex::encode(Sha256::digest(bytes)));
        let put = async {
            if self.renewed(hash_of(&name)?, RENEWED).await? {
                return Ok(());
            }
            let mut reader = bytes;
            let put = self.assets.blobs.put(hash_of(&name)?, &mut reader).await;
            put.map(|_| ()).context("cannot put a large body into the object store")
        };
        tokio::time::timeout(PATIENCE, put)
            .await
            .context("the object store is too slow to take a body")??;
        Ok(name)
    }

    /// The bytes of that name.
    pub async fn get(self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let hash = hash_of(name)?;
        let get = async {
            let mut object = match self.assets.blobs.get(hash).await {
                Ok(object) => object,
                Err(error) if error.kind() == GetErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error).context("cannot get a large body from the object store"),
            };
            let mut bytes = Vec::new();
            object.read_to_end(&mut bytes).await.context("cannot read a large body")?;
            ensure!(hex::encode(Sha256::digest(&bytes)) == hash, "the large body {name} is damaged");
            Ok(Some(bytes))
        };
        tokio::time::timeout(PATIENCE, get).await.context("the object store is too slow to give a body")?
    }

    /// Makes a body that is there last as long as what is published now, if its last renewal is older than that. One that
    /// is lost stays lost.
    pub async fn renew(self, name: &str, older: TimeDelta) -> anyhow::Result<()> {
        let renew = self.renewed(hash_of(name)?, older);
        let renewed =
            tokio::time::timeout(PATIENCE, renew).await.context("the object store is too slow")??;
        if !renewed {
            tracing::error!(
                name,
                "a large body that is still referred to is not in the object store any more"
            );
        }
        Ok(())
    }

    /// All names.
    pub async fn names(self) -> anyhow::Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        let stream = self.stream().await?;
        let mut from = 0;
        while let Some(Described { info, revision, .. }) = next(&stream, from).await? {
            from = revision + 1;
            if !info.deleted {
                names.push(format!("{SCHEME}{}", info.name));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Deletes what nothing refers to any more: what was renewed last before the log's oldest message, by `margin`, and is
    /// not mentioned in `letters`. Returns how many.
    pub async fn sweep(self, letters: &[Vec<u8>], margin: TimeDelta) -> anyhow::Result<usize> {
        // First the time: what is published after it into an empty log refers to what is renewed after it, but for the
        // margin.
        let now = history::time(self.context, STREAM).await?;
        let log = self.assets.stream.get_info().await.context("cannot look at the log")?.state;
        let oldest = if log.messages == 0 { now } else { message::time(log.first_timestamp) };
        let limit = oldest - margin;
        let stream = self.stream().await?;
        let (mut from, mut swept) = (0, 0);
        while let Some(Described { mut info, revision, written }) = next(&stream, from).await? {
            from = revision + 1;
            let mentioned = || letters.iter().any(|letter| contains(letter, info.name.as_bytes()));
            if info.deleted || written > limit || mentioned() {
                continue;
            }
            let chunks = format!("$O.{}.C.{}", bucket(), info.nuid);
            (info.deleted, info.chunks, info.size, info.digest) = (true, 0, 0, None);
            if self.describe(&info, revision).await? {
                stream.purge().filter(chunks).await.context("cannot delete a large body")?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// Whether the body is there, and its last renewal is not older than that.
    async fn renewed(self, hash: &str, older: TimeDelta) -> anyhow::Result<bool> {
        let stream = self.stream().await?;
        loop {
            let found = stream.direct_get_last_for_subject(description(hash)).await;
            let found = match found {
                Ok(found) => describes(&found)?,
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error).context("cannot look for a large body"),
            };
            if found.info.deleted {
                return Ok(false);
            }
            // On conflict somebody else renewed or deleted it meanwhile.
            let now = history::time(self.context, &stream_name()).await?;
            if now - found.written < older || self.describe(&found.info, found.revision).await? {
                return Ok(true);
            }
        }
    }

    /// Writes the description if nobody else has; says whether it did.
    async fn describe(self, info: &ObjectInfo, revision: u64) -> anyhow::Result<bool> {
        let message = PublishMessage::build()
            .payload(serde_json::to_vec(info).context("cannot write a description")?.into())
            .header(async_nats::header::NATS_ROLLUP, "sub")
            .expected_last_subject_sequence(revision);
        let sent = self.context.send_publish(description(&info.name), message).await;
        let ack = match sent {
            Ok(ack) => ack.await,
            Err(error) => Err(error),
        };
        match ack {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(false),
            Err(error) => Err(error).context("cannot write to the object store"),
        }
    }

    async fn stream(self) -> anyhow::Result<stream::Stream> {
        self.context.get_stream(stream_name()).await.context("cannot reach the object store")
    }
}

async fn next(stream: &stream::Stream, from: u64) -> anyhow::Result<Option<Described>> {
    match stream.direct_get_next_for_subject(format!("$O.{}.M.>", bucket()), Some(from.max(1))).await {
        Ok(found) => describes(&found).map(Some),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("cannot list the large bodies"),
    }
}

fn describes(found: &jetstream::message::StreamMessage) -> anyhow::Result<Described> {
    let written = message::time(found.time);
    match serde_json::from_slice(&found.payload) {
        Ok(info) => Ok(Described { info, revision: found.sequence, written }),
        Err(error) => bail!("the description of a large body cannot be read: {error}"),
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_a_body_is_taken() {
        let hash = "ab".repeat(32);
        assert_eq!(hash_of(&format!("sha256:{hash}")).unwrap(), hash);
        for wrong in [&hash, "sha256:", "sha256:..", &format!("sha256:{}", "zz".repeat(32))] {
            assert!(hash_of(wrong).is_err(), "{wrong}");
        }
    }
}

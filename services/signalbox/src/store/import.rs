//! `signalbox store import`: an export to an empty bus.
//!
//! The file is read twice: once to find out whether it is whole, and once to restore it. A mark stands in the store from
//! before the first write until after the last.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use chassis::archive::{Archive, Cursor, KnownId, RawRecord, StateRecord};
use chassis::{Bucket, BusUrl, Engine, Position, Store};

use super::export::BUCKETS;
use super::format::{Blob, Bytes, Counts, Line, Message, State};
use super::mapping::Mapping;
use super::read::{Contents, Reader, inspect};
use super::{marker, translate};
use crate::exit::{Exit, Stop};
use crate::output::Output;

/// Restored at once: messages, entries, ids.
const AT_ONCE: usize = 256;
/// Bytes that are restored at once: what has more is restored before.
const BYTES_AT_ONCE: usize = 8 * 1024 * 1024;

/// Restores an export.
pub async fn run(
    engine: &Engine,
    url: &BusUrl,
    file: &Path,
    without_damaged: bool,
    out: &mut Output,
) -> Result<Exit, Stop> {
    let open = || File::open(file).map(BufReader::new);
    let cannot = || format!("cannot restore {}", file.display());
    let contents = inspect(open().with_context(cannot)?).with_context(cannot)?;
    let Contents { counts, sha256, damaged } = contents;
    if counts.damaged > 0 && !without_damaged {
        let places: Vec<String> = damaged.iter().map(Position::to_string).collect();
        return Err(anyhow!(
            "{} of its messages were damaged when it was made, at the positions {}: add --without-damaged to restore the others",
            counts.damaged,
            places.join(", ")
        )
        .into());
    }
    if marker::find(&*engine.store).await?.is_some() {
        return Err(anyhow!(marker::HALF).into());
    }
    if !engine.archive.is_empty().await? {
        return Err(anyhow!("{url} is not empty: an export is restored only where nothing is").into());
    }
    marker::set(&*engine.store, &sha256).await.context("cannot begin")?;
    let mut restore = Restore::to(engine);
    let mut reader = Reader::of(open().with_context(cannot)?);
    let restored = restore.all(&mut reader, &sha256).await;
    restored.with_context(|| format!("{}; {}", cannot(), marker::HALF))?;
    marker::clear(&*engine.store)
        .await
        .context("everything is restored, but the mark of it cannot be removed")?;
    out.line(format_args!("restored {}", Counts { damaged: 0, ..counts }.text()))?;
    if counts.damaged > 0 {
        out.line(format_args!("{} damaged messages are left out", counts.damaged))?;
    }
    Ok(Exit::Done)
}

/// What is under way.
struct Restore<'a> {
    archive: &'a dyn Archive,
    store: &'a dyn Store,
    mapping: Mapping,
    blob: Vec<u8>,
    messages: Vec<RawRecord>,
    ids: Vec<KnownId>,
    state: Vec<StateRecord>,
    bytes: usize,
}

impl<'a> Restore<'a> {
    fn to(engine: &'a Engine) -> Self {
        Self {
            archive: &*engine.archive,
            store: &*engine.store,
            mapping: Mapping::default(),
            blob: Vec::new(),
            messages: Vec::new(),
            ids: Vec::new(),
            state: Vec::new(),
            bytes: 0,
        }
    }

    async fn all(&mut self, reader: &mut Reader<impl BufRead>, sha256: &str) -> anyhow::Result<()> {
        while let Some(line) = reader.next()? {
            match line {
                Line::Archive(_) | Line::Damaged(_) => {}
                Line::Blob(blob) => self.blob(blob).await?,
                Line::Message(message) => self.message(message).await?,
                // From here on, all messages have their new places.
                Line::Id(id) => {
                    self.flush_messages().await?;
                    self.id(id).await?;
                }
                Line::State(state) => {
                    self.flush_messages().await?;
                    self.entry(state).await?;
                }
                Line::Cursor(cursor) => {
                    self.flush().await?;
                    self.cursor(cursor).await?;
                }
                Line::End(end) => {
                    self.flush().await?;
                    ensure!(end.sha256 == sha256, "the file was changed meanwhile");
                }
            }
        }
        Ok(())
    }

    async fn blob(&mut self, Blob { name, part, of, bytes: Bytes(bytes) }: Blob) -> anyhow::Result<()> {
        self.blob.extend(bytes);
        if part == of {
            let kept = self.store.put_blob(&std::mem::take(&mut self.blob)).await?;
            ensure!(kept == name, "the large body {name} is not what its name says");
        }
        Ok(())
    }

    async fn message(&mut self, message: Message) -> anyhow::Result<()> {
        let Message { position, recorded, subject, headers, payload: Bytes(payload) } = message;
        self.bytes += payload.len();
        let message = Ok(events::nats::Message { subject, headers, payload });
        self.messages.push(RawRecord { position, recorded, message });
        if self.messages.len() >= AT_ONCE || self.bytes >= BYTES_AT_ONCE {
            self.flush_messages().await?;
        }
        Ok(())
    }

    async fn flush_messages(&mut self) -> anyhow::Result<()> {
        if self.messages.is_empty() {
            return Ok(());
        }
        let messages = std::mem::take(&mut self.messages);
        let old: Vec<Position> = messages.iter().map(|message| message.position).collect();
        let new = self.archive.restore_messages(messages).await?;
        ensure!(new.len() == old.len(), "{} of {} messages were restored", new.len(), old.len());
        for (old, new) in old.into_iter().zip(new) {
            self.mapping.add(old, new);
        }
        self.bytes = 0;
        Ok(())
    }

    async fn id(&mut self, KnownId { hash, position, seen }: KnownId) -> anyhow::Result<()> {
        // One whose message is no longer in the log is a duplicate all the same.
        let position = self.mapping.exact(position).unwrap_or_default();
        self.ids.push(KnownId { hash, position, seen });
        if self.ids.len() >= AT_ONCE {
            self.flush_rest().await?;
        }
        Ok(())
    }

    async fn entry(&mut self, State { bucket, key, value, expires }: State) -> anyhow::Result<()> {
        let bucket: Bucket = BUCKETS
            .into_iter()
            .find(|known| known.name() == bucket)
            .ok_or_else(|| anyhow!("there is no part of the state with the name `{bucket}`"))?;
        let value = translate::translate(bucket, &key, value.0, &self.mapping);
        self.bytes += value.len();
        self.state.push(StateRecord { bucket, key, value, expires });
        if self.state.len() >= AT_ONCE || self.bytes >= BYTES_AT_ONCE {
            self.flush_rest().await?;
        }
        Ok(())
    }

    async fn flush_rest(&mut self) -> anyhow::Result<()> {
        if !self.ids.is_empty() {
            self.archive.restore_ids(std::mem::take(&mut self.ids)).await?;
        }
        if !self.state.is_empty() {
            self.archive.restore_state(std::mem::take(&mut self.state)).await?;
        }
        self.bytes = 0;
        Ok(())
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        self.flush_messages().await?;
        self.flush_rest().await
    }

    async fn cursor(&mut self, Cursor { name, floor, settled }: Cursor) -> anyhow::Result<()> {
        let settled = settled.into_iter().filter_map(|position| self.mapping.exact(position)).collect();
        let floor = self.mapping.floor(floor);
        Ok(self.archive.restore_cursor(Cursor { name, floor, settled }).await?)
    }
}

//! A bus with damaged bytes is told from a whole one, and what can be read is saved.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::mover::{event, ids, plain};
use super::{Place, done, open, refused, store, text};

/// Words in a body that stand nowhere else.
const WORDS: &[u8] = b"words to be damaged";

/// Changes a byte of the words in whichever file of the bus has them.
fn damage(folder: &Path) -> anyhow::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = fs::read(&path)?;
            let found = bytes.windows(WORDS.len()).position(|window| window == WORDS);
            if let Some(at) = found {
                bytes[at] ^= 1;
                fs::write(path, bytes)?;
                return Ok(());
            }
        }
    }
    anyhow::bail!("no file of the bus has the words")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_damaged_is_saved_and_the_rest_is_named() -> anyhow::Result<()> {
    let place = Place::new()?;
    let bus = place.embedded("damaged");
    let mut events = plain("whole", 8);
    let damaged = event("damaged", "t.plain", "key", 1).to_builder();
    let words = String::from_utf8(WORDS.to_vec())?;
    events.insert(4, damaged.body("text/plain", words).build()?);
    let engine = open(&bus).await?;
    for event in &events {
        engine.bus.publish(event).await?;
    }
    engine.close().await;
    assert!(done(&bus, &["verify"])?.starts_with("ok: 9 messages"));
    damage(&place.folder.join("damaged"))?;

    let verified = store(&bus, &["verify", "--json"])?;
    assert_eq!(verified.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&verified.stdout)?;
    let found = report["damage"].as_array().context("it has a list of damage")?;
    assert!(found.len() == 1 && found[0].as_str().is_some_and(|line| line.contains('5')), "{report}");

    // The export has all the same what can be read, and says by its code that it is not everything.
    let file = place.folder.join("export.jsonl");
    let exported = store(&bus, &["export", "--out", text(&file)?])?;
    let said = String::from_utf8_lossy(&exported.stdout);
    assert!(exported.status.code() == Some(1) && said.contains("8 messages and 1 damaged ones"), "{said}");
    let target = place.embedded("target");
    let said = refused(&target, &["import", text(&file)?], 1)?;
    assert!(said.contains("at the positions 5") && said.contains("--without-damaged"), "{said}");
    done(&target, &["import", text(&file)?, "--without-damaged"])?;

    let engine = open(&target).await?;
    let read = engine.bus.read(chassis::Position(1), 100).await?;
    let read: Vec<_> = read.into_iter().filter_map(|recorded| recorded.event.ok()).collect();
    events.remove(4);
    assert_eq!(ids(&read), ids(&events));
    engine.close().await;
    Ok(())
}

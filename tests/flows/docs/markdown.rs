//! As much of Markdown as the documents at the root use.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;

/// A document.
#[derive(Debug)]
pub struct Document {
    /// Its path in the project.
    pub name: String,
    text: String,
}

/// A block of code: its language, and its lines.
#[derive(Debug)]
pub struct Code {
    pub language: String,
    pub lines: Vec<String>,
}

impl Document {
    /// Reads it.
    pub fn read(root: &Path, name: &str) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(root.join(name)).with_context(|| format!("cannot read {name}"))?;
        Ok(Self { name: name.to_owned(), text })
    }

    /// Its lines, each with whether it is in a block of code (the fences are).
    fn lines(&self) -> Vec<(&str, bool)> {
        let mut inside = false;
        let mut lines = Vec::new();
        for line in self.text.lines() {
            let fence = line.trim_start().starts_with("```");
            lines.push((line, inside || fence));
            inside ^= fence;
        }
        lines
    }

    /// Its text without blocks of code.
    pub fn prose(&self) -> String {
        self.lines()
            .into_iter()
            .map(|(line, code)| if code { "" } else { line })
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Its blocks of code.
    pub fn code(&self) -> Vec<Code> {
        let mut blocks: Vec<Code> = Vec::new();
        let mut open = false;
        for (line, _) in self.lines().into_iter().filter(|(_, code)| *code) {
            match line.trim_start().strip_prefix("```") {
                Some(language) => {
                    open = !open;
                    if open {
                        blocks.push(Code { language: language.trim().to_owned(), lines: Vec::new() });
                    }
                }
                None => {
                    if let Some(block) = blocks.last_mut() {
                        block.lines.push(line.to_owned());
                    }
                }
            }
        }
        blocks
    }

    /// The targets of its links: `[text](target)` and `[name]: target`.
    pub fn links(&self) -> Vec<String> {
        let prose = self.prose();
        let inline = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let inline = inline.map(|(target, _)| target.to_owned());
        let named = prose.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
        inline.chain(named.map(|(_, target)| target.trim().to_owned())).collect()
    }

    /// The anchors of its headings, as GitHub makes them.
    pub fn anchors(&self) -> BTreeSet<String> {
        let prose = self.prose();
        let headings = prose
            .lines()
            .filter(|line| line.starts_with('#'))
            .map(|line| line.trim_start_matches('#').trim());
        let anchor = |heading: &str| -> String {
            let kept = heading.to_lowercase().replace(' ', "-");
            kept.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
        };
        headings.map(anchor).collect()
    }

    /// What stands under a heading of the second level.
    pub fn section(&self, heading: &str) -> anyhow::Result<String> {
        let (_, rest) = self
            .text
            .split_once(&format!("\n## {heading}\n"))
            .with_context(|| format!("{} has no section `{heading}`", self.name))?;
        Ok(rest.split("\n## ").next().unwrap_or_default().to_owned())
    }
}

/// Paragraphs; each row of a table and each item of a list by itself.
pub fn blocks(prose: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in prose.lines() {
        let alone = line.starts_with('|');
        let item =
            line.starts_with("- ") || line.split_once(". ").is_some_and(|(n, _)| n.parse::<u8>().is_ok());
        if line.trim().is_empty() || alone || item {
            blocks.push(String::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push_str(line);
            block.push('\n');
        }
        if alone {
            blocks.push(String::new());
        }
    }
    blocks.retain(|block| !block.trim().is_empty());
    blocks
}

/// What stands in backticks.
pub fn code_spans(block: &str) -> Vec<String> {
    block.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " ")).collect()
}

#[test]
fn links_code_and_anchors_are_found() {
    let text = "# A `b`\n\n[one](x.md#two) and `f()` in\n`a/b.rs`\n\n```sh\nsignalbox [no](y.md)\n```\n| `r` |\n[n]: z.md\n";
    let document = Document { name: "t.md".to_owned(), text: text.to_owned() };
    assert_eq!(document.links(), ["x.md#two", "z.md"]);
    assert!(document.anchors().contains("a-b"));
    let code = document.code();
    assert_eq!(
        (code.len(), code[0].language.as_str(), &code[0].lines[..]),
        (1, "sh", &["signalbox [no](y.md)".to_owned()][..])
    );
    let blocks = blocks(&document.prose());
    assert_eq!(
        blocks.iter().map(|block| code_spans(block)).collect::<Vec<_>>(),
        [vec!["b"], vec!["f()", "a/b.rs"], vec!["r"], vec![]]
    );
}

//! As much of Gherkin as the feature files need: `Feature`, `Rule`, `Background`, `Scenario`, `Scenario Outline` with
//! `Examples`, steps with a table or a doc string, tags and comments. What it does not know is an error, so that no step
//! is left out in silence.

/// A step with what hangs on it.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// Its text, without the keyword.
    pub text: String,
    /// The rows of its table, the header included.
    pub table: Vec<Vec<String>>,
    /// Its doc string.
    pub text_block: Option<String>,
    /// Where it stands.
    pub line: usize,
}

/// A scenario as it is run: steps of the background first, the examples put in.
#[derive(Debug, Clone, Default)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Its steps.
    pub steps: Vec<Step>,
}

const STEPS: [&str; 5] = ["Given ", "When ", "Then ", "And ", "But "];

/// The scenarios of a file.
pub fn scenarios(text: &str) -> Result<Vec<Scenario>, String> {
    let mut reader = Reader { lines: text.lines().enumerate().collect(), at: 0 };
    let (mut background, mut all): (Vec<Step>, Vec<Scenario>) = (Vec::new(), Vec::new());
    let mut feature = false;
    while let Some((number, line)) = reader.next() {
        if line.starts_with("Feature:") {
            feature = true;
            reader.prose();
        } else if line.starts_with("Rule:") {
            reader.prose();
        } else if line.starts_with("Background:") {
            background = reader.steps()?;
        } else if let Some(name) = line.strip_prefix("Scenario Outline:") {
            let outline = Scenario { name: name.trim().to_owned(), steps: reader.steps()? };
            let examples = reader.examples()?;
            if examples.is_empty() {
                return Err(format!("line {}: an outline without examples", number + 1));
            }
            all.extend(examples.iter().map(|example| filled(&outline, example)));
        } else if let Some(name) = line.strip_prefix("Scenario:") {
            all.push(Scenario { name: name.trim().to_owned(), steps: reader.steps()? });
        } else {
            return Err(format!("line {}: what is `{line}`?", number + 1));
        }
    }
    if !feature {
        return Err("there is no Feature".to_owned());
    }
    for scenario in &mut all {
        scenario.steps.splice(..0, background.iter().cloned());
    }
    Ok(all)
}

type Example = Vec<(String, String)>;

fn filled(outline: &Scenario, example: &Example) -> Scenario {
    let fill = |text: &str| {
        example.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("<{name}>"), value))
    };
    let step = |step: &Step| Step {
        text: fill(&step.text),
        table: step.table.iter().map(|row| row.iter().map(|cell| fill(cell)).collect()).collect(),
        text_block: step.text_block.as_deref().map(fill),
        line: step.line,
    };
    Scenario { name: fill(&outline.name), steps: outline.steps.iter().map(step).collect() }
}

struct Reader<'a> {
    lines: Vec<(usize, &'a str)>,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next line that says something, trimmed; tags and comments do not.
    fn peek(&mut self) -> Option<(usize, &'a str)> {
        while let Some((number, line)) = self.lines.get(self.at) {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') && !line.starts_with('@') {
                return Some((*number, line));
            }
            self.at += 1;
        }
        None
    }

    fn next(&mut self) -> Option<(usize, &'a str)> {
        let line = self.peek()?;
        self.at += 1;
        Some(line)
    }

    /// Passes over the description under a heading.
    fn prose(&mut self) {
        let heading = |line: &str| {
            ["Rule:", "Background:", "Scenario:", "Scenario Outline:"]
                .iter()
                .any(|word| line.starts_with(word))
        };
        while self.peek().is_some_and(|(_, line)| !heading(line)) {
            self.at += 1;
        }
    }

    fn steps(&mut self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        while let Some((number, line)) = self.peek() {
            let Some(text) = STEPS.iter().find_map(|keyword| line.strip_prefix(keyword)) else { break };
            self.at += 1;
            let mut step = Step { text: text.trim().to_owned(), line: number + 1, ..Step::default() };
            match self.peek() {
                Some((_, line)) if line.starts_with('|') => step.table = self.table()?,
                Some((_, "\"\"\"")) => step.text_block = Some(self.text_block()?),
                _ => {}
            }
            steps.push(step);
        }
        Ok(steps)
    }

    fn examples(&mut self) -> Result<Vec<Example>, String> {
        let mut examples = Vec::new();
        while self.peek().is_some_and(|(_, line)| line.starts_with("Examples:")) {
            self.at += 1;
            let table = self.table()?;
            let (names, rows) = table.split_first().ok_or("examples without a table")?;
            examples.extend(rows.iter().map(|row| names.iter().cloned().zip(row.iter().cloned()).collect()));
        }
        Ok(examples)
    }

    fn table(&mut self) -> Result<Vec<Vec<String>>, String> {
        let mut rows: Vec<Vec<String>> = Vec::new();
        while let Some((number, line)) = self.peek().filter(|(_, line)| line.starts_with('|')) {
            self.at += 1;
            let row = cells(line);
            if rows.first().is_some_and(|first| first.len() != row.len()) {
                return Err(format!(
                    "line {}: {} cells, the first row has {}",
                    number + 1,
                    row.len(),
                    rows[0].len()
                ));
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// The lines up to the closing quotes, without the indentation of the opening ones.
    fn text_block(&mut self) -> Result<String, String> {
        let (number, opening) = self.lines[self.at];
        let indent = opening.len() - opening.trim_start().len();
        let mut text = Vec::new();
        for (at, (_, line)) in self.lines.iter().enumerate().skip(self.at + 1) {
            if line.trim() == "\"\"\"" {
                self.at = at + 1;
                return Ok(text.join("\n"));
            }
            text.push(line.get(indent..).unwrap_or_default());
        }
        Err(format!("line {}: a doc string without an end", number + 1))
    }
}

/// The cells of a row; `\|`, `\\` and `\n` are escapes.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut chars) = (Vec::new(), String::new(), line.trim().chars().skip(1));
    while let Some(c) = chars.next() {
        match c {
            '|' => cells.push(std::mem::take(&mut cell).trim().to_owned()),
            '\\' => match chars.next() {
                Some('n') => cell.push('\n'),
                Some(c @ ('|' | '\\')) => cell.push(c),
                Some(c) => cell.extend(['\\', c]),
                None => cell.push('\\'),
            },
            c => cell.push(c),
        }
    }
    cells
}

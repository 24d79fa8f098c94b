//! The search for an input that goes against what always holds.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::Verdict;
use crate::mutate::mutated;

/// How many inputs are tried of each target, unless `FUZZ_CASES` says otherwise: a few seconds.
const CASES: usize = 4_000;
/// How long one input may take. Reading is a matter of milliseconds, also on a busy machine and without optimisation.
const LONGEST: Duration = Duration::from_secs(20);

/// What is searched.
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// Inputs beside those in the corpus.
    pub seeds: Vec<Vec<u8>>,
    /// Words that mean something to what reads the input.
    pub words: &'static [&'static str],
    /// What always holds.
    pub holds: fn(&[u8]) -> Verdict,
    /// How many different answers the seeds and the search must at least lead to: fewer, and it does not get anywhere.
    pub answers: usize,
}

impl Target {
    /// Searches; panics with the smallest input that was found to fail.
    pub fn search(self) {
        let (cases, seed) = (number("FUZZ_CASES", CASES), number("FUZZ_SEED", 1));
        let mut pool = corpus(self.name);
        pool.extend(self.seeds.iter().cloned());
        assert!(!pool.is_empty(), "{} has no seeds", self.name);
        let (tried, inputs) = mpsc::channel::<Vec<u8>>();
        let (answer, answers) = mpsc::channel();
        let holds = self.holds;
        // A thread of its own, so that an input that hangs is noticed.
        let worker = std::thread::spawn(move || {
            for input in inputs {
                if answer.send(verdict(holds, &input)).is_err() {
                    return;
                }
            }
        });
        let ask = |input: &[u8]| {
            // What overflows the stack ends this program at once: then the input is here.
            kept(&format!("{}-last", self.name), input);
            tried.send(input.to_vec()).expect("the worker is there");
            answers.recv_timeout(LONGEST).unwrap_or_else(|_| Err(format!("it takes longer than {LONGEST:?}")))
        };
        let mut known = BTreeMap::<String, usize>::new();
        let mut random = StdRng::seed_from_u64(seed as u64);
        let seeds = pool.len();
        for case in 0..cases + seeds {
            let input =
                if case < seeds { pool[case].clone() } else { mutated(&pool, self.words, &mut random) };
            match ask(&input) {
                Ok(answer) => {
                    let times = known.entry(answer).or_default();
                    *times += 1;
                    if *times == 1 && case >= seeds {
                        pool.push(input);
                    }
                }
                Err(why) => self.fail(input, &why, seed, case, ask),
            }
        }
        drop(tried);
        worker.join().unwrap();
        println!("{}: {cases} cases, {} answers", self.name, known.len());
        let (found, wanted) = (known.len(), self.answers);
        assert!(found >= wanted, "{}: only {found} answers, {wanted} were expected: {known:#?}", self.name);
    }

    fn fail(&self, input: Vec<u8>, why: &str, seed: usize, case: usize, ask: impl Fn(&[u8]) -> Verdict) -> ! {
        // What hangs cannot be tried again.
        let hangs = why.starts_with("it takes longer");
        let (input, why) = if hangs { (input, why.to_owned()) } else { smaller(input, why, ask) };
        let file = kept(&format!("{}-{}", self.name, input.len()), &input);
        panic!(
            "{}: {why}\n{} bytes, case {case} of seed {seed}, kept as {}:\n{}",
            self.name,
            input.len(),
            file.display(),
            input.escape_ascii()
        );
    }
}

fn verdict(holds: fn(&[u8]) -> Verdict, input: &[u8]) -> Verdict {
    catch_unwind(AssertUnwindSafe(|| holds(input))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("of something");
        Err(format!("it panicked: {text}"))
    })
}

/// The input without what is not needed for it to fail, and how it fails then.
fn smaller(mut input: Vec<u8>, why: &str, ask: impl Fn(&[u8]) -> Verdict) -> (Vec<u8>, String) {
    let mut why = why.to_owned();
    let mut piece = input.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < input.len() {
            let end = (at + piece).min(input.len());
            let shorter = [&input[..at], &input[end..]].concat();
            match ask(&shorter) {
                Err(reason) => (input, why) = (shorter, reason),
                Ok(_) => at = end,
            }
        }
        piece /= 2;
    }
    (input, why)
}

fn kept(name: &str, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz");
    let file = folder.join(name);
    let _ = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, input));
    file
}

/// The files of a folder of the corpus, in the order of their names.
pub fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    files(&folder)
}

/// The files of a folder, in the order of their names.
pub fn files(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |text| {
        text.parse().unwrap_or_else(|_| panic!("{variable} is `{text}`, it should be a number"))
    })
}

/// An input that fails is found, made small, and told.
#[test]
fn the_search_finds_what_fails_and_makes_it_small() {
    let target = Target {
        name: "the search itself",
        seeds: vec![b"a long seed with a needle somewhere in it".to_vec()],
        words: &["haystack", "!"],
        holds: |input| {
            let has = |what: &[u8]| input.windows(what.len()).any(|part| part == what);
            if has(b"!") && has(b"ee") { Err("both".to_owned()) } else { Ok("fine".to_owned()) }
        },
        answers: 1,
    };
    let panic = catch_unwind(AssertUnwindSafe(|| target.search())).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("both\n3 bytes"), "{text}");
}

/// A panic of what is searched is a failure like any other.
#[test]
fn the_search_survives_a_panic_and_tells_it() {
    let holds = |input: &[u8]| {
        assert!(input.len() < 20, "too long");
        Ok(String::new())
    };
    let told = verdict(holds, &[0; 20]).unwrap_err();
    assert!(told.contains("it panicked: too long"), "{told}");
}

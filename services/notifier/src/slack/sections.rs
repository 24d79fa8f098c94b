//! A long text as sections.

use super::atoms::{Atom, linked, units};
use crate::limits::slack::{SECTION, SECTIONS};
use crate::text::note;

/// A section is divided at white space if there is some in its last part, this long, else between two characters.
const SEARCHED: usize = SECTION / 2;

/// The text in sections, escaped; none of them blank. What is beyond the limit is left out and counted at the end.
pub(super) fn of(text: &str) -> Vec<String> {
    let atoms: Vec<Atom<'_>> = linked(text).collect();
    let kept = kept(&atoms);
    let left_out: usize = atoms[kept..].iter().map(|atom| atom.raw.chars().count()).sum();
    let mut sections = divided(&atoms[..kept]);
    if left_out > 0 {
        let note = note(left_out);
        match sections.last_mut().filter(|last| units(last) + units(&note) <= SECTION) {
            Some(last) => last.push_str(&note),
            None => sections.push(note),
        }
    }
    sections
}

/// How many atoms there is room for.
fn kept(atoms: &[Atom<'_>]) -> usize {
    let whole: usize = atoms.iter().map(Atom::units).sum();
    if whole <= SECTIONS {
        return atoms.len();
    }
    let room = SECTIONS - units(&note(usize::MAX));
    let mut length = 0;
    atoms
        .iter()
        .take_while(|atom| {
            length += atom.units();
            length <= room
        })
        .count()
}

fn divided(atoms: &[Atom<'_>]) -> Vec<String> {
    let mut sections = Vec::new();
    let mut rest = atoms;
    while !rest.is_empty() {
        let (section, after) = rest.split_at(first(rest));
        rest = after;
        let section: String = section.iter().map(|atom| &*atom.sent).collect();
        // Indentation stays; empty lines at a division say nothing.
        let section = section.trim_start_matches('\n').trim_end();
        if !section.trim().is_empty() {
            sections.push(section.to_owned());
        }
    }
    sections
}

/// How many atoms the first section has.
fn first(atoms: &[Atom<'_>]) -> usize {
    let (mut length, mut after_space) = (0, None);
    for (index, atom) in atoms.iter().enumerate() {
        let before = length;
        length += atom.units();
        if length > SECTION {
            let near = after_space.filter(|(_, at)| before - at <= SEARCHED);
            return near.map_or(index, |(index, _)| index);
        }
        if atom.is_space() {
            after_space = Some((index + 1, length));
        }
    }
    atoms.len()
}

#[cfg(test)]
mod tests {
    use super::{SECTION, SECTIONS, of, units};

    #[test]
    fn a_short_text_is_one_section() {
        assert_eq!(of("a\n  b"), ["a\n  b"]);
    }

    #[test]
    fn nothing_makes_no_section() {
        assert!(of("").is_empty());
        assert!(of(&"\n ".repeat(4_000)).is_empty());
    }

    #[test]
    fn a_long_text_is_divided_at_lines_and_words() {
        let text = "0123456789 ".repeat(500);
        let sections = of(&text);
        assert_eq!(sections.len(), 2);
        for section in &sections {
            assert!(section.split(' ').all(|word| word == "0123456789"), "no word is divided: {section}");
        }
        assert_eq!(sections.join(" "), text.trim_end());
    }

    #[test]
    fn a_text_without_a_space_is_divided_all_the_same() {
        let sections = of(&"x".repeat(7_000));
        assert_eq!(sections.iter().map(String::len).collect::<Vec<_>>(), [3_000, 3_000, 1_000]);
    }

    #[test]
    fn escapes_and_links_are_never_divided() {
        let text = format!("{}{}", "x".repeat(SECTION - 2), "&https://a.example/b");
        assert_eq!(of(&text)[1], "&amp;<https://a.example/b>");
    }

    #[test]
    fn what_is_too_long_is_cut_and_counted() {
        let text = "é".repeat(SECTIONS + 1);
        let sections = of(&text);
        let all = sections.concat();
        let kept = all.chars().filter(|c| *c == 'é').count();
        assert!(all.ends_with(&format!("é… ({} more characters)", SECTIONS + 1 - kept)), "{all}");
        assert!(units(&all) <= SECTIONS);
        assert!(kept > SECTIONS - 100, "not more is cut than has to be: {kept}");
    }

    #[test]
    fn what_just_fits_is_not_cut() {
        assert_eq!(of(&"é".repeat(SECTIONS)).concat(), "é".repeat(SECTIONS));
    }
}

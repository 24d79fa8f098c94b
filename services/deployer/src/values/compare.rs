//! What an edit has changed.

use super::document::{Kind, Node};

/// Whether `new` is `old` with the text `value` at `path`, and nothing else differs.
pub fn differs_only_at(old: Option<&Node>, new: Option<&Node>, path: &[String], value: &str) -> bool {
    let Some(new) = new else { return false };
    let Some((key, rest)) = path.split_first() else {
        return new.says(value) && old.is_none_or(|old| old.anchor == new.anchor && old.tag == new.tag);
    };
    let Kind::Mapping { entries: new_entries, .. } = &new.kind else { return false };
    let old_entries: &[(Node, Node)] = match old {
        Some(Node { kind: Kind::Mapping { entries, .. }, anchor, tag, .. }) => {
            if (*anchor, tag) != (new.anchor, &new.tag) {
                return false;
            }
            entries
        }
        // There was nothing: the mapping is new, and holds nothing but the key.
        Some(old) if old.is_null() => &[],
        Some(_) => return false,
        None => &[],
    };
    let (old_ours, old_others) = split(old_entries, key);
    let (new_ours, new_others) = split(new_entries, key);
    let [new] = new_ours[..] else { return false };
    old_others.len() == new_others.len()
        && old_others.iter().zip(&new_others).all(|(old, new)| same(&old.0, &new.0) && same(&old.1, &new.1))
        && old_ours.iter().all(|old| same(&old.0, &new.0))
        && differs_only_at(old_ours.first().map(|(_, old)| old), Some(&new.1), rest, value)
}

type Entry = (Node, Node);

fn split<'a>(entries: &'a [Entry], key: &str) -> (Vec<&'a Entry>, Vec<&'a Entry>) {
    entries.iter().partition(|(name, _)| name.text() == Some(key))
}

/// Whether two nodes are written the same, wherever they stand.
fn same(a: &Node, b: &Node) -> bool {
    a.anchor == b.anchor
        && a.tag == b.tag
        && match (&a.kind, &b.kind) {
            (Kind::Scalar { value, style }, Kind::Scalar { value: other, style: other_style }) => {
                value == other && style == other_style
            }
            (Kind::Sequence { items, style }, Kind::Sequence { items: others, style: other_style }) => {
                style == other_style
                    && items.len() == others.len()
                    && items.iter().zip(others).all(|(a, b)| same(a, b))
            }
            (Kind::Mapping { entries, style }, Kind::Mapping { entries: others, style: other_style }) => {
                style == other_style
                    && entries.len() == others.len()
                    && entries.iter().zip(others).all(|(a, b)| same(&a.0, &b.0) && same(&a.1, &b.1))
            }
            (Kind::Alias(target), Kind::Alias(other)) => target == other,
            (
                Kind::Scalar { .. } | Kind::Sequence { .. } | Kind::Mapping { .. } | Kind::Alias(_),
                Kind::Scalar { .. } | Kind::Sequence { .. } | Kind::Mapping { .. } | Kind::Alias(_),
            ) => false,
        }
}

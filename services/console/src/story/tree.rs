//! From a list of events to a tree.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chassis::{Position, Recorded};
use events::Envelope;

use super::{Node, Story, Told};
use crate::summary::Summary;

/// Nothing of ours is deeper: the loop guard stops at 16. What somebody else chains on is shown beside each other below
/// this, so that a tree stays a tree that can be written and read.
const DEEPEST: usize = 32;

/// An event with what is needed to find its place.
struct Member<'a> {
    recorded: &'a Recorded,
    event: &'a Envelope,
    /// Index of the event that caused it.
    cause: Option<usize>,
}

pub(super) fn build(events: &[Recorded], focus: &str) -> Story {
    let correlation = correlation(events, focus);
    let mut members = members(events, &correlation);
    causes(&mut members);
    cut_circles(&mut members);
    let recorded = || members.iter().map(|member| member.recorded.recorded);
    Story {
        focus: focus.to_owned(),
        began: recorded().min(),
        ended: recorded().max(),
        events: members.len(),
        roots: roots(&members),
        correlationid: correlation,
        notes: Vec::new(),
    }
}

fn correlation(events: &[Recorded], focus: &str) -> String {
    let focused =
        events.iter().filter_map(|recorded| recorded.event.as_ref().ok()).find(|event| event.id() == focus);
    focused.map_or_else(|| focus.to_owned(), |event| event.correlation_id().into_owned())
}

/// The events of the correlation in the order of the log, each once.
fn members<'a>(events: &'a [Recorded], correlation: &str) -> Vec<Member<'a>> {
    let by_position: BTreeMap<Position, &Recorded> =
        events.iter().map(|recorded| (recorded.position, recorded)).collect();
    let mut known = BTreeSet::new();
    by_position
        .into_values()
        .filter_map(|recorded| Some((recorded, recorded.event.as_ref().ok()?)))
        .filter(|(_, event)| {
            event.correlation_id() == correlation && known.insert((event.source(), event.id()))
        })
        .map(|(recorded, event)| Member { recorded, event, cause: None })
        .collect()
}

/// Finds what caused each. An id alone names the cause; of two events with one id it is the last before the effect.
fn causes(members: &mut [Member<'_>]) {
    let mut by_id: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, member) in members.iter().enumerate() {
        by_id.entry(member.event.id()).or_default().push(index);
    }
    let found: Vec<Option<usize>> = (0..members.len())
        .map(|index| {
            let cause = members[index].event.causation_id()?;
            let named = by_id.get(&*cause)?;
            let before = named.iter().rev().find(|named| **named < index);
            before.or_else(|| named.iter().find(|named| **named != index)).copied()
        })
        .collect();
    for (member, cause) in members.iter_mut().zip(found) {
        member.cause = cause;
    }
}

/// Events of others can name each other as their cause: the first in the log begins then.
fn cut_circles(members: &mut [Member<'_>]) {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        Now,
        Before,
    }
    let mut seen = vec![Seen::No; members.len()];
    for start in 0..members.len() {
        let (mut path, mut at) = (Vec::new(), Some(start));
        while let Some(index) = at {
            match seen[index] {
                Seen::No => {
                    seen[index] = Seen::Now;
                    path.push(index);
                    at = members[index].cause;
                }
                Seen::Now => {
                    let circle = path.iter().skip_while(|on_path| **on_path != index);
                    if let Some(first) = circle.min() {
                        members[*first].cause = None;
                    }
                    at = None;
                }
                Seen::Before => at = None,
            }
        }
        for index in path {
            seen[index] = Seen::Before;
        }
    }
}

/// Builds the tree from its leaves, without recursion: whoever made the events made its depth.
fn roots(members: &[Member<'_>]) -> Vec<Node> {
    let (order, parents) = order(members);
    let mut nodes: Vec<Option<Node>> = members.iter().map(|member| Some(node(member))).collect();
    let mut roots: Vec<(usize, Node)> = Vec::new();
    for index in order.into_iter().rev() {
        let Some(mut node) = nodes[index].take() else { continue };
        // The later ones came first.
        node.children.reverse();
        match parents[index].and_then(|parent| nodes[parent].as_mut()) {
            Some(parent) => parent.children.push(node),
            None => roots.push((index, node)),
        }
    }
    roots.sort_by_key(|(index, _)| *index);
    under_the_missing(members, roots)
}

/// All members, those nearer to their root first, else in the order of the log; and for each the one that it stands under.
fn order(members: &[Member<'_>]) -> (Vec<usize>, Vec<Option<usize>>) {
    let mut caused: Vec<Vec<usize>> = vec![Vec::new(); members.len()];
    for (index, member) in members.iter().enumerate() {
        if let Some(cause) = member.cause {
            caused[cause].push(index);
        }
    }
    let mut level: Vec<(usize, Option<usize>)> = (0..members.len())
        .filter(|index| members[*index].cause.is_none())
        .map(|index| (index, None))
        .collect();
    let (mut order, mut parents, mut depth) = (Vec::new(), vec![None; members.len()], 0);
    while !level.is_empty() {
        let mut next = Vec::new();
        // Those on one level are put under their parents in the order of the log.
        level.sort_unstable();
        for (index, parent) in level {
            order.push(index);
            parents[index] = parent;
            let host = if depth < DEEPEST { Some(index) } else { parent };
            next.extend(caused[index].iter().map(|effect| (*effect, host)));
        }
        level = next;
        depth += 1;
    }
    (order, parents)
}

/// Roots that name a cause stand under it, although it is not in the log.
fn under_the_missing(members: &[Member<'_>], roots: Vec<(usize, Node)>) -> Vec<Node> {
    let mut shown: Vec<Node> = Vec::new();
    for (index, node) in roots {
        let cause = members[index].event.causation_id();
        // One that was cut out of a circle has its cause in the tree.
        let cause = cause.filter(|cause| !members.iter().any(|member| member.event.id() == &**cause));
        let Some(cause) = cause else {
            shown.push(node);
            continue;
        };
        match shown.iter_mut().find(|other| other.event.is_none() && other.id == *cause) {
            Some(missing) => missing.children.push(node),
            None => shown.push(Node {
                id: cause.into_owned(),
                event: None,
                dead_letters: Vec::new(),
                children: vec![node],
            }),
        }
    }
    shown
}

fn node(Member { recorded, event, cause: _ }: &Member<'_>) -> Node {
    let told = Told {
        position: recorded.position,
        recorded: recorded.recorded,
        time: event.time(),
        source: event.source().to_owned(),
        r#type: event.ty().to_owned(),
        subject: event.subject().map(str::to_owned),
        summary: Summary::of(event),
    };
    Node { id: event.id().to_owned(), event: Some(told), dead_letters: Vec::new(), children: Vec::new() }
}

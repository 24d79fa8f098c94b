//! Where the messages of an export stand in the log to which they are restored.

use chassis::Position;

/// A stretch of positions that all moved by the same distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    old: u64,
    new: u64,
    length: u64,
}

/// From old positions to new ones; both grow. A million messages in a row are one stretch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping(Vec<Run>);

impl Mapping {
    /// Adds a message; both positions are after all others.
    pub fn add(&mut self, Position(old): Position, Position(new): Position) {
        match self.0.last_mut() {
            Some(run) if run.old + run.length == old && run.new + run.length == new => run.length += 1,
            _ => self.0.push(Run { old, new, length: 1 }),
        }
    }

    /// Where the message at this old position is, if it was restored.
    pub fn exact(&self, old: Position) -> Option<Position> {
        self.at_or_before(old).filter(|_| self.holds(old))
    }

    /// Where the last message at or before this old position is; 0 when there is none.
    pub fn floor(&self, old: Position) -> Position {
        self.at_or_before(old).unwrap_or_default()
    }

    /// Where the first message at or after this old position is; one after the last when there is none.
    pub fn ceiling(&self, old: Position) -> Position {
        if let Some(new) = self.exact(old) {
            return new;
        }
        let next = self.0.partition_point(|run| run.old <= old.0);
        match (self.0.get(next), self.0.last()) {
            (Some(run), _) => Position(run.new),
            (None, Some(last)) => Position(last.new + last.length),
            (None, None) => Position(1),
        }
    }

    /// Whether nothing has moved.
    pub fn is_identity(&self) -> bool {
        self.0.iter().all(|run| run.old == run.new)
    }

    fn run(&self, old: Position) -> Option<&Run> {
        self.0.partition_point(|run| run.old <= old.0).checked_sub(1).and_then(|index| self.0.get(index))
    }

    fn holds(&self, old: Position) -> bool {
        self.run(old).is_some_and(|run| old.0 < run.old + run.length)
    }

    fn at_or_before(&self, old: Position) -> Option<Position> {
        let run = self.run(old)?;
        Some(Position(run.new + (old.0 - run.old).min(run.length - 1)))
    }
}

#[cfg(test)]
mod tests {
    use chassis::Position;

    use super::Mapping;

    #[test]
    fn a_position_is_found_where_it_is_or_where_it_would_be() {
        let mut mapping = Mapping::default();
        for (old, new) in [(5, 1), (6, 2), (7, 3), (10, 4), (20, 5), (21, 6)] {
            mapping.add(Position(old), Position(new));
        }
        assert_eq!(mapping.0.len(), 3, "{mapping:?}");
        assert!(!mapping.is_identity());
        for (old, exact, floor, ceiling) in [
            (1, None, 0, 1),
            (5, Some(1), 1, 1),
            (7, Some(3), 3, 3),
            (8, None, 3, 4),
            (10, Some(4), 4, 4),
            (15, None, 4, 5),
            (21, Some(6), 6, 6),
            (22, None, 6, 7),
            (999, None, 6, 7),
        ] {
            let old = Position(old);
            assert_eq!(mapping.exact(old), exact.map(Position), "{old}");
            assert_eq!((mapping.floor(old).0, mapping.ceiling(old).0), (floor, ceiling), "{old}");
        }
    }

    #[test]
    fn nothing_moved_and_nothing_there() {
        let mut mapping = Mapping::default();
        assert!(mapping.is_identity());
        assert_eq!((mapping.floor(Position(9)), mapping.ceiling(Position(9))), (Position(0), Position(1)));
        for position in [3, 4, 9] {
            mapping.add(Position(position), Position(position));
        }
        assert!(mapping.is_identity());
        assert_eq!(mapping.exact(Position(9)), Some(Position(9)));
    }
}

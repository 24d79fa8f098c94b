//! Where a unit test steps in. In a program there is nothing here.

use std::io;

/// A place at which a test may do something, or have the disk fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A sealed file was chosen to be read, and is not open yet.
    Load,
    /// Records are in the active file, and not synced yet.
    Sync,
    /// The active file is about to be cut off where it was.
    Repair,
}

#[cfg(test)]
type Step = Box<dyn FnOnce() -> io::Result<()> + Send>;

/// The steps of a test.
#[derive(Default)]
pub struct Seam {
    #[cfg(test)]
    steps: std::sync::Mutex<Vec<(Point, Step)>>,
}

#[cfg(test)]
impl Seam {
    /// Has this done when the point is reached next; its error is that of the disk. Steps of one point follow each other.
    pub fn at(&self, point: Point, step: impl FnOnce() -> io::Result<()> + Send + 'static) {
        self.steps.lock().unwrap().push((point, Box::new(step)));
    }

    /// Whether all steps were taken.
    pub fn is_done(&self) -> bool {
        self.steps.lock().unwrap().is_empty()
    }

    /// The point is reached.
    pub fn reach(&self, point: Point) -> io::Result<()> {
        let step = {
            let mut steps = self.steps.lock().unwrap();
            steps.iter().position(|(at, _)| *at == point).map(|at| steps.remove(at).1)
        };
        step.map_or(Ok(()), |step| step())
    }
}

#[cfg(not(test))]
impl Seam {
    /// The point is reached.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "a test has steps here, and they fail")]
    #[inline]
    pub fn reach(&self, _point: Point) -> io::Result<()> {
        Ok(())
    }
}

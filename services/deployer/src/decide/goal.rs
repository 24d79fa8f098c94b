//! What has to be true in the end.

use resources::app::Verify;

use crate::git::Commit;
use crate::image::{Reference, Wanted};

/// What has to be true in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The commit that Argo CD should have.
    pub commit: Commit,
    /// The image that should run.
    pub wanted: Wanted,
    /// Its name without tag and digest, if that is declared.
    pub image_name: Option<String>,
    /// How long, and for how long.
    pub verify: Verify,
}

impl Goal {
    /// Whether a manifest with this image asks for the wanted one.
    pub fn is_named_by(&self, image: &str) -> bool {
        let reference = Reference::parse(image);
        self.is_of(&reference) && self.wanted.is_named_by(&reference)
    }

    /// Whether a container with this image, and this image ID, runs the wanted one.
    pub fn is_run_by(&self, image: &str, image_id: &str) -> bool {
        let reference = Reference::parse(image);
        self.is_of(&reference) && self.wanted.is_run_by(&reference, image_id)
    }

    fn is_of(&self, reference: &Reference<'_>) -> bool {
        self.image_name.as_ref().is_none_or(|name| reference.is_of(name))
    }
}

//! The live secrets of a source, read anew for each request, so that a rotated one counts from the next request on.
//!
//! Reading costs some ten microseconds for a file; a cache would have to be told about rotations.

use resources::secret::SecretError;
use resources::{Secret, SecretRef};
use subtle::Choice;

use crate::refusal::{Refusal, Unproven};

/// The secrets of a source at this moment.
pub(crate) struct LiveSecrets {
    readable: Vec<Secret>,
    /// What is wrong with the others.
    pub(crate) unreadable: Vec<SecretError>,
}

impl LiveSecrets {
    /// Reads them.
    pub(crate) fn read(refs: &[SecretRef]) -> Self {
        let mut live = Self { readable: Vec::with_capacity(refs.len()), unreadable: Vec::new() };
        for secret in refs {
            match secret.read() {
                Ok(secret) => live.readable.push(secret),
                Err(error) => live.unreadable.push(error),
            }
        }
        live
    }

    /// Accepts a proof that fits any of the secrets; all of them are tried, so that the time does not tell which.
    ///
    /// When it fits none of those that could be read, it might have fitted one that could not: that is our own trouble,
    /// and the sender is asked to come again. The same holds for a source without any secret.
    pub(crate) fn prove(&self, fits: impl Fn(&Secret) -> Choice, otherwise: Unproven) -> Result<(), Refusal> {
        let proven = self.readable.iter().fold(Choice::from(0), |proven, secret| proven | fits(secret));
        if bool::from(proven) {
            Ok(())
        } else if self.readable.is_empty() || !self.unreadable.is_empty() {
            Err(Refusal::SecretUnreadable)
        } else {
            Err(Refusal::Unproven(otherwise))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use resources::SecretRef;
    use subtle::ConstantTimeEq as _;

    use super::LiveSecrets;
    use crate::refusal::{Refusal, Unproven};

    fn file(folder: &Path, name: &str, secret: Option<&str>) -> SecretRef {
        let path = folder.join(name);
        if let Some(secret) = secret {
            std::fs::write(&path, secret).unwrap();
        }
        SecretRef::File(path)
    }

    fn verdict(refs: &[SecretRef], shown: &str) -> Result<(), Refusal> {
        LiveSecrets::read(refs).prove(|secret| secret.expose().ct_eq(shown.as_bytes()), Unproven::WrongToken)
    }

    #[test]
    fn any_live_secret_proves() {
        let folder = tempfile::tempdir().unwrap();
        let refs = [file(folder.path(), "new", Some("new\n")), file(folder.path(), "old", Some("old\n"))];
        assert!(verdict(&refs, "new").is_ok());
        assert!(verdict(&refs, "old").is_ok());
        assert!(matches!(verdict(&refs, "neither"), Err(Refusal::Unproven(Unproven::WrongToken))));
    }

    #[test]
    fn an_unreadable_secret_does_not_spoil_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let refs = [file(folder.path(), "new", None), file(folder.path(), "old", Some("old"))];
        assert!(verdict(&refs, "old").is_ok());
    }

    #[test]
    fn what_might_fit_an_unreadable_secret_is_not_called_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let refs = [file(folder.path(), "new", None), file(folder.path(), "old", Some("old"))];
        assert!(matches!(verdict(&refs, "new"), Err(Refusal::SecretUnreadable)));
    }

    #[test]
    fn an_empty_secret_is_unreadable_and_proves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let refs = [file(folder.path(), "empty", Some("\n"))];
        assert!(matches!(verdict(&refs, ""), Err(Refusal::SecretUnreadable)));
        assert_eq!(LiveSecrets::read(&refs).unreadable.len(), 1);
    }

    #[test]
    fn a_source_without_secrets_takes_nothing() {
        assert!(matches!(verdict(&[], ""), Err(Refusal::SecretUnreadable)));
        let nowhere = [SecretRef::File(PathBuf::from("nowhere/at/all"))];
        assert!(matches!(verdict(&nowhere, ""), Err(Refusal::SecretUnreadable)));
    }
}

//! Decides what a values file should say.

use events::payload::deploy::Image;
use resources::app::Git;
use thiserror::Error;

use crate::image::Wanted;
use crate::values::{self, ValuesError};

/// A values file after a deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// Its text.
    pub text: String,
    /// Whether that differs from the text before.
    pub changed: bool,
    /// The image that it named before, if it named any.
    pub previous: Option<Image>,
}

/// Why the file cannot say what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EditError {
    /// The file cannot be edited.
    #[error("the values file {file} cannot be edited")]
    Values {
        /// Which file.
        file: String,
        /// Why.
        #[source]
        source: ValuesError,
    },
    /// Nobody said where a digest goes.
    #[error(
        "the request names the digest {0}, and the environment does not say where a digest goes: \
         add the path of its key as `git.digest`, or ask for a tag alone"
    )]
    NoDigestKey(String),
    /// It is no text at all.
    #[error("the values file {0} is not UTF-8 text")]
    NotText(String),
}

/// The file with the wanted image.
///
/// Where a digest is wanted, the tag is left as it is unless a tag is wanted too: Kubernetes goes by the digest. Where
/// only a tag is wanted and the file has a digest, the digest is emptied, or the old image would run on. It is emptied
/// and not removed, because a chart's own default would come back if the key were gone.
pub fn edit(text: &str, git: &Git, wanted: &Wanted) -> Result<Edited, EditError> {
    let failed = |source| EditError::Values { file: git.file.clone(), source };
    let previous = named(text, git)?;
    let mut edited = text.to_owned();
    if let Some(tag) = wanted.tag() {
        edited = values::set(&edited, &git.tag_key, tag, None).map_err(failed)?;
    }
    let old_digest = previous.as_ref().and_then(|image| image.digest.as_deref());
    match (wanted.digest(), &git.digest_key) {
        (Some(digest), Some(key)) => {
            edited = values::set(&edited, key, digest, Some(&git.tag_key)).map_err(failed)?;
        }
        (Some(digest), None) => return Err(EditError::NoDigestKey(digest.to_owned())),
        (None, Some(key)) if old_digest.is_some() => {
            edited = values::set(&edited, key, "", None).map_err(failed)?;
        }
        (None, Some(_) | None) => {}
    }
    Ok(Edited { changed: edited != text, text: edited, previous })
}

/// The image that a values file names, if it names any.
pub fn named(text: &str, git: &Git) -> Result<Option<Image>, EditError> {
    let get = |key: &Vec<String>| {
        values::get(text, key)
            .map(|value| value.filter(|value| !value.is_empty()))
            .map_err(|source| EditError::Values { file: git.file.clone(), source })
    };
    let tag = get(&git.tag_key)?;
    let digest = git.digest_key.as_ref().map(get).transpose()?.flatten();
    Ok((tag.is_some() || digest.is_some()).then_some(Image { tag, digest }))
}

/// The text of a file that came as bytes.
pub fn text<'a>(bytes: &'a [u8], git: &Git) -> Result<&'a str, EditError> {
    std::str::from_utf8(bytes).map_err(|_| EditError::NotText(git.file.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const D1: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    const D2: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

    fn git(digest_key: bool) -> Git {
        let key = |name: &str| vec!["image".to_owned(), name.to_owned()];
        Git {
            repository: "r".to_owned(),
            branch: "main".to_owned(),
            file: "dev.yaml".to_owned(),
            tag_key: key("tag"),
            digest_key: digest_key.then(|| key("digest")),
        }
    }

    fn image(tag: Option<&str>, digest: Option<&str>) -> Image {
        Image { tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) }
    }

    #[test]
    fn the_file_says_the_wanted_image_and_no_other() {
        let both = format!("image:\n  tag: v1\n  digest: {D1}\n");
        for (what, before, wanted, after, previous) in [
            (
                "a tag",
                "image:\n  tag: v1\n".to_owned(),
                image(Some("v2"), None),
                "image:\n  tag: v2\n".to_owned(),
                Some(image(Some("v1"), None)),
            ),
            (
                "a digest",
                both.clone(),
                image(None, Some(D2)),
                format!("image:\n  tag: v1\n  digest: {D2}\n"),
                Some(image(Some("v1"), Some(D1))),
            ),
            (
                "both",
                both.clone(),
                image(Some("v2"), Some(D2)),
                format!("image:\n  tag: v2\n  digest: {D2}\n"),
                Some(image(Some("v1"), Some(D1))),
            ),
            (
                "a tag empties the digest",
                both.clone(),
                image(Some("v2"), None),
                "image:\n  tag: v2\n  digest: \"\"\n".to_owned(),
                Some(image(Some("v1"), Some(D1))),
            ),
            (
                "the same tag empties the digest",
                both.clone(),
                image(Some("v1"), None),
                "image:\n  tag: v1\n  digest: \"\"\n".to_owned(),
                Some(image(Some("v1"), Some(D1))),
            ),
            (
                "a first digest",
                "image:\n  tag: v1\n".to_owned(),
                image(None, Some(D1)),
                format!("image:\n  tag: v1\n  digest: \"{D1}\"\n"),
                Some(image(Some("v1"), None)),
            ),
            (
                "a first image",
                String::new(),
                image(Some("v1"), Some(D1)),
                format!("image:\n  tag: \"v1\"\n  digest: \"{D1}\"\n"),
                None,
            ),
            (
                "an empty digest stays",
                "image:\n  tag: v1\n  digest:\n".to_owned(),
                image(Some("v2"), None),
                "image:\n  tag: v2\n  digest:\n".to_owned(),
                Some(image(Some("v1"), None)),
            ),
            (
                "nothing to do",
                both.clone(),
                image(Some("v1"), Some(D1)),
                both.clone(),
                Some(image(Some("v1"), Some(D1))),
            ),
        ] {
            let git = git(true);
            let wanted = Wanted::of(&wanted).unwrap();
            let edited = edit(&before, &git, &wanted).unwrap();
            assert_eq!(edited.text, after, "{what}");
            assert_eq!(edited.changed, before != after, "{what}");
            assert_eq!(edited.previous, previous, "{what}");
            assert!(wanted.is_said_by(&named(&after, &git).unwrap().unwrap()), "{what}");
            assert!(!edit(&after, &git, &wanted).unwrap().changed, "{what}: a second time changes nothing");
        }
    }

    #[test]
    fn a_digest_needs_a_place() {
        for wanted in [image(None, Some(D1)), image(Some("v2"), Some(D1))] {
            let refused = edit("image:\n  tag: v1\n", &git(false), &Wanted::of(&wanted).unwrap());
            assert_eq!(refused, Err(EditError::NoDigestKey(D1.to_owned())));
        }
    }

    #[test]
    fn a_number_is_made_a_text_even_if_it_looks_the_same() {
        let wanted = Wanted::of(&image(Some("1.10"), None)).unwrap();
        let edited = edit("image:\n  tag: 1.10\n", &git(false), &wanted).unwrap();
        assert_eq!((edited.text.as_str(), edited.changed), ("image:\n  tag: \"1.10\"\n", true));
    }

    #[test]
    fn a_file_that_is_no_text_is_refused() {
        assert_eq!(text(b"\xff", &git(false)), Err(EditError::NotText("dev.yaml".to_owned())));
    }
}

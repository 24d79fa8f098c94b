//! Images: what is wanted, and whether what runs is that.

use events::payload::deploy::Image;
use thiserror::Error;

/// The longest tag that a registry takes.
const LONGEST_TAG: usize = 128;

/// What should run: a tag, a digest, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    tag: Option<String>,
    digest: Option<String>,
}

/// Why no image can be meant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoImage {
    /// Nothing was named.
    #[error("the request names neither a tag nor a digest")]
    Nothing,
    /// No registry takes such a tag.
    #[error(
        "`{0}` is not a tag: a tag is up to 128 letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`"
    )]
    Tag(String),
    /// No registry has such a digest.
    #[error("`{0}` is not a digest: a digest is `sha256:` and 64 hexadecimal digits in lower case")]
    Digest(String),
}

impl Wanted {
    /// Checks what was asked for.
    pub fn of(image: &Image) -> Result<Self, NoImage> {
        let Image { tag, digest } = image;
        match (tag, digest) {
            (None, None) => Err(NoImage::Nothing),
            (Some(tag), _) if !is_tag(tag) => Err(NoImage::Tag(tag.clone())),
            (_, Some(digest)) if !is_digest(digest) => Err(NoImage::Digest(digest.clone())),
            (tag, digest) => Ok(Self { tag: tag.clone(), digest: digest.clone() }),
        }
    }

    /// The tag, if one was asked for.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was asked for.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The words of the events.
    pub fn image(&self) -> Image {
        Image { tag: self.tag.clone(), digest: self.digest.clone() }
    }

    /// Whether a manifest that names `reference` asks for this image. A digest decides where both name one.
    pub fn is_named_by(&self, reference: &Reference<'_>) -> bool {
        match (&self.digest, reference.digest) {
            (Some(wanted), Some(named)) => wanted == named,
            (Some(_) | None, _) => self.tag.is_some() && self.tag.as_deref() == reference.tag,
        }
    }

    /// Whether a container with this image in its spec, and this image ID in its status, runs this image.
    pub fn is_run_by(&self, reference: &Reference<'_>, image_id: &str) -> bool {
        match &self.digest {
            Some(wanted) => {
                reference.digest == Some(wanted)
                    || image_id.rsplit_once('@').is_some_and(|(_, id)| id == wanted)
            }
            None => self.is_named_by(reference),
        }
    }

    /// Whether a values file that names `image` asks for this image and no other.
    pub fn is_said_by(&self, image: &Image) -> bool {
        let tag_fits = self.tag.is_none() || self.tag == image.tag;
        tag_fits && self.digest == image.digest
    }
}

/// The parts of an image reference: `ghcr.io/acme/my-app:1.2@sha256:…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Registry and repository, as written.
    pub name: &'a str,
    /// The tag.
    pub tag: Option<&'a str>,
    /// The digest.
    pub digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Takes a reference apart. Any text has parts: the cluster has checked it long ago.
    pub fn parse(text: &'a str) -> Self {
        let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
        // A colon before the last slash belongs to the registry's port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            Some(_) | None => (rest, None),
        };
        Self { name, tag, digest }
    }

    /// Whether both name the same repository: `nginx` is `docker.io/library/nginx`.
    pub fn is_of(&self, name: &str) -> bool {
        full_name(self.name) == full_name(Reference::parse(name).name)
    }
}

/// The name with what Docker Hub lets people leave out.
fn full_name(name: &str) -> String {
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest.to_owned()),
        Some(_) => ("docker.io", name.to_owned()),
        None => ("docker.io", format!("library/{name}")),
    };
    match registry {
        "docker.io" | "index.docker.io" if !path.contains('/') => format!("docker.io/library/{path}"),
        "docker.io" | "index.docker.io" => format!("docker.io/{path}"),
        registry => format!("{registry}/{path}"),
    }
}

/// The grammar of distribution/reference: `[\w][\w.-]{0,127}`.
fn is_tag(text: &str) -> bool {
    text.len() <= LONGEST_TAG
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const D1: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    const D2: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

    fn wanted(tag: Option<&str>, digest: Option<&str>) -> Result<Wanted, NoImage> {
        Wanted::of(&Image { tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) })
    }

    #[test]
    fn what_no_registry_has_is_refused() {
        assert_eq!(wanted(None, None), Err(NoImage::Nothing));
        for tag in ["", "-a", ".a", "a b", "a:b", "a/b", "a\nb", "é", "a@b", &"a".repeat(129)] {
            assert_eq!(wanted(Some(tag), None), Err(NoImage::Tag(tag.to_owned())));
        }
        for digest in ["", "sha256:", "1111", &D1[..70], &D1.to_uppercase(), "md5:1111"] {
            assert_eq!(wanted(None, Some(digest)), Err(NoImage::Digest(digest.to_owned())));
        }
        for tag in ["1", "_a", "v1.2.3-rc.1_x", &"a".repeat(128)] {
            assert!(wanted(Some(tag), Some(D1)).is_ok(), "{tag}");
        }
    }

    #[test]
    fn references_come_apart() {
        for (text, name, tag, digest) in [
            ("nginx", "nginx", None, None),
            ("nginx:1.27", "nginx", Some("1.27"), None),
            ("localhost:5000/a/b", "localhost:5000/a/b", None, None),
            ("localhost:5000/a/b:c", "localhost:5000/a/b", Some("c"), None),
            ("ghcr.io/a/b:c@sha256:1", "ghcr.io/a/b", Some("c"), Some("sha256:1")),
            ("ghcr.io/a/b@sha256:1", "ghcr.io/a/b", None, Some("sha256:1")),
        ] {
            assert_eq!(Reference::parse(text), Reference { name, tag, digest }, "{text}");
        }
    }

    #[test]
    fn docker_hub_names_have_short_forms() {
        for (a, b, same) in [
            ("nginx", "docker.io/library/nginx", true),
            ("nginx", "index.docker.io/nginx", true),
            ("acme/app", "docker.io/acme/app", true),
            ("ghcr.io/acme/app", "ghcr.io/acme/app:1", true),
            ("ghcr.io/acme/app", "acme/app", false),
            ("localhost/app", "app", false),
            ("ghcr.io/acme/app", "ghcr.io/acme/app-worker", false),
        ] {
            assert_eq!(Reference::parse(a).is_of(b), same, "{a} {b}");
        }
    }

    #[test]
    fn a_digest_decides_where_one_is_wanted() {
        let (by_tag, by_digest) = (wanted(Some("1"), None).unwrap(), wanted(None, Some(D1)).unwrap());
        let both = wanted(Some("1"), Some(D1)).unwrap();
        let (tagged, pinned) = (Reference::parse("a:1"), format!("a:9@{D1}"));
        let pinned = Reference::parse(&pinned);
        for (wanted, reference, id, named, run) in [
            (&by_tag, &tagged, "", true, true),
            (&by_tag, &Reference::parse("a:2"), "", false, false),
            (&by_tag, &Reference::parse("a"), "", false, false),
            (&by_digest, &tagged, &format!("docker.io/library/a@{D1}"), false, true),
            (&by_digest, &pinned, "", true, true),
            (&both, &tagged, &format!("a@{D1}"), true, true),
            (&both, &tagged, &format!("a@{D2}"), true, false),
            (&both, &pinned, "", true, true),
        ] {
            assert_eq!(wanted.is_named_by(reference), named, "{wanted:?} named by {reference:?}");
            assert_eq!(wanted.is_run_by(reference, id), run, "{wanted:?} run by {reference:?} {id}");
        }
    }
}

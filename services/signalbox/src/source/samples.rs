//! Which sample of which Source is meant.

use std::path::Path;

use anyhow::anyhow;
use gateway::sample::{self, NoPost, Post, Wanted};
use resources::{Catalog, Secret, Source};

use crate::exit::{Exit, Stop};
use crate::output::harmless;

/// The Source of this name, or which one may be meant.
pub fn source<'c>(catalog: &'c Catalog, name: &str, dir: &Path) -> Result<&'c Source, Stop> {
    if let Some(source) = catalog.sources.get(name) {
        return Ok(source);
    }
    let known = || catalog.sources.keys().map(String::as_str);
    let hint = match resources::names::nearest(name, known()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if catalog.sources.is_empty() => "none is declared there".to_owned(),
        None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
    };
    let error = anyhow!("there is no Source `{}` in {}: {hint}", harmless(name), dir.display());
    Err(Stop::with(Exit::Usage, error))
}

/// The first secret of a Source that can be read; each of them proves a post.
pub fn secret(source: &Source) -> Result<Secret, Stop> {
    let mut why = anyhow!("it has none");
    for secret in sample::secrets(source) {
        match secret.read() {
            Ok(secret) => return Ok(secret),
            Err(error) => why = error.into(),
        }
    }
    let what = format!("no secret of the Source `{}` can be read here", source.name);
    Err(Stop::with(Exit::Usage, why.context(what)))
}

/// The post; or which samples there are.
pub fn post(source: &Source, wanted: Wanted<'_>, secret: &Secret) -> Result<Post, Stop> {
    sample::post(source, wanted, secret).map_err(|error| {
        let names = sample::names(source);
        let hint = match &error {
            NoPost::NoSample { sample, .. } => {
                let nearest = resources::names::nearest(sample, names.iter().copied());
                let meant = nearest.map(|meant| format!("did you mean `{meant}`? ")).unwrap_or_default();
                format!(": {meant}there are {}", names.join(", "))
            }
            NoPost::Unnamed => format!(" with --sample: there are {}", names.join(", ")),
            NoPost::Clock(_) => ": signalbox schedule next says when it ticks".to_owned(),
            NoPost::Unsignable(_) => String::new(),
        };
        Stop::with(Exit::Usage, anyhow!("{}{hint}", harmless(&error.to_string())))
    })
}

//! The image: `services/signalbox/Dockerfile`.

use anyhow::Context as _;
use tests::signalbox::program;

use super::file::{root, text};
use super::succeeds;

const DOCKERFILE: &str = "services/signalbox/Dockerfile";

/// The ports on which the program listens by default, as its help says: for webhooks, and the private one.
pub fn default_ports() -> anyhow::Result<(u16, u16)> {
    let help = succeeds(program()?, &["serve", "--help"])?;
    let port = |flag: &str| {
        let (_, rest) = help.split_once(flag).with_context(|| format!("there is a flag {flag}"))?;
        let (_, rest) = rest.split_once("[default: :").with_context(|| format!("{flag} has a default"))?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().with_context(|| format!("the default of {flag} is a port"))
    };
    Ok((port("--listen-public <")?, port("--listen-private <")?))
}

/// The instructions of the Dockerfile, each on one line, without comments.
fn instructions() -> anyhow::Result<Vec<String>> {
    let text = text(DOCKERFILE)?.replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect())
}

fn last(name: &str) -> anyhow::Result<String> {
    let found = instructions()?.into_iter().rev().find_map(|line| line.strip_prefix(name).map(str::to_owned));
    found.map(|line| line.trim().to_owned()).with_context(|| format!("{DOCKERFILE} has no {name}"))
}

#[test]
fn it_runs_the_program_as_nobody_in_particular() -> anyhow::Result<()> {
    let entrypoint: Vec<String> = serde_json::from_str(&last("ENTRYPOINT")?)?;
    let arguments: Vec<String> = serde_json::from_str(&last("CMD")?)?;
    assert_eq!(entrypoint, ["signalbox"]);
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.push("--help");
    succeeds(program()?, &arguments)?;
    let user = last("USER")?;
    let (uid, gid) = user.split_once(':').context("it names user and group")?;
    assert!(uid.parse::<u32>()? > 0 && gid.parse::<u32>()? > 0, "{user}");
    Ok(())
}

#[test]
fn it_listens_where_the_program_does_and_its_check_asks_there() -> anyhow::Result<()> {
    let (public, private) = default_ports()?;
    assert_eq!(last("EXPOSE")?, format!("{public} {private}"));
    let check = last("HEALTHCHECK")?;
    assert!(check.contains(&format!("\"http://127.0.0.1:{private}/readyz\"")), "{check}");
    let asked =
        check.split_once("CMD [\"").and_then(|(_, rest)| rest.split_once('"')).map(|(program, _)| program);
    let asked = asked.context("the check runs a program")?;
    let installed = instructions()?.into_iter().find(|line| line.contains("apt-get install"));
    let installed = installed.context("it installs packages")?;
    assert!(installed.split(' ').any(|package| package == asked), "{asked} is not installed: {installed}");
    assert!(installed.split(' ').any(|package| package == "git"), "the deployer needs git: {installed}");
    Ok(())
}

#[test]
fn it_is_built_with_a_profile_and_a_compiler_that_fit_the_workspace() -> anyhow::Result<()> {
    let manifest = text("Cargo.toml")?;
    let args = instructions()?;
    let profile =
        args.iter().find_map(|line| line.strip_prefix("ARG PROFILE=")).context("it has a profile")?;
    for profile in [profile, "release"] {
        assert!(manifest.contains(&format!("\n[profile.{profile}]\n")), "there is no profile {profile}");
    }
    let wanted = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \""));
    let wanted = wanted.context("the workspace names its Rust version")?.trim_end_matches('"');
    let image =
        args.iter().find_map(|line| line.strip_prefix("FROM rust:")).context("it is built with Rust")?;
    let version = image.split('-').next().unwrap_or_default();
    let number = |version: &str| version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    assert!(number(version) >= number(wanted), "Rust {version} is older than {wanted}");
    let package = args.iter().find(|line| line.contains("cargo build")).context("it builds")?;
    assert!(package.contains("--locked --package signalbox "), "{package}");
    assert!(root().join("Cargo.lock").is_file());
    Ok(())
}

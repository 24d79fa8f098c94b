use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use serde_json::json;

use super::{Cli, Command, DeadCommand, EventsCommand};

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("signalbox").chain(line.split_whitespace()))
}

#[test]
fn the_command_line_contradicts_itself_nowhere() {
    Cli::command().debug_assert();
}

#[test]
fn serve_overlays_only_what_was_given() {
    let cli = parse("serve").expect("no flag is needed");
    let Command::Serve(args) = cli.command else { panic!("not serve: {:?}", cli.command) };
    let expected = json!({
        "bus": null, "config": null, "only": null,
        "listen": {"public": null, "private": null},
        "log": {"format": null, "level": null},
    });
    assert_eq!(args.overlay(&cli.global), expected);
}

#[test]
fn serve_takes_every_flag() {
    let line = "serve --only gateway,console --config c --bus nats://u:p@h:4222 --listen-public :0 \
                --listen-private localhost:81 --log-format json --log-level debug --settings s.yaml";
    let cli = parse(line).expect("all flags are known");
    let Command::Serve(args) = cli.command else { panic!("not serve: {:?}", cli.command) };
    let expected = json!({
        "bus": "nats://u:p@h:4222", "config": "c", "only": ["gateway", "console"],
        "listen": {"public": "0.0.0.0:0", "private": "127.0.0.1:81"},
        "log": {"format": "json", "level": "debug"},
    });
    assert_eq!(args.overlay(&cli.global), expected);
}

#[test]
fn what_is_wrong_is_a_usage_error_that_says_what_would_be_right() {
    for (line, expected) in [
        ("serve --only gatewya", "'gateway'"),
        ("serve --bus kafka://x", "write embedded:DIR or nats://HOST:PORT"),
        ("serve --listen-public 8080", "write HOST:PORT"),
        ("serve --log-level loud", "use error, warn, info, debug, trace or off"),
        ("events tail --since yesterday", "nor a moment like 2026-01-31T12:00:00Z"),
        ("events tial", "'tail'"),
        ("dead redrive", "<ID>"),
        ("dead redrive --all 1", "cannot be used with"),
        ("dead redrive --all --handler notifier", "cannot be used with"),
        ("dead drop", "<ID>"),
        ("dead drop --yes", "<ID>"),
        ("dead drop 1 --since 1h", "cannot be used with"),
        ("dead list --since yesterday", "nor a moment like 2026-01-31T12:00:00Z"),
        ("replay start --run x --handler deployer", "--from"),
        ("replay start --run x --handler deployer --from 1 --since 1h", "cannot be used with"),
        ("replay start --run x --handler deployer --from 1 --effects maybe", "[possible values: on, off]"),
        ("events list --since all", "nor a moment like 2026-01-31T12:00:00Z"),
        ("events list --before x", "invalid digit"),
        ("completions tcsh", "bash"),
        ("check", "<DIR>"),
        ("sevre", "'serve'"),
    ] {
        let error = parse(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(expected), "{line}: {error}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for (line, kind) in [
        ("--help", ErrorKind::DisplayHelp),
        ("serve --help", ErrorKind::DisplayHelp),
        ("--version", ErrorKind::DisplayVersion),
    ] {
        let error = parse(line).expect_err(line);
        assert_eq!((error.kind(), error.exit_code()), (kind, 0), "{line}");
    }
}

#[test]
fn every_command_and_flag_is_explained() {
    fn explained(command: &clap::Command) {
        assert!(command.get_about().is_some(), "{} has no text", command.get_name());
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{} {} has no text",
                command.get_name(),
                argument.get_id()
            );
        }
        command.get_subcommands().for_each(explained);
    }
    explained(&Cli::command());
}

#[test]
fn flags_of_everywhere_may_stand_behind_the_command() {
    let cli = parse("events show 72d3 --bus embedded:d --json").expect("--bus is global");
    assert_eq!(cli.global.bus.as_deref(), Some("embedded:d"));
    let Command::Events(EventsCommand::Show { id, json }) = cli.command else { panic!("not show") };
    assert!(json && id == "72d3");
}

#[test]
fn several_dead_letters_are_driven_at_once() {
    let cli = parse("dead redrive a b").expect("ids are taken");
    let Command::Dead(DeadCommand::Redrive(args)) = cli.command else { panic!("not redrive") };
    assert!(!args.which.all && args.which.ids == ["a", "b"] && !args.force);
    let cli = parse("dead redrive a --force").expect("a switch");
    assert!(matches!(cli.command, Command::Dead(DeadCommand::Redrive(args)) if args.force));
    assert!(parse("dead drop a --force").is_err(), "to drop takes no force");
    let cli = parse("dead drop --handler notifier --type com.github.* --until 30d --yes").expect("a filter");
    let Command::Dead(DeadCommand::Drop(args)) = cli.command else { panic!("not drop") };
    assert!(args.yes && args.ids.is_empty() && args.filter.handler.as_deref() == Some("notifier"));
}

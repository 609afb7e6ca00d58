use super::*;
use clap::{CommandFactory as _, Parser as _};

/// Every command with the words that lead to it.
fn all(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
    for child in command.get_subcommands().filter(|child| child.get_name() != "help") {
        let path = format!("{path} {}", child.get_name());
        found.push((path.clone(), child.clone()));
        all(child, &path, found);
    }
}

fn commands() -> Vec<(String, clap::Command)> {
    let mut root = Cli::command();
    root.build();
    let mut found = Vec::new();
    all(&root, "witan", &mut found);
    found
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_of_the_interface_is_there() {
    let names: Vec<String> = commands().into_iter().map(|(path, _)| path).collect();
    let wanted = ["up", "down", "status", "logs", "env", "keys", "add", "start", "stop", "restart"];
    for name in wanted.map(|name| format!("witan testnet {name}")) {
        assert!(names.contains(&name), "{name} is missing");
    }
    let others = [
        "init",
        "start",
        "keys new",
        "keys list",
        "completions",
        "man",
        "explain",
        "verify",
        "import",
        "shard list",
    ];
    for name in others.map(|name| format!("witan {name}")) {
        assert!(names.contains(&name), "{name} is missing");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    clap_mangen::generate_to(Cli::command(), folder.path()).unwrap();
    let pages = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(pages > commands().len(), "{pages} pages");
    let page = std::fs::read_to_string(folder.path().join("witan-tx-put.1")).unwrap();
    assert!(page.contains("witan"), "{page}");
}

#[test]
fn lists_and_histories_are_there_and_limited_unless_told() {
    let names: Vec<String> = commands().into_iter().map(|(path, _)| path).collect();
    for name in ["witan tx list", "witan state history", "witan chain evidence"] {
        assert!(names.contains(&name.to_owned()), "{name} is missing");
    }
    for line in [
        &["witan", "tx", "list"][..],
        &["witan", "tx", "list", "--account", "1", "--group", "2", "--limit", "5"],
        &["witan", "tx", "list", "--from", "1"],
        &["witan", "tx", "transfer", "--to", "0", "--amount", "x"],
        &["witan", "state", "history", "k", "--limit", "5"],
        &["witan", "chain", "blocks", "--at", "5"],
    ] {
        let is_wrong = line.contains(&"x");
        assert_eq!(Cli::try_parse_from(line).is_err(), is_wrong, "{line:?}");
    }
}

#[test]
fn the_help_of_every_command_shows_an_example() {
    let lacks = |(path, mut command): (String, clap::Command)| {
        let help = command.render_long_help().to_string();
        let example = help.split_once("Example:").map(|(_, example)| example.to_owned()).unwrap_or_default();
        (!example.contains(&path)).then_some(path)
    };
    let lacking: Vec<String> = commands().into_iter().filter_map(lacks).collect();
    assert_eq!(lacking, Vec::<String>::new());
}

#[test]
fn the_help_of_up_lists_its_options_and_their_defaults() {
    let (_, mut up) = commands().into_iter().find(|(path, _)| path == "witan testnet up").unwrap();
    let help = up.render_help().to_string();
    for line in [
        "-n, --nodes <COUNT>",
        "-e, --engine <ENGINE>",
        "--permissioned",
        "--block-time <TIME>",
        "--accounts <COUNT>",
        "--seed <NUMBER>",
        "--port-base <PORT>",
        "-d, --detach",
        "--reset",
        "--dir <DIR>",
        "--name <NAME>",
        "--json",
        "[default: 4]",
        "[default: hotstuff]",
        "[default: 27000]",
    ] {
        assert!(help.contains(line), "{line} is missing in {help}");
    }
}

#[test]
fn wrong_usage_is_exit_code_2_and_an_unknown_command_suggests_the_right_one() {
    let error = Cli::try_parse_from(["witan", "testnet", "upp"]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("'up'"), "{error}");
    for line in
        [&["witan"][..], &["witan", "testnet", "up", "-e", "paxos"], &["witan", "start", "--set", "x"]]
    {
        assert_eq!(Cli::try_parse_from(line).unwrap_err().exit_code(), 2, "{line:?}");
    }
    assert_eq!((CliError::Usage("x".into()).exit_code(), CliError::failed("x").exit_code()), (2, 1));
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    let before = Cli::try_parse_from(["witan", "--json", "--name", "x", "testnet", "status"]).unwrap();
    let after = Cli::try_parse_from(["witan", "testnet", "status", "--json", "--name", "x"]).unwrap();
    for cli in [before, after] {
        assert!(cli.global.json);
        assert_eq!(cli.global.name, "x");
    }
}

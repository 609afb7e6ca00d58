//! docs/tutorial.md, done as it says: each command runs in one folder, one after another, and must print what the page shows.
//! `...` in the page stands for anything within a line, and alone on a line for any lines.

use crate::command::text;
use crate::network::WITAN;
use std::path::Path;
use std::process::{Command, Stdio};

const PAGE: &str = include_str!("../../../docs/tutorial.md");

/// A command of the page, and what it prints there.
struct Step {
    command: String,
    printed: Vec<String>,
}

/// The steps of all blocks that show a terminal.
fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut shows = false;
    for line in PAGE.lines() {
        if line.starts_with("```") {
            shows = line == "```console";
        } else if shows {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step { command: command.to_owned(), printed: Vec::new() }),
                (None, Some(step)) => step.printed.push(line.to_owned()),
                (None, None) => panic!("output without a command: {line}"),
            }
        }
    }
    steps
}

/// Whether a line reads as the page shows it.
fn matches_line(shown: &str, line: &str) -> bool {
    let Some((first, rest)) = shown.split_once("...") else { return shown.trim_end() == line.trim_end() };
    let Some(mut left) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split("...").collect();
    let last = parts.pop().unwrap();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.trim_end().ends_with(last.trim_end())
}

/// Whether lines read as the page shows them.
fn matches_all(shown: &[&str], lines: &[&str]) -> bool {
    match (shown.split_first(), lines.split_first()) {
        (None, None) => true,
        (Some((&"...", rest)), _) => (0..=lines.len()).any(|skipped| matches_all(rest, &lines[skipped..])),
        (Some((shown, rest)), Some((line, others))) => matches_line(shown, line) && matches_all(rest, others),
        _ => false,
    }
}

fn run(command: &str, folder: &Path) -> String {
    let binaries = Path::new(WITAN).parent().unwrap();
    let path = format!("{}:{}", text(binaries), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    for name in ["WITAN_RPC", "WITAN_DIR", "WITAN_NAME", "WITAN_HOME"] {
        shell.env_remove(name);
    }
    let ended = shell
        .args(["-c", &format!("{{ {command}; }} 2>&1")])
        .env("PATH", path)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(ended.stdout).unwrap()
}

/// Takes down whatever the page started, however the test ends.
struct Folder(tempfile::TempDir);

impl Drop for Folder {
    fn drop(&mut self) {
        for network in std::fs::read_dir(self.0.path().join(".witan")).into_iter().flatten().flatten() {
            let name = network.file_name().into_string().unwrap();
            run(&format!("witan testnet down --name {name}"), self.0.path());
        }
    }
}

#[test]
fn every_step_of_the_tutorial_prints_what_the_page_shows() {
    let _slot = crate::slots::Slot::take();
    let folder = Folder(tempfile::tempdir().unwrap());
    let steps = steps();
    assert!(steps.len() > 10, "the page has steps");
    for Step { command, printed } in &steps {
        let output = run(command, folder.0.path());
        let shown: Vec<&str> = printed.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
        let lines: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
        assert!(
            matches_all(&shown, &lines),
            "$ {command}\n{output}\n--- the page shows:\n{}",
            shown.join("\n")
        );
        println!("    $ {command}");
    }
}

#[test]
fn a_page_that_shows_something_else_is_noticed() {
    assert!(matches_all(&["a ... c", "...", "end"], &["a b c", "x", "y", "end"]));
    assert!(matches_all(&["block ... of group ..."], &["block 7 of group 1"]));
    assert!(!matches_all(&["a ... d"], &["a b c"]));
    assert!(!matches_all(&["a"], &["a", "b"]));
    assert!(!matches_all(&["a", "b"], &["a"]));
    assert!(matches_all(&["..."], &[]));
}

//! A rule we love is a test: who may depend on whom, what stays pure, how long a file may grow, what no file says.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop right there"
)]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each crate with the crates of this workspace that it may depend on, for its tests too.
const ARROWS: [(&str, &[&str]); 11] = [
    ("types", &[]),
    ("consensus", &["types"]),
    ("ledger", &["types"]),
    ("replica", &["types", "consensus", "ledger"]),
    ("light", &["types", "ledger"]),
    ("storage", &["types", "ledger"]),
    ("p2p", &["types"]),
    ("rpc", &["types"]),
    ("node", &["types", "consensus", "ledger", "replica", "light", "storage", "p2p", "rpc"]),
    ("testnet", &["types", "consensus", "ledger", "replica", "light", "rpc"]),
    ("cli", &["types", "ledger", "light", "rpc", "node", "testnet"]),
];

/// Crates whose outputs follow from their inputs alone.
const PURE: [&str; 5] = ["types", "consensus", "ledger", "replica", "light"];

/// What a pure crate may depend on neither itself nor through another crate.
const WORLDLY: [&str; 3] = ["tokio", "libp2p", "rocksdb"];

/// What the lints of a pure crate must forbid.
const FORBIDDEN_IN_PURE: [&str; 14] = [
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::thread::spawn",
    "std::thread::sleep",
    "std::fs::File::open",
    "std::fs::File::create",
    "std::fs::read",
    "std::fs::write",
    "std::net::TcpStream::connect",
    "std::net::TcpListener::bind",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// The most lines of a source file; tests stand in files of their own, which may be longer.
const MAX_FILE_LINES: usize = 500;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(arguments).current_dir(workspace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Each crate's folder with its package's name and what it depends on within the workspace.
fn crates() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let text = cargo(&["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&text).unwrap();
    let folder =
        |path: &Value| Path::new(path.as_str().unwrap()).file_name().unwrap().to_str().unwrap().to_owned();
    let mut crates = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap());
        let name = manifest.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let dependencies = package["dependencies"].as_array().unwrap();
        let inner = dependencies.iter().map(|dependency| &dependency["path"]).filter(|path| !path.is_null());
        crates.insert(name, (package["name"].as_str().unwrap().to_owned(), inner.map(folder).collect()));
    }
    crates
}

/// Every text file of the project: its path from the root, with `/`, and what it says.
fn files() -> Vec<(String, String)> {
    let (root, mut files, mut folders) = (workspace(), Vec::new(), vec![workspace()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
            let name = name.to_string_lossy().into_owned();
            let made_by_tools = name.starts_with('.') || name == "target" || name == "node_modules";
            if path.is_dir() && !made_by_tools {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let steps = path.strip_prefix(&root).unwrap().iter().map(|step| step.to_string_lossy());
                files.push((steps.collect::<Vec<_>>().join("/"), text));
            }
        }
    }
    assert!(files.iter().any(|(path, _)| path == "testnet/tests/tidy.rs"), "the search finds this file");
    files
}

fn sources() -> Vec<(String, String)> {
    files().into_iter().filter(|(path, _)| path.ends_with(".rs")).collect()
}

/// Fails with the whole list, so that one run names everything that is to be mended.
fn none(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn crates_depend_only_along_the_arrows() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut found = Vec::new();
    for (from, (_, dependencies)) in crates() {
        let Some(allowed) = allowed.get(from.as_str()) else {
            found.push(format!("{from}/ is a crate that no arrow speaks of"));
            continue;
        };
        // A crate may name itself, to switch on a feature of its own for its tests.
        let wrong = dependencies.iter().filter(|to| **to != from && !allowed.contains(&to.as_str()));
        found.extend(wrong.map(|to| format!("{from} may not depend on {to}")));
    }
    none(&found);
}

#[test]
fn nothing_worldly_is_below_a_pure_crate() {
    let crates = crates();
    let mut found = Vec::new();
    for pure in PURE {
        let (package, _) = &crates[pure];
        let tree =
            cargo(&["tree", "--offline", "-p", package, "--edges", "normal,build,dev", "--prefix", "none"]);
        let below: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(below.contains(package.as_str()), "the tree of {package} has its root");
        let worldly = below.iter().filter(|name| WORLDLY.iter().any(|word| is_of_family(name, word)));
        found.extend(worldly.map(|name| format!("{pure} must stay pure, but depends on {name}")));
    }
    none(&found);
}

/// Whether a package is the named one or a part of it, such as `libp2p-core`.
fn is_of_family(package: &str, family: &str) -> bool {
    package.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

#[test]
fn the_lints_of_pure_crates_forbid_the_world() {
    let mut found = Vec::new();
    for pure in PURE {
        let lints = fs::read_to_string(workspace().join(pure).join("clippy.toml")).unwrap_or_default();
        let missing = FORBIDDEN_IN_PURE.iter().filter(|path| !lints.contains(&format!("path = \"{path}\"")));
        found.extend(missing.map(|path| format!("{pure}/clippy.toml does not forbid {path}")));
    }
    none(&found);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let takes_them = |folder: &String| {
        let manifest = fs::read_to_string(workspace().join(folder).join("Cargo.toml")).unwrap();
        manifest.contains("[lints]\nworkspace = true\n") || manifest.contains("\nlints.workspace = true\n")
    };
    let missing = crates().into_keys().filter(|folder| !takes_them(folder));
    none(
        &missing
            .map(|folder| format!("{folder}/Cargo.toml lacks lints.workspace = true"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn source_files_stay_short() {
    let is_test = |path: &str| path.ends_with("/tests.rs") || path.split('/').any(|step| step == "tests");
    let mut found = Vec::new();
    for (path, text) in sources() {
        let lines = text.lines().count();
        if lines > MAX_FILE_LINES && !is_test(&path) {
            found.push(format!("{path} has {lines} lines, above {MAX_FILE_LINES}"));
        }
    }
    none(&found);
}

#[test]
fn the_map_names_only_places_that_exist() {
    let map = fs::read_to_string(workspace().join("docs/ARCHITECTURE.md")).unwrap();
    let is_path = |token: &&str| {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
        token.contains('/') && !token.starts_with('/') && token.chars().all(plain)
    };
    let mut found = Vec::new();
    for (number, line) in map.lines().enumerate() {
        let quoted = line.split('`').skip(1).step_by(2).filter(is_path);
        let missing = quoted.filter(|path| !workspace().join(path).exists());
        found.extend(missing.map(|path| format!("docs/ARCHITECTURE.md:{}: there is no {path}", number + 1)));
    }
    none(&found);
}

/// Each line of `files` in which `is_wrong`, as `path:line: text`.
fn lines_that(files: Vec<(String, String)>, is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        let wrong = text.lines().enumerate().filter(|(_, line)| is_wrong(line));
        found.extend(wrong.map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim())));
    }
    found
}

#[test]
fn no_test_is_skipped() {
    let skipped = concat!("#[", "ignore");
    none(&lines_that(sources(), |line| line.contains(skipped)));
}

#[test]
fn nothing_is_left_for_later() {
    let unfinished =
        [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("TO", "DO"), concat!("FIX", "ME")];
    none(&lines_that(sources(), |line| unfinished.iter().any(|word| line.contains(word))));
}

/// Whether `line` names a path that starts at `folder`, which stands at the root of some machine.
fn names_path_below(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(place, _)| {
        let (before, after) =
            (line[..place].chars().next_back(), line[place + folder.len()..].chars().next());
        let continues = |letter: char| letter.is_alphanumeric() || "_-.~$>})]{*/".contains(letter);
        !before.is_some_and(continues)
            && !after.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
    })
}

#[test]
fn no_file_speaks_of_one_machine() {
    let machine = [concat!("/wo", "rk"), concat!("/ro", "ot")];
    let outside = concat!("../sh", "ared");
    none(&lines_that(files(), |line| {
        line.contains(outside) || machine.iter().any(|folder| names_path_below(line, folder))
    }));
}

#[test]
fn a_path_of_a_machine_is_told_from_other_slashes() {
    let named = |line| names_path_below(line, "/srv");
    assert!(named("/srv") && named("see /srv/x") && named("\"/srv\"") && named("(/srv)") && named("=/srv/a"));
    assert!(
        !named("net/srv") && !named("/srvice") && !named("~/srv") && !named("<x>/srv") && !named("a./srv")
    );
}

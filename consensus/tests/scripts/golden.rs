//! Stories in files: blocks of commands, each followed by `---` and the outputs that they must have.

use super::command::Command;
use std::fs;
use std::path::{Path, PathBuf};

/// Set to write the outputs of all scripts anew instead of comparing them.
const WRITE: &str = "WITAN_WRITE_SCRIPTS";

/// Stands between commands and outputs.
const SEPARATOR: &str = "---";

/// What runs commands.
pub trait Player {
    /// Runs one, and returns the lines to show for it.
    fn run(&mut self, command: Command) -> Result<Vec<String>, String>;
}

fn folder_of(engine: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(engine)
}

/// Whether a script still comes out as written: whoever asks has planted a mistake in the player.
pub fn holds(engine: &str, script: &str, player: &mut impl Player) -> bool {
    let text = fs::read_to_string(folder_of(engine).join(script).with_extension("txt")).unwrap();
    play(&text, player).is_ok_and(|played| played == text)
}

/// Replays every script of an engine, each with a new player, and fails with all that went wrong.
pub fn replay_all<P: Player>(engine: &str, player: impl Fn() -> P) {
    let folder = folder_of(engine);
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut scripts: Vec<PathBuf> = entries.filter(|path| path.extension().is_some()).collect();
    scripts.sort();
    assert!(!scripts.is_empty(), "{} has scripts", folder.display());
    let failures: Vec<String> = scripts
        .iter()
        .filter_map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            replay(path, &mut player()).err().map(|why| format!("{name}: {why}"))
        })
        .collect();
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n\n"));
}

fn replay(path: &Path, player: &mut impl Player) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|why| why.to_string())?;
    if !text.starts_with('#') {
        return Err("begins with a comment: what happens, and what must come of it".to_owned());
    }
    let played = play(&text, player)?;
    if played == text {
        return Ok(());
    }
    if std::env::var_os(WRITE).is_some() {
        return fs::write(path, played).map_err(|why| why.to_string());
    }
    Err(format!("{}\n(wanted? {WRITE}=1 writes it anew)", difference(&text, &played)))
}

/// The script with the outputs that its commands have now.
fn play(text: &str, player: &mut impl Player) -> Result<String, String> {
    let mut played = String::new();
    let mut output: Vec<String> = Vec::new();
    let mut is_old_output = false;
    for (at, line) in text.lines().enumerate() {
        if is_old_output {
            is_old_output = !line.is_empty();
            if is_old_output {
                continue;
            }
        }
        played.push_str(line);
        played.push('\n');
        if line == SEPARATOR {
            let lines = if output.is_empty() { vec!["ok".to_owned()] } else { std::mem::take(&mut output) };
            lines.iter().for_each(|line| played.extend([line.as_str(), "\n"]));
            is_old_output = true;
        } else if let Some(command) = Command::read(line)? {
            let outcome = player.run(command);
            output.extend(outcome.map_err(|why| format!("line {}: {line}: {why}", at + 1))?);
        }
    }
    if output.is_empty() { Ok(played) } else { Err(format!("ends without {SEPARATOR}")) }
}

/// Where the two part, with a few lines before.
fn difference(expected: &str, actual: &str) -> String {
    let (expected, actual): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let same = expected.iter().zip(&actual).take_while(|(one, other)| one == other).count();
    let before = same.saturating_sub(6);
    let shown = |lines: &[&str], from: usize, mark: &str| -> String {
        lines.iter().skip(from).take(12).map(|line| format!("{mark} {line}\n")).collect()
    };
    let context: String = expected[before..same].iter().map(|line| format!("  {line}\n")).collect();
    let (old, new) = (shown(&expected, same, "-"), shown(&actual, same, "+"));
    format!("differs from line {}\n{context}{old}{new}", same + 1)
}

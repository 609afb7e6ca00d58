//! Where the password of an encrypted key comes from.

use crate::error::NodeError;
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The environment variable that names the file with the password.
const PASSWORD_FILE_VARIABLE: &str = "WITAN_KEY_PASSWORD_FILE";
/// The fewest bytes of a new password.
const MIN_PASSWORD_BYTES: usize = 8;
/// The most bytes of a password.
const MAX_PASSWORD_BYTES: usize = 1024;

/// A password. Wiped when dropped, never shown.
pub struct Password(Zeroizing<String>);

impl Password {
    /// A password from text.
    pub fn new(text: impl Into<String>) -> Password {
        Password(Zeroizing::new(text.into()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Where to get a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordSource {
    /// Ask on the terminal.
    Prompt,
    /// The first line of a file.
    File(PathBuf),
}

impl PasswordSource {
    /// The file given on the command line, else the one the environment names, else the terminal.
    pub fn choose(flag: Option<&Path>) -> PasswordSource {
        let file =
            flag.map(Path::to_owned).or_else(|| std::env::var_os(PASSWORD_FILE_VARIABLE).map(PathBuf::from));
        file.map_or(PasswordSource::Prompt, PasswordSource::File)
    }

    /// The password of an existing key.
    ///
    /// # Errors
    /// If the file can't be read, or there is no terminal to ask on.
    pub fn ask(&self, key: &Path) -> Result<Password, NodeError> {
        match self {
            PasswordSource::File(path) => read_file(path),
            PasswordSource::Prompt => prompt(&format!("Password of {}: ", key.display())),
        }
    }

    /// A password for a new key, asked twice on a terminal.
    ///
    /// # Errors
    /// If it is too short, the two differ, or there is none to be had.
    pub fn ask_new(&self) -> Result<Password, NodeError> {
        let password = match self {
            PasswordSource::File(path) => read_file(path)?,
            PasswordSource::Prompt => {
                let first = prompt("New password: ")?;
                let second = prompt("The same again: ")?;
                if first.0 != second.0 {
                    return Err(NodeError::Password("the two differ".into()));
                }
                first
            }
        };
        if password.0.len() < MIN_PASSWORD_BYTES {
            return Err(NodeError::Password(format!(
                "a new one must have at least {MIN_PASSWORD_BYTES} bytes"
            )));
        }
        Ok(password)
    }
}

fn read_file(path: &Path) -> Result<Password, NodeError> {
    let file = File::open(path).map_err(NodeError::file("read", path))?;
    first_line(file).map_err(NodeError::file("read", path))
}

/// Up to the first line end. Read into one buffer that is wiped, so no copy stays behind.
fn first_line(mut source: impl Read) -> std::io::Result<Password> {
    let mut buffer = Zeroizing::new(vec![0; MAX_PASSWORD_BYTES]);
    let mut filled = 0;
    loop {
        let free = buffer.get_mut(filled..).unwrap_or_default();
        if free.is_empty() {
            return Err(std::io::Error::other(format!("a password has at most {MAX_PASSWORD_BYTES} bytes")));
        }
        let count = source.read(free)?;
        let line = buffer.get(..filled + count).unwrap_or_default();
        let end = line.iter().position(|byte| *byte == b'\n' || *byte == b'\r');
        if count == 0 || end.is_some() {
            let line = line.get(..end.unwrap_or(line.len())).unwrap_or_default();
            let text = std::str::from_utf8(line).map_err(std::io::Error::other)?;
            return Ok(Password::new(text));
        }
        filled += count;
    }
}

/// Asks on the terminal, which shows nothing of what is typed.
fn prompt(question: &str) -> Result<Password, NodeError> {
    let no_terminal = |_| {
        NodeError::Password(format!(
            "there is no terminal to ask on: name a file with --password-file or {PASSWORD_FILE_VARIABLE}"
        ))
    };
    let mut terminal = File::options().read(true).write(true).open("/dev/tty").map_err(no_terminal)?;
    let failed = |error: std::io::Error| NodeError::Password(error.to_string());
    let before = tcgetattr(&terminal).map_err(|error| failed(error.into()))?;
    let mut silent = before.clone();
    silent.local_flags.remove(LocalFlags::ECHO);
    terminal.write_all(question.as_bytes()).map_err(failed)?;
    tcsetattr(&terminal, SetArg::TCSAFLUSH, &silent).map_err(|error| failed(error.into()))?;
    let answer = first_line(&terminal);
    tcsetattr(&terminal, SetArg::TCSAFLUSH, &before).map_err(|error| failed(error.into()))?;
    terminal.write_all(b"\n").map_err(failed)?;
    answer.map_err(failed)
}

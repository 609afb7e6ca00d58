//! Speaking to the user: text for people, or one JSON document; results on stdout, everything else on stderr.

use crate::error::CliError;
use serde::Serialize;
use std::fmt;
use std::io::{IsTerminal as _, Write as _};

/// How a command speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    stdout_terminal: bool,
    stderr_terminal: bool,
}

/// A shade that makes text easier to scan on a terminal. Never the only carrier of a meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shade {
    /// A heading.
    Bold,
    /// A success.
    Green,
    /// A failure.
    Red,
    /// An aside.
    Dim,
}

impl Output {
    pub(crate) fn new(json: bool) -> Output {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Output {
            json,
            stdout_terminal: !plain && std::io::stdout().is_terminal(),
            stderr_terminal: !plain && std::io::stderr().is_terminal(),
        }
    }

    /// Whether stdout carries one JSON document.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether stdout is a terminal that shows text for people: where a live line or a progress bar makes sense.
    pub(crate) fn is_live(&self) -> bool {
        !self.json && self.stdout_terminal
    }

    /// Whether stderr is a terminal.
    pub(crate) fn stderr_is_terminal(&self) -> bool {
        self.stderr_terminal
    }

    /// The command's result: `value` as JSON, or `text` for people.
    pub(crate) fn result<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) {
        if self.json {
            match serde_json::to_string_pretty(value) {
                Ok(document) => self.text(&document),
                Err(error) => self.note(&format!("the result has no JSON form: {error}")),
            }
        } else {
            self.text(&text());
        }
    }

    /// Raw text on stdout, with a line end if it lacks one. A reader who went away is no error.
    pub(crate) fn text(&self, text: &str) {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        write!(std::io::stdout().lock(), "{text}{end}").ok();
    }

    /// Raw text on stdout as it is: for a line that will be written over.
    pub(crate) fn text_without_end(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        write!(stdout, "{text}").and_then(|()| stdout.flush()).ok();
    }

    /// One of many results: a line of JSON, or of text for people.
    pub(crate) fn line(&self, value: &serde_json::Value, text: impl FnOnce() -> String) {
        self.text(&if self.json { value.to_string() } else { text() });
    }

    /// The same as [`Output::line`]; false if nobody reads any more.
    pub(crate) fn has_reader(&self, value: &serde_json::Value, text: impl FnOnce() -> String) -> bool {
        let line = if self.json { value.to_string() } else { text() };
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_ok()
    }

    /// A remark on stderr.
    pub(crate) fn note(&self, text: &str) {
        writeln!(std::io::stderr().lock(), "{text}").ok();
    }

    /// A failure: on stderr, and with `--json` as the one document on stdout.
    pub(crate) fn error(&self, error: &CliError) {
        if matches!(error, CliError::Exit(_)) {
            return;
        }
        if self.json {
            self.text(&serde_json::json!({ "error": error.to_string() }).to_string());
        } else if self.stderr_terminal {
            self.note(&format!("\x1b[31merror:\x1b[0m {error}"));
        } else {
            self.note(&format!("error: {error}"));
        }
    }

    /// `text` in a shade if stdout is a terminal, else as it is.
    pub(crate) fn shade(&self, shade: Shade, text: impl fmt::Display) -> String {
        if !self.is_live() {
            return text.to_string();
        }
        let code = match shade {
            Shade::Bold => 1,
            Shade::Green => 32,
            Shade::Red => 31,
            Shade::Dim => 2,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Rows under aligned headings.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new<T: Into<String>>(headings: impl IntoIterator<Item = T>) -> Table {
        Table { rows: vec![headings.into_iter().map(Into::into).collect()] }
    }

    /// Adds a row.
    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                let length = cell.chars().count();
                match widths.get_mut(column) {
                    Some(width) => *width = (*width).max(length),
                    None => widths.push(length),
                }
            }
        }
        widths
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            writeln!(f, "  {}", cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}

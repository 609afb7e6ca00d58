//! The journal beside an import file: which records were sent in which transaction, and what became of them. It is
//! written ahead of each submission, so that an interrupted import goes on with the same transactions: what had
//! been committed is not written twice, and what is still under way is not overtaken by a copy of itself.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// What a journal is bound to. With any other chain, file or signer it says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Binding {
    /// The chain's id.
    pub(crate) chain: String,
    /// SHA-256 of the file, and how it was read.
    pub(crate) file: String,
    /// Who signs.
    pub(crate) signer: String,
}

/// Consecutive records, by the lines of the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// What makes a group's transaction the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sent {
    #[serde(flatten)]
    pub(crate) span: Span,
    pub(crate) salt: u64,
    pub(crate) expires_at_ms: u64,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Note {
    /// The first line.
    Import(Binding),
    /// About to be submitted.
    Sent(Sent),
    /// Committed.
    Done(Span),
    /// A record whose own transaction failed or was rejected.
    Refused { line: u64, reason: String },
}

/// What a journal says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    done: BTreeMap<u64, u64>,
    sent: BTreeMap<u64, Sent>,
    refused: BTreeMap<u64, String>,
}

impl Progress {
    /// Whether the record at `line` is committed.
    pub(crate) fn is_done(&self, line: u64) -> bool {
        self.done.range(..=line).next_back().is_some_and(|(_, last)| line <= *last)
    }

    /// Why the record at `line` was refused when it was executed, if it was.
    pub(crate) fn refusal(&self, line: u64) -> Option<&str> {
        self.refused.get(&line).map(String::as_str)
    }

    /// The transaction that was sent last for exactly this span, the first time it is asked for: once that has
    /// expired, another one takes its place.
    pub(crate) fn take_sent(&mut self, span: Span) -> Option<Sent> {
        self.sent.remove(&span.first).filter(|sent| sent.span == span)
    }

    fn learn(&mut self, note: Note) {
        match note {
            Note::Import(_) => {}
            Note::Sent(sent) => {
                self.sent.insert(sent.span.first, sent);
            }
            Note::Done(span) => {
                self.done.insert(span.first, span.last);
            }
            Note::Refused { line, reason } => {
                self.refused.insert(line, reason);
            }
        }
    }
}

/// An open journal: this process alone writes it.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

/// What came of opening a journal.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) journal: Journal,
    /// What earlier runs did.
    pub(crate) progress: Progress,
    /// Whether there was a journal of another chain, file or signer, now overwritten.
    pub(crate) replaced: bool,
}

impl Journal {
    /// Where the journal of a file is.
    pub(crate) fn path_for(file: &Path) -> PathBuf {
        let mut path = file.as_os_str().to_owned();
        path.push(".witan-import");
        PathBuf::from(path)
    }

    /// Opens or makes the journal at `path`. One with another binding is started anew, and so is any if `afresh`.
    ///
    /// # Errors
    /// If it can't be read or written, or another process has it open.
    pub(crate) fn open(path: PathBuf, binding: &Binding, afresh: bool) -> io::Result<Opened> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        file.try_lock().map_err(|error| io::Error::other(format!("another import has it open: {error}")))?;
        let (found, progress, length) = read(&mut file)?;
        if found.as_ref() == Some(binding) && !afresh {
            // A line that a crash cut short is dropped.
            file.set_len(length)?;
            file.seek(SeekFrom::End(0))?;
            return Ok(Opened { journal: Journal { file, path }, progress, replaced: false });
        }
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        let mut journal = Journal { file, path };
        journal.write(&[Note::Import(binding.clone())])?;
        let replaced = found.is_some_and(|found| found != *binding);
        Ok(Opened { journal, progress: Progress::default(), replaced })
    }

    /// Appends notes in one write. They outlive this process; a crash of the machine may lose the newest, which costs
    /// no more than writing the same values again.
    ///
    /// # Errors
    /// If the file can't be written.
    pub(crate) fn write(&mut self, notes: &[Note]) -> io::Result<()> {
        let mut lines = Vec::new();
        for note in notes {
            serde_json::to_writer(&mut lines, note)?;
            lines.push(b'\n');
        }
        self.file
            .write_all(&lines)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display())))
    }
}

/// Reads as far as the lines are whole: the binding, the progress and the length in bytes.
fn read(file: &mut File) -> io::Result<(Option<Binding>, Progress, u64)> {
    let mut reader = BufReader::new(file);
    let (mut binding, mut progress, mut length) = (None, Progress::default(), 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let taken = reader.read_until(b'\n', &mut line)?;
        let whole = line.last() == Some(&b'\n');
        let Some(note) = serde_json::from_slice::<Note>(&line).ok().filter(|_| whole) else {
            return Ok((binding, progress, length));
        };
        length += taken as u64;
        match note {
            Note::Import(found) => binding = Some(found),
            other => progress.learn(other),
        }
    }
}

#[cfg(test)]
mod tests;

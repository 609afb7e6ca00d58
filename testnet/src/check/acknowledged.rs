//! What a network acknowledged, written down by whoever was told: one line of JSON a transaction, so that it can be asked for
//! later.

use super::CheckError;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use witan_types::{ChainId, GroupId, Height, TxId};

/// The name of the file in a network's folder.
pub const FILE_NAME: &str = "acknowledged.jsonl";
/// A file that has grown past this many bytes is put aside, as `acknowledged.jsonl.old`, before anything is added.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// The most entries that are asked for: the newest.
pub const MAX_ENTRIES: usize = 20_000;

/// A transaction that a node said is committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Acknowledged {
    /// Its id.
    pub id: TxId,
    /// The group whose block decided it.
    pub group: GroupId,
    /// That block's height.
    pub height: Height,
}

/// The same as a line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    chain: String,
    tx_id: String,
    status: String,
    group: GroupId,
    height: Height,
}

/// The only status that is written down.
const COMMITTED: &str = "committed";

/// Adds to the file, which is made if it is not there.
///
/// # Errors
/// If it can't be written.
pub fn append(path: &Path, chain: ChainId, entries: &[Acknowledged]) -> Result<(), CheckError> {
    let refuse = |source| CheckError::File { path: path.to_owned(), why: error_text(&source) };
    if std::fs::metadata(path).is_ok_and(|data| data.len() > MAX_FILE_BYTES) {
        std::fs::rename(path, old(path)).map_err(refuse)?;
    }
    let file = File::options().create(true).append(true).open(path).map_err(refuse)?;
    let mut file = BufWriter::new(file);
    for Acknowledged { id, group, height } in entries {
        let (chain, tx_id, status) = (chain.to_string(), id.to_string(), COMMITTED.to_owned());
        let line = Line { chain, tx_id, status, group: *group, height: *height };
        let mut text = serde_json::to_vec(&line)
            .map_err(|error| CheckError::File { path: path.to_owned(), why: error.to_string() })?;
        text.push(b'\n');
        file.write_all(&text).map_err(refuse)?;
    }
    file.flush().map_err(refuse)
}

fn old(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".old");
    PathBuf::from(name)
}

fn error_text(error: &std::io::Error) -> String {
    error.to_string()
}

/// What stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// The newest entries of this chain, at most [`MAX_ENTRIES`].
    pub entries: Vec<Acknowledged>,
    /// Entries of this chain before those.
    pub older: usize,
    /// Entries of other chains: of a network that was made anew.
    pub foreign: usize,
}

/// Reads a file; one that is not there holds nothing.
///
/// # Errors
/// If it can't be read, or a line is none of [`append`]'s. A last line that was cut off is passed over.
pub fn read(path: &Path, chain: ChainId) -> Result<Journal, CheckError> {
    let refuse = |why: String| CheckError::File { path: path.to_owned(), why };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Journal::default()),
        Err(error) => return Err(refuse(error_text(&error))),
    };
    let (mut journal, mut newest) = (Journal::default(), VecDeque::new());
    let mut lines = BufReader::new(file).lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let line = line.map_err(|error| refuse(error_text(&error)))?;
        let entry = match parse(&line) {
            Ok(entry) => entry,
            Err(_) if lines.peek().is_none() => break,
            Err(why) => return Err(refuse(format!("line {}: {why}", number + 1))),
        };
        if entry.0 != chain {
            journal.foreign += 1;
            continue;
        }
        newest.push_back(entry.1);
        if newest.len() > MAX_ENTRIES {
            newest.pop_front();
            journal.older += 1;
        }
    }
    journal.entries = newest.into();
    Ok(journal)
}

fn parse(line: &str) -> Result<(ChainId, Acknowledged), String> {
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if line.status != COMMITTED {
        return Err(format!("status {:?}: expected {COMMITTED:?}", line.status));
    }
    let chain = line.chain.parse().map_err(|_| format!("chain {:?} is none", line.chain))?;
    let id = line.tx_id.parse().map_err(|_| format!("txId {:?} is none", line.tx_id))?;
    Ok((chain, Acknowledged { id, group: line.group, height: line.height }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use witan_types::Hash;

    fn entry(number: u8) -> Acknowledged {
        Acknowledged { id: TxId(Hash([number; 32])), group: GroupId(1), height: u64::from(number) }
    }

    #[test]
    fn what_was_written_is_read_and_other_chains_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let (ours, theirs) = (ChainId::default(), ChainId(Hash([7; 32])));
        assert_eq!(read(&path, ours), Ok(Journal::default()), "no file, nothing acknowledged");
        append(&path, theirs, &[entry(1)]).unwrap();
        append(&path, ours, &[entry(2), entry(3)]).unwrap();
        append(&path, ours, &[entry(4)]).unwrap();
        let journal = read(&path, ours).unwrap();
        assert_eq!(journal.entries, [entry(2), entry(3), entry(4)]);
        assert_eq!((journal.older, journal.foreign), (0, 1));
    }

    #[test]
    fn a_line_cut_off_at_the_end_is_passed_over_and_one_before_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        append(&path, ChainId::default(), &[entry(1)]).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{}", &whole[..20])).unwrap();
        assert_eq!(read(&path, ChainId::default()).unwrap().entries, [entry(1)]);
        std::fs::write(&path, format!("{}\n{whole}", &whole[..20])).unwrap();
        assert!(read(&path, ChainId::default()).unwrap_err().to_string().contains("line 1"));
    }
}

//! What can go wrong with the disk: each error names the path, what happened and the next step.

use rocksdb::ErrorKind;
use std::path::{Path, PathBuf};
use witan_types::{ChainId, GroupId, Height};

/// Why the storage can't do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// The disk (or its quota) is full. What was written before stays; a validator stops voting.
    #[error("the disk of {} is full ({reason}); free some space and start the node again", path.display())]
    Full {
        /// What was being written.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Another process (or another part of this one) has the data directory open.
    #[error("{} is in use by another process; stop that one first, or give this node a directory of its own",
        dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// What is on disk is not what was written.
    #[error("{} is corrupt: {reason}; {next_step}", path.display())]
    Corrupt {
        /// The file, or the directory if RocksDB does not name the file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// What the operator can do.
        next_step: &'static str,
    },
    /// The directory holds the data of another network.
    #[error("{} belongs to chain {found}, not to {expected}; give this node a directory of its own, or the genesis \
        file of that chain", dir.display())]
    OtherChain {
        /// The directory.
        dir: PathBuf,
        /// Whose data it holds.
        found: ChainId,
        /// The chain that the node was started for.
        expected: ChainId,
    },
    /// The directory was written by a newer version.
    #[error("{} was written by a newer version of the node ({found}, this one reads format {known}); start that \
        version", dir.display())]
    NewerFormat {
        /// The directory.
        dir: PathBuf,
        /// What this version does not know.
        found: String,
        /// The newest format this version reads.
        known: u32,
    },
    /// The directory was written by a version whose layout this one does not read.
    #[error("{} was written by an older version of the node (this one reads format {known} alone); move this folder \
        away and start again: the node fetches the blocks from its peers", dir.display())]
    OlderFormat {
        /// The directory.
        dir: PathBuf,
        /// The only format this version reads.
        known: u32,
    },
    /// A commit that does not follow the newest block: a mistake of the caller. Nothing of that block was written.
    #[error("group {group} expects height {expected} next, got {got}; this is a bug, please report it")]
    OutOfOrder {
        /// The group.
        group: GroupId,
        /// The only height that may come now (for a seal: the highest).
        expected: Height,
        /// The height given.
        got: Height,
    },
    /// The system refused: a permission, a broken disk.
    #[error("{}: {reason}; check the disk and the permissions of the data directory, then start the node again",
        path.display())]
    Io {
        /// What was being read or written.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

/// What the two systems below say when there is no room left.
const FULL: [&str; 4] = ["No space left on device", "Disk quota exceeded", "NoSpace", "Space limit reached"];

impl StorageError {
    /// Reads an error of the instance in `dir`. RocksDB gives text alone, so the text is what there is to go by.
    pub(crate) fn from_rocksdb(error: &rocksdb::Error, dir: &Path, next_step: &'static str) -> StorageError {
        let (kind, reason) = (error.kind(), error.as_ref().to_owned());
        if FULL.iter().any(|sign| reason.contains(sign)) {
            return StorageError::Full { path: dir.to_path_buf(), reason };
        }
        if kind == ErrorKind::IOError
            && reason.to_ascii_lowercase().contains("lock")
            && reason.contains("/LOCK")
        {
            return StorageError::Locked { dir: dir.to_path_buf() };
        }
        let path = named_file(&reason, dir).unwrap_or_else(|| dir.to_path_buf());
        match kind {
            ErrorKind::Corruption => StorageError::Corrupt { path, reason, next_step },
            _ => StorageError::Io { path, reason },
        }
    }

    /// Reads an error of the standard library about `path`.
    pub(crate) fn from_io(error: &std::io::Error, path: &Path) -> StorageError {
        let (path, reason) = (path.to_path_buf(), error.to_string());
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                StorageError::Full { path, reason }
            }
            _ => StorageError::Io { path, reason },
        }
    }
}

/// The file inside `dir` that RocksDB's message names, if it names one.
fn named_file(reason: &str, dir: &Path) -> Option<PathBuf> {
    let dir = dir.to_str()?;
    let start = reason.find(dir)?;
    let rest = reason.get(start..)?;
    let end = rest.get(dir.len()..)?.find([' ', ':', ',']).map_or(rest.len(), |end| dir.len() + end);
    rest.get(..end).map(PathBuf::from)
}

//! Storage: two RocksDB instances in a node's data directory.
//!
//! `consensus/` is small and synced on every write: what an engine must not forget. `ledger/` holds blocks, state
//! with its history, receipts and indexes: one atomic write a block, synced a few times a second.
//! Losing the tail of the ledger costs a replay: the consensus log keeps what a replay needs until the ledger is synced. Losing the
//! tail of the consensus log could cost safety, so there nothing is said before it is durable. Beside the validator's key, [`marker`] remembers that it has signed.
//!
//! Our disk earns a clean exit: every [`StorageError`] names the path, what happened and the next step.

mod error;
mod evidence;
mod instance;
mod keys;
mod ledger;
mod log;
pub mod marker;
mod options;

pub use error::StorageError;
pub use evidence::{
    EvidencePlace, MAX_EVIDENCE, MAX_EVIDENCE_MESSAGE_BYTES, MAX_EVIDENCE_OF_ONE, SignedMessage,
    StoredEvidence,
};
pub use keys::prefix_range;
pub use ledger::{Ended, LedgerSnapshot, LedgerStore, ListPlace, ListRole, ListedTransaction, Order};
pub use log::{ConsensusLog, LogBatch};
pub use options::{DEFAULT_CACHE_BYTES, EXIT_DISK_FAILED, FailureHandler, Options};

use instance::Instance;
use options::Role;
use rocksdb::Cache;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use witan_types::{ChainId, GroupId};

/// Both instances of one node, open. While it (or a handle from it) lives, no other process can open the directory.
#[derive(Clone)]
pub struct Storage {
    dir: PathBuf,
    consensus: Arc<Instance>,
    ledger: Arc<Instance>,
    options: Options,
}

/// What the data directory takes, and what is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskUsage {
    /// Bytes of the consensus log's files.
    pub consensus_bytes: u64,
    /// Bytes of the ledger's files.
    pub ledger_bytes: u64,
    /// Bytes that the file system still has for this user.
    pub free_bytes: u64,
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "storage in {}", self.dir.display())
    }
}

impl Storage {
    /// Opens both instances under `dir`, or creates them. A record cut short at the end of a write-ahead log, the
    /// trace of a crash, is dropped.
    ///
    /// # Errors
    /// If the directory is in use, was written by a newer version or by one too old, is damaged, or the system refuses.
    pub fn open(dir: &Path, options: Options) -> Result<Storage, StorageError> {
        let cache = Cache::new_lru_cache(options.cache_bytes);
        let consensus = Instance::open(&dir.join("consensus"), Role::Consensus, &log::FAMILIES, &cache)?;
        let ledger = Instance::open(&dir.join("ledger"), Role::Ledger, &ledger::FAMILIES, &cache)?;
        ledger::refuse_gaps(&ledger)?;
        let (consensus, ledger) = (Arc::new(consensus), Arc::new(ledger));
        Ok(Storage { dir: dir.to_path_buf(), consensus, ledger, options })
    }

    /// Marks a new directory as `chain`'s, durably; accepts one that is already. Call it before anything else.
    ///
    /// # Errors
    /// [`StorageError::OtherChain`] if either instance is another chain's, or if the disk fails.
    pub fn set_identity(&self, chain: ChainId) -> Result<(), StorageError> {
        self.consensus.set_chain(chain)?;
        self.ledger.set_chain(chain)
    }

    /// The consensus log of all groups.
    pub fn consensus_log(&self) -> ConsensusLog {
        ConsensusLog::new(Arc::clone(&self.consensus))
    }

    /// The ledger of one group.
    pub fn ledger(&self, group: GroupId) -> LedgerStore {
        LedgerStore::new(Arc::clone(&self.ledger), group, Arc::clone(&self.options.on_failure))
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Bytes that the file system still has for this user: costs little, however many files there are.
    ///
    /// # Errors
    /// If the system can't tell.
    pub fn free_bytes(&self) -> Result<u64, StorageError> {
        fs4::available_space(&self.dir).map_err(|error| StorageError::from_io(&error, &self.dir))
    }

    /// What the data directory takes, and what is left.
    ///
    /// # Errors
    /// If the system can't tell.
    pub fn disk_usage(&self) -> Result<DiskUsage, StorageError> {
        let free_bytes = self.free_bytes()?;
        let bytes_in = |dir: &Path| bytes_in(dir).map_err(|error| StorageError::from_io(&error, dir));
        Ok(DiskUsage {
            consensus_bytes: bytes_in(self.consensus.dir())?,
            ledger_bytes: bytes_in(self.ledger.dir())?,
            free_bytes,
        })
    }
}

/// The size of the files in a folder. RocksDB deletes files at any time, so one that is gone counts nothing.
fn bytes_in(dir: &Path) -> io::Result<u64> {
    let mut bytes: u64 = 0;
    for entry in fs::read_dir(dir)? {
        match entry?.metadata() {
            Ok(metadata) => bytes = bytes.saturating_add(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

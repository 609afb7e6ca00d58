//! How the two instances are tuned. Together they take about 60 MB: the shared block cache, the write buffers, and
//! the index and filter blocks of open files, which stay outside the cache (in a small one they push each other out).

use crate::error::StorageError;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, LogLevel,
};
use std::fmt;
use std::process;
use std::sync::Arc;

/// The block cache that both instances share, in bytes, unless told otherwise.
pub const DEFAULT_CACHE_BYTES: usize = 24 * 1024 * 1024;
/// The exit code of a node whose disk failed under a read that has no way to fail.
pub const EXIT_DISK_FAILED: i32 = 3;

/// All write buffers of the ledger together.
const LEDGER_BUFFER_BYTES: usize = 16 * 1024 * 1024;
/// One write buffer of the consensus log; there are at most two.
const CONSENSUS_BUFFER_BYTES: usize = 8 * 1024 * 1024;
/// One write buffer of a column family that holds little.
const SMALL_BUFFER_BYTES: usize = 1024 * 1024;
/// What the write-ahead logs of one instance may take on disk before buffers are flushed.
const MAX_WAL_BYTES: u64 = 64 * 1024 * 1024;
const MAX_OPEN_FILES: i32 = 256;
const BACKGROUND_JOBS: i32 = 2;
const BLOOM_BITS_PER_KEY: f64 = 10.0;
const DATA_BLOCK_BYTES: usize = 8 * 1024;
/// Written to disk steadily, so that a flush does not stall the log's syncs.
const BYTES_PER_SYNC: u64 = 1024 * 1024;
const INFO_LOG_BYTES: usize = 1024 * 1024;
const INFO_LOGS: usize = 2;

/// What to do when a read that can't fail meets a broken disk.
pub type FailureHandler = Arc<dyn Fn(StorageError) + Send + Sync>;

/// Choices at opening.
#[derive(Clone)]
pub struct Options {
    /// Called when a read of [`witan_ledger::Store`] fails. The default prints the reason and ends the process with
    /// [`EXIT_DISK_FAILED`]. If a handler returns, the read answers as if nothing were stored.
    pub on_failure: FailureHandler,
    /// The block cache that both instances share, in bytes.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { on_failure: Arc::new(|error| end_process(&error)), cache_bytes: DEFAULT_CACHE_BYTES }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("cache_bytes", &self.cache_bytes).finish_non_exhaustive()
    }
}

fn end_process(error: &StorageError) {
    eprintln!("the node stops: {error}");
    process::exit(EXIT_DISK_FAILED);
}

/// What a column family holds, as far as it matters for tuning.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Looked up by whole key; large.
    Lookup,
    /// Looked up by whole key; random bytes, which don't compress.
    Index,
    /// Read in order or by exact place; large.
    Sequence,
    /// A little.
    Small,
}

/// One column family: its name and what it holds.
pub(crate) type Family = (&'static str, Shape);

/// The two instances.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// The consensus log.
    Consensus,
    /// The ledger.
    Ledger,
}

impl Role {
    /// What an operator does about corruption.
    pub(crate) fn next_step(self) -> &'static str {
        match self {
            Role::Consensus => {
                "stop using this disk and keep the folder for inspection; moved away, a validator starts without its \
                 signing records and observes until the next epoch"
            }
            Role::Ledger => {
                "check the disk, then move this folder away and start again: the node fetches the blocks from its peers"
            }
        }
    }

    fn buffer_bytes(self, shape: Shape) -> usize {
        match (self, shape) {
            (_, Shape::Small) => SMALL_BUFFER_BYTES,
            (Role::Consensus, _) => CONSENSUS_BUFFER_BYTES,
            (Role::Ledger, _) => LEDGER_BUFFER_BYTES / 2,
        }
    }
}

/// Options of a whole instance.
///
/// Recovery tolerates an incomplete record at the end of the write-ahead log, the trace of a crash in mid-write, and
/// refuses damage elsewhere. The alternative, recovery to a point in time, would silently drop everything after a
/// damaged record: synced votes of the consensus log, so that a validator could contradict itself.
pub(crate) fn database(role: Role) -> rocksdb::Options {
    let mut options = rocksdb::Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_paranoid_checks(true);
    options.set_max_total_wal_size(MAX_WAL_BYTES);
    options.set_max_background_jobs(BACKGROUND_JOBS);
    options.set_max_open_files(MAX_OPEN_FILES);
    options.set_bytes_per_sync(BYTES_PER_SYNC);
    options.set_keep_log_file_num(INFO_LOGS);
    options.set_max_log_file_size(INFO_LOG_BYTES);
    options.set_log_level(LogLevel::Warn);
    options.set_stats_dump_period_sec(0);
    if role == Role::Ledger {
        options.set_db_write_buffer_size(LEDGER_BUFFER_BYTES);
    }
    options
}

/// The column families of an instance with their options. RocksDB wants its `default` among them.
pub(crate) fn families(role: Role, families: &[Family], cache: &Cache) -> Vec<ColumnFamilyDescriptor> {
    families
        .iter()
        .map(|(name, shape)| ColumnFamilyDescriptor::new(*name, family(role, *shape, cache)))
        .collect()
}

fn family(role: Role, shape: Shape, cache: &Cache) -> rocksdb::Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_block_size(DATA_BLOCK_BYTES);
    table.set_cache_index_and_filter_blocks(false);
    if matches!(shape, Shape::Lookup | Shape::Index) {
        table.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    }
    let mut options = rocksdb::Options::default();
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(role.buffer_bytes(shape));
    options.set_max_write_buffer_number(2);
    options.set_compression_type(match shape {
        Shape::Lookup | Shape::Sequence => DBCompressionType::Lz4,
        Shape::Index | Shape::Small => DBCompressionType::None,
    });
    options
}

//! How the two instances are tuned. Together they take about 60 MB: the shared block cache, the write buffers, and
//! the index and filter blocks of open files, which stay outside the cache (in a small one they push each other out).

use crate::error::StorageError;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompactionStyle, DBCompressionType, DBRecoveryMode,
    LogLevel,
};
use std::fmt;
use std::process;
use std::sync::Arc;

/// The block cache that both instances share, in bytes, unless told otherwise.
pub const DEFAULT_CACHE_BYTES: usize = 24 * 1024 * 1024;
/// The exit code of a node whose disk failed under a read that has no way to fail.
pub const EXIT_DISK_FAILED: i32 = 3;

/// All write buffers of the ledger together, those that are being flushed included.
const LEDGER_BUFFER_BYTES: usize = 32 * 1024 * 1024;
/// One write buffer of the ledger for values that come in the order of their keys: each flush makes a file of it.
const SEQUENCE_BUFFER_BYTES: usize = 3 * 1024 * 1024;
/// One write buffer of the ledger for entries at random places: small, so that the processor's cache holds it while they find
/// their places.
const RANDOM_BUFFER_BYTES: usize = 512 * 1024;
/// So many of these are flushed into one file.
const RANDOM_BUFFERS_A_FLUSH: i32 = 4;
/// The most of them, those that wait for their flush included.
const MAX_RANDOM_BUFFERS: i32 = 10;
/// One write buffer of the consensus log; there are at most two.
const LOG_BUFFER_BYTES: usize = 8 * 1024 * 1024;
/// One write buffer of a column family that holds little.
const SMALL_BUFFER_BYTES: usize = 1024 * 1024;
/// What the write-ahead logs of one instance may take on disk before buffers are flushed.
const MAX_WAL_BYTES: u64 = 64 * 1024 * 1024;
const MAX_OPEN_FILES: i32 = 256;
/// One flush and the rest merges: a long merge of one column family must not hold up those of the others.
const BACKGROUND_JOBS: i32 = 4;
const BLOOM_BITS_PER_KEY: f64 = 10.0;
const DATA_BLOCK_BYTES: usize = 8 * 1024;
/// Smaller values stay with their keys.
const MIN_APART_BYTES: u64 = 256;
/// So many files of small entries are merged.
const MERGED_FILES: i32 = 8;
/// Writes wait a little once merging is so many files behind: a minute under full load.
const SLOW_AT_FILES: i32 = 64;
/// And until it has caught up once it is so many behind.
const STOP_AT_FILES: i32 = 96;
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
    /// Written and read in order, and deleted soon.
    Log,
    /// Looked up by whole key.
    Lookup,
    /// Small values, read from a key on.
    Order,
    /// Large values that come in the order of their keys.
    Sequence,
    /// A little.
    Small,
}

impl Shape {
    fn buffer_bytes(self) -> usize {
        match self {
            Shape::Log => LOG_BUFFER_BYTES,
            Shape::Sequence => SEQUENCE_BUFFER_BYTES,
            Shape::Lookup | Shape::Order => RANDOM_BUFFER_BYTES,
            Shape::Small => SMALL_BUFFER_BYTES,
        }
    }
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

    /// The layout of keys and values that this version reads and writes.
    pub(crate) fn format(self) -> u32 {
        match self {
            Role::Consensus => 1,
            Role::Ledger => 2,
        }
    }
}

/// Options of a whole instance.
///
/// Recovery of the consensus log tolerates an incomplete record at the end of the write-ahead log, the trace of a crash in mid-write,
/// and refuses damage elsewhere. The alternative, recovery to a point in time, would silently drop everything after a
/// damaged record: synced votes, so that a validator could contradict itself. The ledger's end is not synced with every write, and
/// a loss of power may leave its pages in any order: it recovers to a point in time, and what is above is executed again or fetched.
pub(crate) fn database(role: Role) -> rocksdb::Options {
    let mut options = rocksdb::Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_wal_recovery_mode(match role {
        Role::Consensus => DBRecoveryMode::TolerateCorruptedTailRecords,
        Role::Ledger => DBRecoveryMode::PointInTime,
    });
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
pub(crate) fn families(families: &[Family], cache: &Cache) -> Vec<ColumnFamilyDescriptor> {
    families.iter().map(|(name, shape)| ColumnFamilyDescriptor::new(*name, family(*shape, cache))).collect()
}

fn family(shape: Shape, cache: &Cache) -> rocksdb::Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_block_size(DATA_BLOCK_BYTES);
    table.set_cache_index_and_filter_blocks(false);
    if shape == Shape::Lookup {
        table.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    }
    let mut options = rocksdb::Options::default();
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(shape.buffer_bytes());
    options.set_max_write_buffer_number(2);
    match shape {
        Shape::Sequence => keep_values_apart(&mut options, cache),
        Shape::Lookup | Shape::Order => merge_by_size(&mut options),
        Shape::Log | Shape::Small => {}
    }
    options.set_compression_type(match shape {
        Shape::Log => DBCompressionType::Lz4,
        Shape::Lookup | Shape::Order | Shape::Sequence | Shape::Small => DBCompressionType::None,
    });
    options
}

/// Values that come in the order of their keys go to files of their own when they are flushed, and are written only that once.
/// The keys of several groups lie apart, so merging their sorted files would write every older block again.
fn keep_values_apart(options: &mut rocksdb::Options, cache: &Cache) {
    options.set_enable_blob_files(true);
    options.set_min_blob_size(MIN_APART_BYTES);
    options.set_blob_compression_type(DBCompressionType::Lz4);
    options.set_blob_cache(cache);
}

/// Small entries at random places: files of about the same size are merged, so that an entry is written as often as the
/// logarithm of their number, and not once for each flush that comes after it.
fn merge_by_size(options: &mut rocksdb::Options) {
    options.set_min_write_buffer_number_to_merge(RANDOM_BUFFERS_A_FLUSH);
    options.set_max_write_buffer_number(MAX_RANDOM_BUFFERS);
    options.set_compaction_style(DBCompactionStyle::Universal);
    options.set_level_zero_file_num_compaction_trigger(MERGED_FILES);
    options.set_level_zero_slowdown_writes_trigger(SLOW_AT_FILES);
    options.set_level_zero_stop_writes_trigger(STOP_AT_FILES);
}

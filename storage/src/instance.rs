//! One RocksDB instance: opened with its checks, its errors turned into ours.

use crate::error::StorageError;
use crate::options::{self, Family, Role};
use rocksdb::{
    Cache, ColumnFamily, DB, DBPinnableSlice, DBRawIterator, ReadOptions, WriteBatch, WriteOptions,
};
use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};
use witan_types::{ChainId, CodecError, Hash};

/// Column families that the ledger had in its first format, and has no more.
const RETIRED_FAMILIES: [&str; 2] = ["listed", "news"];

const FORMAT_KEY: &[u8] = b"format";
const CHAIN_KEY: &[u8] = b"chain";

pub(crate) struct Instance {
    db: DB,
    dir: PathBuf,
    role: Role,
    /// How single keys are read; made once, since most reads take hardly longer than that.
    plain_read: ReadOptions,
}

impl Instance {
    /// Opens or creates the instance in `dir`, and checks its format.
    pub(crate) fn open(
        dir: &Path,
        role: Role,
        families: &[Family],
        cache: &Cache,
    ) -> Result<Instance, StorageError> {
        fs::create_dir_all(dir).map_err(|error| StorageError::from_io(&error, dir))?;
        if dir.join("CURRENT").exists() {
            refuse_unknown_families(dir, role, families)?;
        } else {
            refuse_headless_data(dir, role)?;
        }
        let (database, descriptors) = (options::database(role), options::families(families, cache));
        let db = DB::open_cf_descriptors(&database, dir, descriptors).map_err(|error| {
            name_damaged_log(StorageError::from_rocksdb(&error, dir, role.next_step()), dir)
        })?;
        let instance = Instance { db, dir: dir.to_path_buf(), role, plain_read: ReadOptions::default() };
        instance.check_format()?;
        Ok(instance)
    }

    fn check_format(&self) -> Result<(), StorageError> {
        match self.get("default", FORMAT_KEY)? {
            None => {
                let mut batch = WriteBatch::new();
                batch.put(FORMAT_KEY, self.role.format().to_be_bytes());
                self.write(batch, true)
            }
            Some(bytes) => {
                let found =
                    u32::from_be_bytes(bytes.as_ref().try_into().map_err(|_| self.malformed("format"))?);
                match found.cmp(&self.role.format()) {
                    Ordering::Less => Err(older_format(&self.dir, self.role)),
                    Ordering::Equal => Ok(()),
                    Ordering::Greater => Err(newer_format(&self.dir, self.role, format!("format {found}"))),
                }
            }
        }
    }

    /// Marks a new instance as `chain`'s; refuses one that is another's.
    pub(crate) fn set_chain(&self, chain: ChainId) -> Result<(), StorageError> {
        let Some(bytes) = self.get("default", CHAIN_KEY)? else {
            let mut batch = WriteBatch::new();
            batch.put(CHAIN_KEY, chain.0.as_bytes());
            return self.write(batch, true);
        };
        let found = ChainId(Hash(bytes.as_ref().try_into().map_err(|_| self.malformed("chain"))?));
        if found != chain {
            return Err(StorageError::OtherChain { dir: self.dir.clone(), found, expected: chain });
        }
        Ok(())
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The database, for a snapshot.
    pub(crate) fn db(&self) -> &DB {
        &self.db
    }

    #[expect(clippy::expect_used, reason = "every family is opened with the instance")]
    pub(crate) fn family(&self, name: &str) -> &ColumnFamily {
        self.db.cf_handle(name).expect("a family of this instance")
    }

    pub(crate) fn get(&self, family: &str, key: &[u8]) -> Result<Option<DBPinnableSlice<'_>>, StorageError> {
        self.db
            .get_pinned_cf_opt(self.family(family), key, &self.plain_read)
            .map_err(|error| self.error(&error))
    }

    /// Writes atomically; with `sync`, durably.
    pub(crate) fn write(&self, batch: WriteBatch, sync: bool) -> Result<(), StorageError> {
        let mut options = WriteOptions::default();
        options.set_sync(sync);
        self.db.write_opt(batch, &options).map_err(|error| self.error(&error))
    }

    /// Makes everything written before durable.
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        self.db.flush_wal(true).map_err(|error| self.error(&error))
    }

    /// An iterator that ends before `end`; it sees the instance as it is now.
    pub(crate) fn iterate(&self, family: &str, end: Option<Vec<u8>>) -> DBRawIterator<'_> {
        let mut options = ReadOptions::default();
        if let Some(end) = end {
            options.set_iterate_upper_bound(end);
        }
        self.db.raw_iterator_cf_opt(self.family(family), options)
    }

    /// An iterator for going backwards, which ends before it passes `start`.
    pub(crate) fn iterate_back(&self, family: &str, start: Vec<u8>) -> DBRawIterator<'_> {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(start);
        self.db.raw_iterator_cf_opt(self.family(family), options)
    }

    /// Why an iterator stopped: its end, or an error.
    pub(crate) fn finish(&self, iterator: &DBRawIterator<'_>) -> Result<(), StorageError> {
        iterator.status().map_err(|error| self.error(&error))
    }

    pub(crate) fn error(&self, error: &rocksdb::Error) -> StorageError {
        StorageError::from_rocksdb(error, &self.dir, self.role.next_step())
    }

    /// The error of stored bytes that don't decode, though their checksum holds.
    pub(crate) fn undecodable(&self, what: &str, error: &CodecError) -> StorageError {
        self.corrupt(format!("a stored {what} does not decode ({error})"))
    }

    pub(crate) fn malformed(&self, what: &str) -> StorageError {
        self.corrupt(format!("a stored {what} has the wrong length"))
    }

    pub(crate) fn corrupt(&self, reason: String) -> StorageError {
        StorageError::Corrupt { path: self.dir.clone(), reason, next_step: self.role.next_step() }
    }
}

/// A newer version may add column families; without them RocksDB would not open, and would not say why.
fn refuse_unknown_families(dir: &Path, role: Role, families: &[Family]) -> Result<(), StorageError> {
    let found = DB::list_cf(&options::database(role), dir)
        .map_err(|error| StorageError::from_rocksdb(&error, dir, role.next_step()))?;
    match found.into_iter().find(|name| !families.iter().any(|(known, _)| known == name)) {
        None => Ok(()),
        Some(name) if RETIRED_FAMILIES.contains(&name.as_str()) => Err(older_format(dir, role)),
        Some(name) => Err(newer_format(dir, role, format!("it has a column family {name:?}"))),
    }
}

fn newer_format(dir: &Path, role: Role, found: String) -> StorageError {
    StorageError::NewerFormat { dir: dir.to_path_buf(), found, known: role.format() }
}

fn older_format(dir: &Path, role: Role) -> StorageError {
    StorageError::OlderFormat { dir: dir.to_path_buf(), known: role.format() }
}

/// RocksDB takes a folder without the file `CURRENT` for a new one, and would start empty beside the data.
fn refuse_headless_data(dir: &Path, role: Role) -> Result<(), StorageError> {
    let entries = fs::read_dir(dir).map_err(|error| StorageError::from_io(&error, dir))?;
    for entry in entries {
        let path = entry.map_err(|error| StorageError::from_io(&error, dir))?.path();
        if path
            .extension()
            .is_some_and(|extension| ["sst", "blob", "log"].iter().any(|known| extension == *known))
        {
            return Err(StorageError::Corrupt {
                path: dir.join("CURRENT"),
                reason: format!("it is missing beside {}", path.display()),
                next_step: role.next_step(),
            });
        }
    }
    Ok(())
}

/// RocksDB names a damaged sorted file, but not a damaged write-ahead log: when there is one, it must be that.
fn name_damaged_log(error: StorageError, dir: &Path) -> StorageError {
    let StorageError::Corrupt { path, reason, next_step } = error else { return error };
    if path != dir {
        return StorageError::Corrupt { path, reason, next_step };
    }
    let files = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut logs: Vec<PathBuf> = files
        .filter(|file| file.metadata().is_ok_and(|metadata| metadata.len() > 0))
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    logs.sort();
    match logs.as_slice() {
        [log] => StorageError::Corrupt { path: log.clone(), reason, next_step },
        _ => StorageError::Corrupt {
            path,
            reason: format!("{reason}, probably in one of {logs:?}"),
            next_step,
        },
    }
}

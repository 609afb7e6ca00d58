//! Crashes, damaged files and foreign directories: cut what was never promised, refuse the rest with its name.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{CHAIN, GROUP, assert_whole, open, plain_commit};
use std::fs;
use std::path::{Path, PathBuf};
use witan_ledger::Store as _;
use witan_storage::{LogBatch, Options, Storage, StorageError};
use witan_types::{ChainId, Epoch, GroupId, Hash, Height};

const EPOCH: Epoch = Epoch(1);
const RECORD_BYTES: usize = 1000;

/// Copies the directory as it is while the node runs: what a `kill -9` leaves behind.
fn copy_as_killed(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for instance in ["consensus", "ledger"] {
        fs::create_dir_all(to.path().join(instance)).unwrap();
        for file in fs::read_dir(from.join(instance)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.path().join(instance).join(file.file_name())).unwrap();
        }
    }
    to
}

/// The newest non-empty file with this ending.
fn newest(dir: &Path, extension: &str) -> PathBuf {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .filter(|path| fs::metadata(path).unwrap().len() > 0)
        .max()
        .unwrap()
}

fn cut(path: &Path, bytes: u64) {
    let length = fs::metadata(path).unwrap().len();
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length.saturating_sub(bytes)).unwrap();
}

fn damage_the_middle(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xFF;
    fs::write(path, bytes).unwrap();
}

fn write_blocks(storage: &Storage, heights: std::ops::Range<Height>) {
    let ledger = storage.ledger(GROUP);
    let commits: Vec<_> = heights.map(plain_commit).collect();
    ledger.commit_blocks(&commits, &[]).unwrap();
}

fn write_records(storage: &Storage, seqs: std::ops::Range<u64>) {
    for seq in seqs {
        let mut batch = LogBatch::new();
        batch.append(GROUP, EPOCH, [(seq, vec![seq.to_le_bytes()[0]; RECORD_BYTES])]);
        storage.consensus_log().commit(batch).unwrap();
    }
}

fn assert_corrupt_inside(error: &StorageError, folder: &Path) {
    let StorageError::Corrupt { path, .. } = error else { panic!("{error}") };
    assert!(path.starts_with(folder) && path != folder, "{error}");
}

#[test]
fn a_killed_node_finds_every_committed_block_and_record() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    for height in 0..20 {
        write_blocks(&storage, height..height + 1);
        write_records(&storage, height..height + 1);
        let copy = copy_as_killed(dir.path());
        let after = open(copy.path()).unwrap();
        assert_whole(&after.ledger(GROUP), height);
        assert_eq!(after.consensus_log().load(GROUP, EPOCH).unwrap().len() as u64, height + 1);
    }
}

#[test]
fn wherever_the_ledgers_log_is_cut_a_whole_number_of_blocks_is_left_and_the_rest_can_follow() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    write_blocks(&storage, 0..8);
    let mut tips = std::collections::BTreeSet::new();
    for bytes in (1..9000).step_by(317) {
        let copy = copy_as_killed(dir.path());
        cut(&newest(&copy.path().join("ledger"), "log"), bytes);
        let after = open(copy.path()).unwrap();
        let tip = after.ledger(GROUP).tip().unwrap();
        assert_whole(&after.ledger(GROUP), tip);
        tips.insert(tip);
        write_blocks(&after, tip + 1..9);
        drop(after);
        assert_whole(&open(copy.path()).unwrap().ledger(GROUP), 8);
    }
    assert!(tips.len() > 3 && !tips.contains(&7), "{tips:?}");
}

#[test]
fn a_torn_record_at_the_end_of_the_consensus_log_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    write_records(&storage, 0..5);
    for bytes in [1, 7, 500, RECORD_BYTES as u64] {
        let copy = copy_as_killed(dir.path());
        cut(&newest(&copy.path().join("consensus"), "log"), bytes);
        let after = open(copy.path()).unwrap();
        assert_eq!(after.consensus_log().load(GROUP, EPOCH).unwrap().len(), 4);
        write_records(&after, 4..6);
        drop(after);
        assert_eq!(open(copy.path()).unwrap().consensus_log().load(GROUP, EPOCH).unwrap().len(), 6);
    }
}

#[test]
fn damage_in_the_middle_of_the_consensus_log_stops_the_node_and_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    write_records(&storage, 0..50);
    let copy = copy_as_killed(dir.path());
    let file = newest(&copy.path().join("consensus"), "log");
    damage_the_middle(&file);
    let error = open(copy.path()).unwrap_err();
    assert!(matches!(&error, StorageError::Corrupt { path, .. } if *path == file), "{error}");
}

#[test]
fn a_hole_in_the_ledgers_log_takes_it_back_to_the_last_whole_block_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    write_blocks(&storage, 0..50);
    let copy = copy_as_killed(dir.path());
    damage_the_middle(&newest(&copy.path().join("ledger"), "log"));
    let after = open(copy.path()).unwrap();
    let tip = after.ledger(GROUP).tip().unwrap();
    assert!((1..49).contains(&tip), "{tip}");
    assert_whole(&after.ledger(GROUP), tip);
    write_blocks(&after, tip + 1..50);
    drop(after);
    assert_whole(&open(copy.path()).unwrap().ledger(GROUP), 49);
}

/// Reopening moves what the write-ahead log held into sorted files.
fn reopened(dir: &Path) {
    drop(open(dir).unwrap());
    drop(open(dir).unwrap());
}

#[test]
fn damage_in_a_sorted_file_is_reported_when_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    write_records(&storage, 0..50);
    drop(storage);
    reopened(dir.path());
    let folder = dir.path().join("consensus");
    for file in fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "sst") {
            damage_the_middle(&file);
        }
    }
    let error = open(dir.path()).and_then(|storage| storage.consensus_log().load(GROUP, EPOCH)).unwrap_err();
    assert_corrupt_inside(&error, &folder);
}

#[test]
fn a_failed_read_of_the_ledger_reaches_the_handler() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    write_blocks(&storage, 0..50);
    drop(storage);
    reopened(dir.path());
    for file in fs::read_dir(dir.path().join("ledger")).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "sst") {
            damage_the_middle(&file);
        }
    }
    let errors = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&errors);
    let on_failure = std::sync::Arc::new(move |error| seen.lock().unwrap().push(error));
    match Storage::open(dir.path(), Options { on_failure, ..Options::default() }) {
        Err(error) => assert_corrupt_inside(&error, &dir.path().join("ledger")),
        Ok(storage) => {
            let ledger = storage.ledger(GROUP);
            (0..50).for_each(|height| drop((ledger.block(height), ledger.receipts(height))));
            assert_corrupt_inside(errors.lock().unwrap().first().unwrap(), &dir.path().join("ledger"));
        }
    }
}

#[test]
fn a_block_lost_below_the_tip_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    write_blocks(&open(dir.path()).unwrap(), 0..9);
    let path = dir.path().join("ledger");
    let options = rocksdb::Options::default();
    let database =
        rocksdb::DB::open_cf(&options, &path, rocksdb::DB::list_cf(&options, &path).unwrap()).unwrap();
    let height_5 = [&GROUP.0.to_be_bytes()[..], &5_u64.to_be_bytes()].concat();
    database.delete_cf(database.cf_handle("outcomes").unwrap(), height_5).unwrap();
    drop(database);
    let error = open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("group 1 lacks a block below height 6"), "{error}");
}

#[test]
fn an_instance_that_lost_its_head_is_not_taken_for_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    write_records(&open(dir.path()).unwrap(), 0..3);
    let current = dir.path().join("consensus/CURRENT");
    fs::remove_file(&current).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(&error, StorageError::Corrupt { path, .. } if *path == current), "{error}");
}

#[test]
fn a_lost_sorted_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    write_blocks(&open(dir.path()).unwrap(), 0..3);
    reopened(dir.path());
    let files = fs::read_dir(dir.path().join("ledger")).unwrap().map(|file| file.unwrap().path());
    let tables = files.filter(|path| path.extension().is_some_and(|extension| extension == "sst"));
    fs::remove_file(tables.max().unwrap()).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("ledger"), "{error}");
}

#[test]
fn the_directory_of_another_chain_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let other = ChainId(Hash([9; 32]));
    let error = Storage::open(dir.path(), Options::default()).unwrap().set_identity(other).unwrap_err();
    assert_eq!(
        error,
        StorageError::OtherChain { dir: dir.path().join("consensus"), found: CHAIN, expected: other }
    );
    open(dir.path()).unwrap();
}

#[test]
fn a_ledger_moved_in_from_another_chain_is_refused() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let other = ChainId(Hash([9; 32]));
    drop(open(ours.path()).unwrap());
    Storage::open(theirs.path(), Options::default()).unwrap().set_identity(other).unwrap();
    fs::remove_dir_all(ours.path().join("ledger")).unwrap();
    fs::rename(theirs.path().join("ledger"), ours.path().join("ledger")).unwrap();
    let error = open(ours.path()).unwrap_err();
    assert_eq!(
        error,
        StorageError::OtherChain { dir: ours.path().join("ledger"), found: other, expected: CHAIN }
    );
}

#[test]
fn a_newer_format_is_refused_before_anything_is_read() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let path = dir.path().join("ledger");
    let options = rocksdb::Options::default();
    let mut database =
        rocksdb::DB::open_cf(&options, &path, rocksdb::DB::list_cf(&options, &path).unwrap()).unwrap();
    database.put(b"format", 3_u32.to_be_bytes()).unwrap();
    drop(database);
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(&error, StorageError::NewerFormat { dir, .. } if *dir == path), "{error}");

    database = rocksdb::DB::open_cf(&options, &path, rocksdb::DB::list_cf(&options, &path).unwrap()).unwrap();
    database.put(b"format", 2_u32.to_be_bytes()).unwrap();
    database.create_cf("proofs", &options).unwrap();
    drop(database);
    let error = open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("proofs"), "{error}");
}

#[test]
fn an_older_format_is_refused_with_what_to_do() {
    let refused = |dir: &Path| {
        let error = open(dir).unwrap_err();
        assert_eq!(error, StorageError::OlderFormat { dir: dir.join("ledger"), known: 2 });
        assert!(error.to_string().contains("move this folder away and start again"), "{error}");
    };
    let options = rocksdb::Options::default();
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let path = dir.path().join("ledger");
    let mut database =
        rocksdb::DB::open_cf(&options, &path, rocksdb::DB::list_cf(&options, &path).unwrap()).unwrap();
    database.put(b"format", 1_u32.to_be_bytes()).unwrap();
    drop(database);
    refused(dir.path());

    database = rocksdb::DB::open_cf(&options, &path, rocksdb::DB::list_cf(&options, &path).unwrap()).unwrap();
    database.create_cf("listed", &options).unwrap();
    drop(database);
    refused(dir.path());
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert_eq!(error, StorageError::Locked { dir: dir.path().join("consensus") });
    drop(first);
    open(dir.path()).unwrap();
}

#[test]
fn a_data_directory_that_cannot_be_made_is_an_error_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open(&file).unwrap_err();
    assert!(matches!(&error, StorageError::Io { path, .. } if path.starts_with(&file)), "{error}");
}

#[test]
fn disk_usage_counts_both_instances() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path()).unwrap();
    let before = storage.disk_usage().unwrap();
    write_records(&storage, 0..100);
    storage.ledger(GroupId(0)).commit_blocks(&[common::commit_of(GroupId(0), 0, vec![], 1000)], &[]).unwrap();
    let after = storage.disk_usage().unwrap();
    assert!(after.consensus_bytes >= before.consensus_bytes + 100 * RECORD_BYTES as u64);
    assert!(after.ledger_bytes >= before.ledger_bytes + 50_000);
    assert!(after.free_bytes > 0);
}

//! The consensus log and the signing markers: what was promised is remembered.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::open;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use witan_storage::{LogBatch, StorageError, marker};
use witan_types::{Epoch, GroupId};

const EPOCH: Epoch = Epoch(1);

fn records(range: std::ops::Range<u64>) -> Vec<(u64, Vec<u8>)> {
    range.map(|seq| (seq, format!("record {seq}").into_bytes())).collect()
}

#[test]
fn one_commit_carries_the_records_of_all_groups() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path()).unwrap().consensus_log();
    let mut batch = LogBatch::new();
    let places =
        [(0, 1), (0, 2), (1, 1), (u32::MAX, u64::MAX)].map(|(group, epoch)| (GroupId(group), Epoch(epoch)));
    for (group, epoch) in places {
        batch.append(group, epoch, records(0..3));
    }
    log.commit(batch).unwrap();
    drop(log);

    let log = open(dir.path()).unwrap().consensus_log();
    for (group, epoch) in places {
        assert_eq!(log.load(group, epoch).unwrap(), records(0..3));
    }
    assert_eq!(log.load(GroupId(1), Epoch(2)).unwrap(), vec![]);
}

#[test]
fn a_lost_record_in_the_middle_is_reported_and_not_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path()).unwrap().consensus_log();
    let mut batch = LogBatch::new();
    batch.append(GroupId(1), EPOCH, records(0..3));
    batch.append(GroupId(1), EPOCH, records(4..6));
    log.commit(batch).unwrap();
    let error = log.load(GroupId(1), EPOCH).unwrap_err();
    assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("skip from 2 to 4"), "{error}");
}

#[derive(Clone, Debug)]
enum Action {
    Append(u32, usize),
    Truncate(u32, u64),
    Reopen,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0..3_u32, 1..5_usize).prop_map(|(group, count)| Action::Append(group, count)),
        2 => (0..3_u32, 0..20_u64).prop_map(|(group, seq)| Action::Truncate(group, seq)),
        1 => Just(Action::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_log_holds_what_was_appended_and_not_truncated(batches in vec(vec(action(), 0..5), 1..8)) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open(dir.path()).unwrap().consensus_log();
        let mut next = [0_u64; 3];
        let mut model: [BTreeMap<u64, Vec<u8>>; 3] = Default::default();
        for actions in batches {
            let mut batch = LogBatch::new();
            let mut reopen = false;
            for action in actions {
                match action {
                    Action::Append(group, count) => {
                        let place = group as usize;
                        let new = records(next[place]..next[place] + count as u64);
                        next[place] += count as u64;
                        model[place].extend(new.clone());
                        batch.append(GroupId(group), EPOCH, new);
                    }
                    Action::Truncate(group, seq) => {
                        let seq = seq.min(next[group as usize]);
                        model[group as usize].retain(|number, _| *number >= seq);
                        batch.truncate_before(GroupId(group), EPOCH, seq);
                    }
                    Action::Reopen => reopen = true,
                }
            }
            log.commit(batch).unwrap();
            if reopen {
                drop(log);
                log = open(dir.path()).unwrap().consensus_log();
            }
            for group in 0..3_u32 {
                let expected: Vec<_> = model[group as usize].clone().into_iter().collect();
                prop_assert_eq!(log.load(GroupId(group), EPOCH).unwrap(), expected);
            }
        }
    }
}

#[test]
fn a_marker_stands_for_its_group_and_epoch_alone() {
    let home = tempfile::tempdir().unwrap();
    let has = |group, epoch| marker::has_signed(home.path(), GroupId(group), Epoch(epoch)).unwrap();
    assert!(!has(1, 1));
    marker::mark(home.path(), GroupId(1), Epoch(1)).unwrap();
    marker::mark(home.path(), GroupId(1), Epoch(1)).unwrap();
    assert!(has(1, 1));
    assert!(!has(1, 2) && !has(2, 1) && !has(1, 11) && !has(11, 1));
}

#[test]
fn a_marker_that_cannot_be_written_is_an_error_with_its_path() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(marker::MARKER_FOLDER), "a file in the way").unwrap();
    let error = marker::mark(home.path(), GroupId(1), Epoch(1)).unwrap_err();
    assert!(error.to_string().contains("group-1-epoch-1"), "{error}");
}

#[test]
fn a_full_disk_is_told_apart_from_other_failures() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(marker::MARKER_FOLDER);
    std::fs::create_dir(&folder).unwrap();
    // A file on which every write fails for lack of space.
    std::os::unix::fs::symlink("/dev/full", folder.join("group-1-epoch-1.new")).unwrap();
    let error = marker::mark(home.path(), GroupId(1), Epoch(1)).unwrap_err();
    assert!(matches!(error, StorageError::Full { .. }), "{error}");
    assert!(!marker::has_signed(home.path(), GroupId(1), Epoch(1)).unwrap());
}

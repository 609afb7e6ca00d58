//! What is kept for those who follow a chain: what each block changed, and whose the transactions are that it decided.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{GROUP, commit_of, entry, open, plain_commit, tx_id};
use witan_ledger::records::Record;
use witan_ledger::two_phase::{Coordinated, CoordinatorStage};
use witan_ledger::{AbortReason, BlockCommit, Entry, Told, Value, Version};
use witan_storage::{Decided, LedgerStore, News};
use witan_types::{
    Account, ChainId, GroupId, Height, Key, Op, PublicKey, Signature, SignedTransaction, Transaction, TxId,
    Wire,
};

fn account(byte: u8) -> Account {
    Account(PublicKey([byte; 32]))
}

/// A transaction of account 1 that transfers to account 2 twice and to account 3.
fn transfers() -> SignedTransaction {
    let ops = [2, 3, 2].map(|to| Op::Transfer { to: account(to), amount: 1 }).to_vec();
    let (chain, signer) = (ChainId::default(), account(1));
    let transaction = Transaction { chain, signer, salt: 0, expires_at_ms: 1, checks: Vec::new(), ops };
    SignedTransaction { transaction, signature: Signature([0; 64]) }
}

/// What a group remembers of a transaction that began at a height.
fn pending(since_height: Height) -> Entry {
    let stage = CoordinatorStage::Waiting { until_ms: 0, because: AbortReason::Conflict };
    let (participants, transaction) = (vec![GroupId(2)], transfers());
    let known = Coordinated { attempt: 1, since_ms: 0, since_height, participants, stage, transaction };
    Entry { value: Value::Record(known.encode()), version: Version::new(1, since_height, 0) }
}

/// A block that decides a transaction which began before.
fn deciding(height: Height, id: TxId) -> BlockCommit {
    let gone = vec![(Record::Coordinated(id).key(), None), (Key::from("k"), Some(entry(height, 0, b"v")))];
    let mut commit = commit_of(GROUP, height, gone, 2);
    commit.receipts[1].id = id;
    commit.receipts[1].told = vec![Told { group: GroupId(2), place: 4 }];
    commit
}

#[test]
fn a_block_tells_whose_the_transactions_are_that_it_decides_and_that_began_before() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path()).unwrap().ledger(GROUP);
    let id = tx_id(9, 9);
    let beginning = commit_of(GROUP, 1, vec![(Record::Coordinated(id).key(), Some(pending(1)))], 1);
    // In one call: what the second block needs of the first one is read from what was just written.
    ledger.commit_blocks(&[commit_of(GROUP, 0, Vec::new(), 0), beginning, deciding(2, id)], &[]).unwrap();
    let nothing = News { keys: Vec::new(), decided: Vec::new() };
    assert_eq!(ledger.news(0), Some(nothing.clone()));
    assert_eq!(ledger.news(1), Some(nothing), "reserved keys are no news");
    let whose = Decided { id, signer: account(1), recipients: vec![account(2), account(3)] };
    assert_eq!(ledger.news(2), Some(News { keys: vec![Key::from("k")], decided: vec![whose] }));
    assert_eq!(ledger.news(3), None);
}

/// Takes away what versions before this one did not write.
fn forget_news(folder: &std::path::Path) {
    let path = folder.join("ledger");
    let options = rocksdb::Options::default();
    let families = rocksdb::DB::list_cf(&options, &path).unwrap();
    let mut db = rocksdb::DB::open_cf(&options, &path, families).unwrap();
    db.drop_cf("news").unwrap();
}

#[test]
fn a_ledger_of_a_version_without_news_tells_from_which_block_on_it_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let commit = |ledger: &LedgerStore, height| ledger.commit_blocks(&[plain_commit(height)], &[]).unwrap();
    let storage = open(folder.path()).unwrap();
    (0..3).for_each(|height| commit(&storage.ledger(GROUP), height));
    assert_eq!(storage.ledger(GROUP).oldest_news(), Some(0));
    drop(storage);
    forget_news(folder.path());

    let storage = open(folder.path()).unwrap();
    let ledger = storage.ledger(GROUP);
    assert_eq!((ledger.news(2), ledger.oldest_news()), (None, None));
    commit(&ledger, 3);
    assert_eq!((ledger.news(2), ledger.oldest_news()), (None, Some(3)));
    assert_eq!(ledger.news(3).unwrap().keys.len(), plain_commit(3).changes.len());
    common::assert_whole(&ledger, 3);
    let other = storage.ledger(GroupId(GROUP.0 + 1));
    assert_eq!(other.oldest_news(), None, "each group has its own");
}

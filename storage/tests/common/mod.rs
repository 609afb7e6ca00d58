//! Blocks to store, and a naive ledger in memory to compare with.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;
use std::path::Path;
use std::sync::Arc;
use witan_ledger::{BlockCommit, Entry, Parties, Receipt, Store as _, TransactionOutcome, Value, Version};
use witan_storage::{LedgerStore, Options, Storage, StorageError};
use witan_types::{
    Account, Block, BlockId, ChainId, Epoch, GroupId, Hash, Header, Height, Key, Outcome, Payload, PublicKey,
    QuorumSignatures, Seal, TxId, ValidatorIndex, sha256,
};

pub(crate) const CHAIN: ChainId = ChainId(Hash([7; 32]));
pub(crate) const GROUP: GroupId = GroupId(1);

/// Opens a directory whose reads may fail without ending the test process.
pub(crate) fn open(dir: &Path) -> Result<Storage, StorageError> {
    let options = Options { on_failure: Arc::new(|error| panic!("{error}")), ..Options::default() };
    let storage = Storage::open(dir, options)?;
    storage.set_identity(CHAIN)?;
    Ok(storage)
}

pub(crate) fn entry(height: Height, index: u32, value: &[u8]) -> Entry {
    Entry { value: Value::Bytes(value.to_vec()), version: Version::new(1, height, index) }
}

pub(crate) fn tx_id(height: Height, index: u32) -> TxId {
    TxId(sha256(&[b"tx", &height.to_be_bytes(), &index.to_be_bytes()]))
}

/// What concerns this account alone.
pub(crate) fn parties(signer: u8) -> Parties {
    Parties { signer: Account(PublicKey([signer; 32])), recipients: BTreeSet::new() }
}

fn header(group: GroupId, height: Height) -> Header {
    Header {
        chain: CHAIN,
        group,
        epoch: Epoch(1),
        height,
        tag: height,
        parent: BlockId::default(),
        proposer: ValidatorIndex(0),
        time_ms: height,
        payload_root: Hash::ZERO,
    }
}

/// The block at `height` with these changes and `receipts` receipts.
pub(crate) fn commit_of(
    group: GroupId,
    height: Height,
    changes: Vec<(Key, Option<Entry>)>,
    receipts: u32,
) -> BlockCommit {
    let block = Block { header: header(group, height), payload: Payload::default() };
    let receipts: Vec<_> = (0..receipts)
        .map(|index| Receipt {
            id: tx_id(height, index),
            expires_at_ms: height,
            index,
            outcome: TransactionOutcome::Applied { reads: Vec::new() },
            told: Vec::new(),
        })
        .collect();
    let parties = vec![parties(1); receipts.len()];
    let outcome = Outcome {
        chain: CHAIN,
        group,
        epoch: Epoch(1),
        height,
        block_id: block.id(),
        state_root: Hash::ZERO,
        receipts_root: Hash::ZERO,
        outbox_root: Hash::ZERO,
        next_epoch: None,
    };
    BlockCommit { block: Arc::new(block), outcome, receipts, parties, changes }
}

/// A block that writes its height to ten keys and to "height".
pub(crate) fn plain_commit(height: Height) -> BlockCommit {
    let text = height.to_string();
    let mut changes: Vec<_> = (0..10)
        .map(|index| {
            (Key::from(format!("key {index}").as_str()), Some(entry(height, index, text.as_bytes())))
        })
        .collect();
    changes.insert(0, (Key::from("height"), Some(entry(height, 10, text.as_bytes()))));
    commit_of(GROUP, height, changes, 3)
}

/// Whether the store stands exactly where [`plain_commit`]s up to its tip leave it.
pub(crate) fn assert_whole(ledger: &LedgerStore, tip: Height) {
    assert_eq!(ledger.tip(), Some(tip));
    let mut entries = Vec::new();
    ledger.visit_entries(&mut |key, entry| entries.push((key, Some(entry))));
    assert_eq!(entries, plain_commit(tip).changes);
    for height in 0..=tip {
        let commit = plain_commit(height);
        assert_eq!(ledger.block(height).as_ref(), Some(&commit.block));
        assert_eq!(ledger.outcome(height), Some(commit.outcome));
        assert_eq!(ledger.receipts(height), commit.receipts);
    }
    assert_eq!(ledger.block(tip + 1), None);
    assert_eq!(ledger.find_transaction(&tx_id(tip + 1, 0)), None);
}

pub(crate) fn seal_of(commit: &BlockCommit) -> Seal {
    Seal { outcome: commit.outcome.clone(), signatures: QuorumSignatures::collect([]) }
}

/// What the ledger promises, in the plainest form: the whole state at every height.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) commits: Vec<BlockCommit>,
    pub(crate) states: Vec<BTreeMap<Key, Entry>>,
    pub(crate) seals: BTreeMap<Height, Seal>,
}

impl Model {
    pub(crate) fn commit(&mut self, commit: BlockCommit) {
        let mut state = self.states.last().cloned().unwrap_or_default();
        for (key, entry) in &commit.changes {
            match entry {
                Some(entry) => drop(state.insert(key.clone(), entry.clone())),
                None => drop(state.remove(key)),
            }
        }
        self.states.push(state);
        self.commits.push(commit);
    }

    pub(crate) fn state_at(&self, height: Height) -> &BTreeMap<Key, Entry> {
        let newest = self.states.len() - 1;
        &self.states[newest.min(usize::try_from(height).unwrap())]
    }

    pub(crate) fn scan(&self, range: impl RangeBounds<Key>, limit: usize, at: Height) -> Vec<(Key, Entry)> {
        let state = self.state_at(at).iter().filter(|(key, _)| range.contains(key));
        state.take(limit).map(|(key, entry)| (key.clone(), entry.clone())).collect()
    }
}

//! Ledgers on disk that tests read.

use std::sync::Arc;
use witan_ledger::{BlockCommit, Entry};
use witan_storage::{LedgerStore, Options, Storage};
use witan_types::{
    Block, BlockId, ChainId, Epoch, GroupId, Hash, Header, Key, Outcome, Payload, ValidatorIndex,
};

/// The group of the ledger.
pub(super) const GROUP: GroupId = GroupId(1);

/// A store with one block for each list of changes.
pub(super) fn store(folder: &std::path::Path, blocks: Vec<Vec<(Key, Option<Entry>)>>) -> LedgerStore {
    let options = Options { on_failure: Arc::new(|error| panic!("{error}")), ..Options::default() };
    let storage = Storage::open(folder, options).unwrap();
    storage.set_identity(ChainId::default()).unwrap();
    let store = storage.ledger(GROUP);
    for (height, mut changes) in (0..).zip(blocks) {
        changes.sort_by(|(one, _), (other, _)| one.cmp(other));
        let (chain, epoch) = (ChainId::default(), Epoch(1));
        let header = Header {
            chain,
            group: GROUP,
            epoch,
            height,
            tag: 0,
            parent: BlockId::default(),
            proposer: ValidatorIndex(0),
            time_ms: height,
            payload_root: Hash::ZERO,
        };
        let outcome = Outcome {
            chain,
            group: GROUP,
            epoch,
            height,
            block_id: header.id(),
            state_root: Hash::ZERO,
            receipts_root: Hash::ZERO,
            outbox_root: Hash::ZERO,
            next_epoch: None,
        };
        let block = Arc::new(Block { header, payload: Payload::default() });
        store
            .commit_blocks(
                &[BlockCommit { block, outcome, receipts: Vec::new(), parties: Vec::new(), changes }],
                &[],
            )
            .unwrap();
    }
    store
}

//! How fast this machine's disk is under the storage: `cargo run --release -p witan-storage --example storage_speed`.

#![allow(clippy::unwrap_used, reason = "an example")]

use std::sync::Arc;
use std::time::Instant;
use witan_ledger::{BlockCommit, Entry, Receipt, TransactionOutcome, Value, Version};
use witan_storage::{LogBatch, Options, Storage};
use witan_types::{
    Account, Batch, Block, BlockId, ChainId, Epoch, GroupId, Hash, Header, Height, Key, Op, Outcome, Payload,
    PublicKey, Signature, SignedTransaction, Transaction, ValidatorIndex, sha256,
};

const KEYS_PER_BLOCK: u32 = 1000;
const VALUE_BYTES: usize = 200;
const BLOCKS: Height = 200;
const APPENDS: u64 = 3000;
const RECORD_BYTES: usize = 300;
const GROUP: GroupId = GroupId(1);
/// Who signs, in turn.
const SIGNERS: u32 = 500;

fn main() {
    let dir = tempfile::tempdir_in(".").unwrap();
    let storage = Storage::open(dir.path(), Options::default()).unwrap();

    let ledger = storage.ledger(GROUP);
    let commits: Vec<BlockCommit> = (0..BLOCKS).map(commit).collect();
    let start = Instant::now();
    for commit in &commits {
        ledger.commit_blocks(std::slice::from_ref(commit), &[]).unwrap();
    }
    let taken = start.elapsed().as_secs_f64();
    let transactions = BLOCKS as f64 * f64::from(KEYS_PER_BLOCK);
    println!(
        "{:.0} synced blocks of {KEYS_PER_BLOCK} transactions a second, {:.2} us each",
        BLOCKS as f64 / taken,
        taken * 1e6 / transactions
    );

    let log = storage.consensus_log();
    let start = Instant::now();
    for seq in 0..APPENDS {
        let mut batch = LogBatch::new();
        batch.append(GROUP, Epoch(1), [(seq, vec![0; RECORD_BYTES])]);
        log.commit(batch).unwrap();
    }
    let rate = APPENDS as f64 / start.elapsed().as_secs_f64();
    println!("{rate:.0} synced log appends a second");

    let start = Instant::now();
    let found = commits.iter().flat_map(|commit| &commit.receipts).step_by(10);
    let found =
        found.filter(|receipt| witan_ledger::Store::find_transaction(&ledger, &receipt.id).is_some()).count();
    println!("{:.0} transactions found a second", found as f64 / start.elapsed().as_secs_f64());

    let start = Instant::now();
    let keys = commits.iter().flat_map(|commit| &commit.changes).step_by(10);
    let found = keys.filter(|(key, _)| witan_ledger::Store::entry(&ledger, key).is_some()).count();
    println!("{:.0} entries read a second", found as f64 / start.elapsed().as_secs_f64());

    // Opening writes what the log still holds into sorted files.
    drop((ledger, log, storage));
    let bytes = Storage::open(dir.path(), Options::default()).unwrap().disk_usage().unwrap().ledger_bytes;
    println!("{:.0} bytes on disk a transaction", bytes as f64 / transactions);
}

/// A transaction with an effect of the usual size; its signature is as incompressible as a real one.
fn transaction(height: Height, index: u32, hash: Hash) -> SignedTransaction {
    let signer = Account(PublicKey(sha256(&[&(index % SIGNERS).to_be_bytes()]).0));
    let value = hash.0.iter().copied().cycle().take(VALUE_BYTES).collect();
    let ops = vec![Op::Put { key: Key(hash.0.to_vec()), value }];
    let salt = (height << 32) | u64::from(index);
    let transaction =
        Transaction { chain: ChainId::default(), signer, salt, expires_at_ms: 0, checks: vec![], ops };
    let other = sha256(&[&hash.0]);
    let signature = Signature([hash.0, other.0].concat().try_into().unwrap());
    SignedTransaction { transaction, signature }
}

/// New random keys each: the worst case for the disk.
fn commit(height: Height) -> BlockCommit {
    let header = Header {
        chain: ChainId::default(),
        group: GROUP,
        epoch: Epoch(1),
        height,
        tag: height,
        parent: BlockId::default(),
        proposer: ValidatorIndex(0),
        time_ms: height,
        payload_root: Hash::ZERO,
    };
    let hash = |index: u32| sha256(&[&height.to_be_bytes(), &index.to_be_bytes()]);
    let signed: Vec<_> = (0..KEYS_PER_BLOCK).map(|index| transaction(height, index, hash(index))).collect();
    let ids: Vec<_> = signed.iter().map(SignedTransaction::id).collect();
    let payload = Payload { batches: vec![Batch::of(signed)], envelopes: vec![] };
    let block = Block { header, payload };
    let mut changes: Vec<_> = (0..KEYS_PER_BLOCK)
        .map(|index| {
            let value = hash(index).0.iter().copied().cycle().take(VALUE_BYTES).collect();
            let entry = Entry { value: Value::Bytes(value), version: Version::new(1, height, index) };
            (Key(hash(index).0.to_vec()), Some(entry))
        })
        .collect();
    changes.sort_by(|left, right| left.0.cmp(&right.0));
    let receipts = (0..)
        .zip(ids)
        .map(|(index, id)| Receipt {
            id,
            expires_at_ms: 0,
            index,
            outcome: TransactionOutcome::Applied { reads: Vec::new() },
            told: Vec::new(),
        })
        .collect();
    let outcome = Outcome {
        chain: ChainId::default(),
        group: GROUP,
        epoch: Epoch(1),
        height,
        block_id: block.id(),
        state_root: Hash::ZERO,
        receipts_root: Hash::ZERO,
        outbox_root: Hash::ZERO,
        next_epoch: None,
    };
    BlockCommit { block: Arc::new(block), outcome, receipts, changes }
}

//! How fast this machine's disk is under the storage: `cargo run --release -p witan-storage --example storage_speed`,
//! with `-- --load` only the load of many overwrites, and with a number behind it of so many blocks.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "an example")]

use std::collections::BTreeMap;
use std::fs;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};
use witan_ledger::{BlockCommit, Entry, Parties, Receipt, Store as _, TransactionOutcome, Value, Version};
use witan_storage::{LedgerStore, ListPlace, LogBatch, Options, Storage};
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

/// The load of many overwrites: transactions of 256 bytes that put one of so many keys each.
const LOAD_BLOCKS: Height = 1_600;
const LOAD_TRANSACTIONS: u32 = 500;
const LOAD_KEYS: u64 = 100_000;
const LOAD_VALUE_BYTES: usize = 85;
const LOAD_SIGNERS: u32 = 100;
/// So many blocks bring an idle one of the root group, whose keys lie before all others.
const ROOT_EVERY: Height = 10;
/// Blocks that are made at once: their making is not counted.
const LOAD_BLOCKS_AT_ONCE: Height = 20;

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--load");
    if arguments.next().is_none() {
        once_each();
    }
    load(arguments.next().map_or(LOAD_BLOCKS, |blocks| blocks.parse().unwrap()));
}

fn once_each() {
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
    let found = found.filter(|receipt| ledger.find_transaction(&receipt.id).is_some()).count();
    println!("{:.0} transactions found a second", found as f64 / start.elapsed().as_secs_f64());

    let start = Instant::now();
    let keys = commits.iter().flat_map(|commit| &commit.changes).step_by(10);
    let found = keys.filter(|(key, _)| ledger.entry(key).is_some()).count();
    println!("{:.0} entries read a second", found as f64 / start.elapsed().as_secs_f64());

    // Opening writes what the log still holds into sorted files.
    drop((ledger, log, storage));
    let bytes = Storage::open(dir.path(), Options::default()).unwrap().disk_usage().unwrap().ledger_bytes;
    println!("{:.0} bytes on disk a transaction", bytes as f64 / transactions);
}

/// Commits the load on a thread of its own, and tells what it costs: the time of every thread counts but of the one that
/// makes the blocks, until the disk's own threads rest.
fn load(blocks: Height) {
    let dir = tempfile::tempdir_in(".").unwrap();
    let storage = Storage::open(dir.path(), Options::default()).unwrap();
    let ledger = storage.ledger(GROUP);
    let (send, receive) = sync_channel::<Vec<BlockCommit>>(0);
    let (give_back, done) = channel();
    let (resident, cpu, written) = (resident_bytes(), others_cpu_seconds(), written_bytes());
    let (mut ids, mut highest): (Vec<Receipt>, _) = (Vec::new(), 0);
    let (committing, taken) = thread::scope(|scope| {
        let (writer, root) = (ledger.clone(), storage.ledger(GroupId::ROOT));
        let name = thread::Builder::new().name("writer".into());
        let writer = name.spawn_scoped(scope, move || {
            let mut taken = Duration::ZERO;
            for commits in receive {
                let start = Instant::now();
                for commit in &commits {
                    writer.commit_blocks(std::slice::from_ref(commit), &[]).unwrap();
                    let height = commit.block.header.height;
                    if height.is_multiple_of(ROOT_EVERY) {
                        let idle = commit_of(height / ROOT_EVERY, Vec::new(), Vec::new());
                        root.commit_blocks(&[idle], &[]).unwrap();
                    }
                }
                taken += start.elapsed();
                give_back.send(commits).unwrap();
            }
            (own_cpu_seconds(), taken)
        });
        let writer = writer.unwrap();
        for from in (0..blocks).step_by(usize::try_from(LOAD_BLOCKS_AT_ONCE).unwrap()) {
            let commits: Vec<_> = (from..from + LOAD_BLOCKS_AT_ONCE).map(load_commit).collect();
            ids.extend(commits.iter().map(|commit| commit.receipts[7].clone()));
            send.send(commits).unwrap();
            highest = highest.max(resident_bytes());
            done.try_iter().for_each(drop);
        }
        drop(send);
        writer.join().unwrap()
    });
    // The writing thread has ended, and its time is not among the others' any more.
    let mut rest = others_cpu_seconds();
    loop {
        thread::sleep(Duration::from_millis(500));
        let now = others_cpu_seconds();
        if now - rest < 0.001 {
            break;
        }
        rest = now;
    }
    let transactions = blocks as f64 * f64::from(LOAD_TRANSACTIONS);
    let micros = |seconds: f64| seconds * 1e6 / transactions;
    println!(
        "overwrites of {LOAD_KEYS} keys, {blocks} blocks of {LOAD_TRANSACTIONS}: {:.2} us of CPU a transaction, \
         {:.2} of them on the writing thread (which took {:.2} us); {:.0} bytes written; {} MB resident, {} MB before",
        micros(rest - cpu + committing),
        micros(committing),
        micros(taken.as_secs_f64()),
        (written_bytes() - written) as f64 / transactions,
        highest.max(resident_bytes()) >> 20,
        resident >> 20,
    );
    load_reads(&ledger, &ids, blocks - 1);
    drop((ledger, storage));
    let bytes = Storage::open(dir.path(), Options::default()).unwrap().disk_usage().unwrap().ledger_bytes;
    println!("{:.0} bytes on disk a transaction", bytes as f64 / transactions);
}

/// What reads take on the ledger that the load left.
fn load_reads(ledger: &LedgerStore, receipts: &[Receipt], tip: Height) {
    let timed = |what: &str, count: u64, read: &mut dyn FnMut(u64) -> usize| {
        let start = Instant::now();
        let found: usize = (0..count).map(read).sum();
        println!("{what}: {:.2} us each, {found} found", start.elapsed().as_secs_f64() * 1e6 / count as f64);
    };
    timed("newest entries", 20_000, &mut |turn| usize::from(ledger.entry(&load_key(turn * 7919)).is_some()));
    timed("transactions by id", 20_000, &mut |turn| {
        let receipt = &receipts[usize::try_from(turn * 7919).unwrap() % receipts.len()];
        usize::from(ledger.find_transaction(&receipt.id).is_some())
    });
    timed("entries at an old height", 5_000, &mut |turn| {
        usize::from(ledger.entry_at(&load_key(turn * 7919), tip - turn % 1000).is_some())
    });
    timed("scans of 100 keys at the tip", 200, &mut |turn| {
        ledger.scan((Bound::Included(load_key(turn * 400)), Bound::Unbounded), 100, tip).len()
    });
    timed("scans of 100 keys at an old height", 200, &mut |turn| {
        ledger.scan((Bound::Included(load_key(turn * 400)), Bound::Unbounded), 100, tip / 2).len()
    });
    timed("versions of a key", 2_000, &mut |turn| {
        let mut versions = 0;
        ledger.visit_versions(&load_key(turn * 7919), tip, |_, _| {
            versions += 1;
            ControlFlow::Continue(())
        });
        versions
    });
    timed("lists of 100 of all", 200, &mut |turn| {
        ledger.transactions(None, ListPlace::last_of(tip - turn), 100).len()
    });
    timed("lists of 100 of an account", 200, &mut |turn| {
        let signer = signer(u32::try_from(turn).unwrap() % LOAD_SIGNERS);
        ledger.transactions(Some(&signer), ListPlace::last_of(tip - turn), 100).len()
    });
    timed("changes of a block", 500, &mut |turn| {
        let mut changed = 0;
        ledger.visit_changes(turn * 3, |_, _| {
            changed += 1;
            ControlFlow::Continue(())
        });
        changed
    });
    timed("receipts", 500, &mut |turn| ledger.receipts(turn * 3).len());
}

fn resident_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// What this process wrote to files: logs, flushes and compactions.
fn written_bytes() -> u64 {
    let counts = fs::read_to_string("/proc/self/io").unwrap();
    counts.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap().parse().unwrap()
}

fn cpu_seconds(thread: &str) -> f64 {
    let spent = fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).unwrap_or_default();
    spent.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// The processor time of this thread.
fn own_cpu_seconds() -> f64 {
    let own = fs::read_link("/proc/thread-self").unwrap();
    cpu_seconds(own.file_name().unwrap().to_str().unwrap())
}

/// The processor time of all threads that live but the first.
fn others_cpu_seconds() -> f64 {
    let threads = fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().file_name());
    let first = std::process::id().to_string();
    threads
        .filter(|thread| *thread != first.as_str())
        .map(|thread| cpu_seconds(thread.to_str().unwrap()))
        .sum()
}

fn signer(number: u32) -> Account {
    Account(PublicKey(sha256(&[&number.to_be_bytes()]).0))
}

/// One of the keys of the load, 14 bytes long.
fn load_key(number: u64) -> Key {
    Key(format!("{:014}", number % LOAD_KEYS).into_bytes())
}

fn load_commit(height: Height) -> BlockCommit {
    let hash = |index: u32| sha256(&[&height.to_be_bytes(), &index.to_be_bytes()]);
    let mut changes = BTreeMap::new();
    let signed = (0..LOAD_TRANSACTIONS).map(|index| {
        let hash = hash(index);
        let key = load_key(u64::from_be_bytes(*hash.0.first_chunk().unwrap()));
        let value: Vec<u8> = hash.0.iter().copied().cycle().take(LOAD_VALUE_BYTES).collect();
        let entry = Entry { value: Value::Bytes(value.clone()), version: Version::new(0, height, index) };
        changes.insert(key.clone(), Some(entry));
        signed(signer(index % LOAD_SIGNERS), (height << 32) | u64::from(index), hash, Op::Put { key, value })
    });
    let signed = signed.collect();
    commit_of(height, signed, changes.into_iter().collect())
}

/// A signed transaction; its signature is as incompressible as a real one.
fn signed(signer: Account, salt: u64, hash: Hash, op: Op) -> SignedTransaction {
    let (chain, ops) = (ChainId::default(), vec![op]);
    let transaction = Transaction { chain, signer, salt, expires_at_ms: 0, checks: vec![], ops };
    let other = sha256(&[&hash.0]);
    let signature = Signature([hash.0, other.0].concat().try_into().unwrap());
    SignedTransaction { transaction, signature }
}

/// New random keys each: the worst case for the disk.
fn commit(height: Height) -> BlockCommit {
    let hash = |index: u32| sha256(&[&height.to_be_bytes(), &index.to_be_bytes()]);
    let value = |index| hash(index).0.iter().copied().cycle().take(VALUE_BYTES).collect::<Vec<u8>>();
    let put = |index| Op::Put { key: Key(hash(index).0.to_vec()), value: value(index) };
    let salt = |index| (height << 32) | u64::from(index);
    let transaction = |index| signed(signer(index % SIGNERS), salt(index), hash(index), put(index));
    let mut changes: Vec<_> = (0..KEYS_PER_BLOCK)
        .map(|index| {
            let entry = Entry { value: Value::Bytes(value(index)), version: Version::new(1, height, index) };
            (Key(hash(index).0.to_vec()), Some(entry))
        })
        .collect();
    changes.sort_by(|left, right| left.0.cmp(&right.0));
    commit_of(height, (0..KEYS_PER_BLOCK).map(transaction).collect(), changes)
}

fn commit_of(
    height: Height,
    signed: Vec<SignedTransaction>,
    changes: Vec<(Key, Option<Entry>)>,
) -> BlockCommit {
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
    let parties = signed.iter().map(|signed| Parties::of(&signed.transaction)).collect();
    let ids: Vec<_> = signed.iter().map(SignedTransaction::id).collect();
    let payload = Payload { batches: vec![Batch::of(signed)], envelopes: vec![] };
    let block = Block { header, payload };
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
    BlockCommit { block: Arc::new(block), outcome, receipts, parties, changes }
}

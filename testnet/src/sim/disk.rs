//! A node's disk: the consensus log and the ledger, apart. What is written waits for a sync; a crash keeps what was
//! synced and any prefix of the rest. The ledger can be read before it is synced.

use super::pipeline::Crash;
use super::random::Random;
use super::scenario::Disks;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use witan_consensus::engine::Seq;
use witan_ledger::{Entry, MemoryStore, Receipt, Store};
use witan_replica::{LedgerWrite, WriteSeq};
use witan_types::{Block, Height, Key, Outcome, Seal, TxId};

/// How often a sync also obeys a wish to truncate, in percent: it may come late, or never before a crash.
const TRUNCATES: u64 = 70;
/// The most durable records that a forgetful disk loses in a crash.
const FORGETS: usize = 4;

/// A flushed ledger that a replica reads and its disk writes.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedStore(Arc<Mutex<MemoryStore>>);

impl SharedStore {
    fn lock(&self) -> MutexGuard<'_, MemoryStore> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, write: LedgerWrite) {
        write_to(&mut self.lock(), write);
    }
}

fn write_to(store: &mut MemoryStore, write: LedgerWrite) {
    match write {
        LedgerWrite::Block(commit) => store.apply(&commit),
        LedgerWrite::Seal(seal) => store.put_seal(*seal),
    }
}

impl Store for SharedStore {
    fn tip(&self) -> Option<Height> {
        self.lock().tip()
    }
    fn entry(&self, key: &Key) -> Option<Entry> {
        self.lock().entry(key)
    }
    fn visit_entries(&self, visit: &mut dyn FnMut(Key, Entry)) {
        self.lock().visit_entries(visit);
    }
    fn block(&self, height: Height) -> Option<Arc<Block>> {
        self.lock().block(height)
    }
    fn outcome(&self, height: Height) -> Option<Outcome> {
        self.lock().outcome(height)
    }
    fn seal(&self, height: Height) -> Option<Seal> {
        self.lock().seal(height)
    }
    fn sealed_tip(&self) -> Height {
        self.lock().sealed_tip()
    }
    fn receipts(&self, height: Height) -> Vec<Receipt> {
        self.lock().receipts(height)
    }
    fn find_transaction(&self, id: &TxId) -> Option<(Height, Receipt)> {
        self.lock().find_transaction(id)
    }
}

/// Writes in order: those that the sync under way covers, and those behind it.
#[derive(Debug)]
struct Queue<T> {
    syncing: Vec<T>,
    waiting: Vec<T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue { syncing: Vec::new(), waiting: Vec::new() }
    }
}

impl<T> Queue<T> {
    /// Starts a sync of all that waits, if something does and none is under way.
    fn start(&mut self) -> bool {
        let starts = self.syncing.is_empty() && !self.waiting.is_empty();
        if starts {
            self.syncing = std::mem::take(&mut self.waiting);
        }
        starts
    }

    /// What a crash leaves of the writes that were not synced.
    fn surviving(&mut self, random: &mut Random) -> Vec<T> {
        let mut writes = std::mem::take(&mut self.syncing);
        writes.append(&mut self.waiting);
        writes.truncate(random.place(writes.len() + 1));
        writes
    }
}

#[derive(Debug)]
enum LogWrite {
    Record(Seq, Vec<u8>),
    Truncate(Seq),
    Batch(u64, Vec<u8>),
    Forget(u64),
}

/// What the sync of a log covers, above all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Covers {
    Batches,
    Forgetting,
    Truncation,
    Records,
}

/// What is on disk since a sync of the log, or all the same after a crash, and what is not any more.
#[derive(Debug, Default)]
pub(super) struct Synced {
    pub(super) records: Vec<(Seq, Vec<u8>)>,
    pub(super) batches: Vec<(u64, Vec<u8>)>,
    pub(super) forgotten: Vec<u64>,
}

/// The disk of one node.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// The ledger as it can be read.
    pub(super) store: SharedStore,
    /// As much of it as survives a crash at least.
    durable_ledger: MemoryStore,
    log: BTreeMap<Seq, Vec<u8>>,
    batches: BTreeMap<u64, Vec<u8>>,
    log_queue: Queue<LogWrite>,
    /// Ledger writes that can't be read yet, and those that can and wait for a sync.
    ledger_writes: Queue<(WriteSeq, LedgerWrite)>,
    ledger_syncs: Queue<(WriteSeq, LedgerWrite)>,
    honesty: Disks,
    /// How often a wish to forget is obeyed, in percent.
    obeys: u64,
}

impl Disk {
    /// An empty one, which forgets what it is told to or takes its time.
    pub(super) fn new(honesty: Disks, forgets_at_once: bool) -> Disk {
        Disk { honesty, obeys: if forgets_at_once { 100 } else { TRUNCATES }, ..Disk::default() }
    }

    /// Takes consensus records in.
    pub(super) fn write_log(&mut self, records: Vec<(Seq, Vec<u8>)>, truncate: Option<Seq>) {
        let records = records.into_iter().map(|(seq, bytes)| LogWrite::Record(seq, bytes));
        self.log_queue.waiting.extend(records);
        self.log_queue.waiting.extend(truncate.map(LogWrite::Truncate));
    }

    /// Takes batches in, and what may be forgotten of them.
    pub(super) fn write_batches(&mut self, batches: Vec<(u64, Vec<u8>)>, forgotten: Vec<u64>) {
        let batches = batches.into_iter().map(|(number, bytes)| LogWrite::Batch(number, bytes));
        self.log_queue.waiting.extend(batches);
        self.log_queue.waiting.extend(forgotten.into_iter().map(LogWrite::Forget));
    }

    /// Takes ledger writes in.
    pub(super) fn take_ledger(&mut self, writes: Vec<(WriteSeq, LedgerWrite)>) {
        self.ledger_writes.waiting.extend(writes);
    }

    /// Starts writing what waits for the ledger: how many writes that is.
    pub(super) fn start_ledger_write(&mut self) -> usize {
        self.ledger_writes.start();
        self.ledger_writes.syncing.len()
    }

    /// Starts a sync of the log if one is due.
    pub(super) fn start_log_sync(&mut self) -> bool {
        self.log_queue.start()
    }

    /// Starts a sync of what was written to the ledger since the last one.
    pub(super) fn start_ledger_sync(&mut self) {
        self.ledger_syncs.start();
    }

    /// What the sync under way covers.
    pub(super) fn syncs(&self) -> Covers {
        let any = |is: fn(&LogWrite) -> bool| self.log_queue.syncing.iter().any(is);
        if any(|write| matches!(write, LogWrite::Batch(..))) {
            Covers::Batches
        } else if any(|write| matches!(write, LogWrite::Forget(_))) {
            Covers::Forgetting
        } else if any(|write| matches!(write, LogWrite::Truncate(_))) {
            Covers::Truncation
        } else {
            Covers::Records
        }
    }

    /// The sync of the log is done: what is durable now.
    pub(super) fn finish_log_sync(&mut self, random: &mut Random) -> Synced {
        let mut synced = Synced::default();
        for write in std::mem::take(&mut self.log_queue.syncing) {
            match write {
                LogWrite::Record(seq, bytes) => {
                    self.log.insert(seq, bytes.clone());
                    synced.records.push((seq, bytes));
                }
                LogWrite::Truncate(seq) if random.chance(self.obeys) => self.log = self.log.split_off(&seq),
                LogWrite::Batch(number, bytes) => {
                    self.batches.insert(number, bytes.clone());
                    synced.batches.push((number, bytes));
                }
                LogWrite::Forget(number) if random.chance(self.obeys) => {
                    self.batches.remove(&number);
                    synced.forgotten.push(number);
                }
                LogWrite::Truncate(_) | LogWrite::Forget(_) => {}
            }
        }
        synced
    }

    /// Writing the ledger is done: the newest write that can be read now.
    pub(super) fn finish_ledger_write(&mut self) -> Option<WriteSeq> {
        let mut newest = None;
        for (seq, write) in std::mem::take(&mut self.ledger_writes.syncing) {
            self.store.write(write.clone());
            self.ledger_syncs.waiting.push((seq, write));
            newest = Some(seq);
        }
        newest
    }

    /// The sync of the ledger is done: the newest write that is durable now.
    pub(super) fn finish_ledger_sync(&mut self) -> Option<WriteSeq> {
        let mut newest = None;
        for (seq, write) in std::mem::take(&mut self.ledger_syncs.syncing) {
            write_to(&mut self.durable_ledger, write);
            newest = Some(seq);
        }
        newest
    }

    /// The node goes down: it keeps what was synced, and what this crash leaves of the rest; whatever chance does, if none is
    /// planned. Returns what was not called durable and survived all the same.
    pub(super) fn crash(&mut self, planned: Option<Crash>, random: &mut Random) -> Synced {
        match planned {
            Some(Crash::Power) => {
                (self.log_queue, self.ledger_writes, self.ledger_syncs) = Default::default();
            }
            Some(Crash::Process) => {
                (self.log_queue, self.ledger_writes) = Default::default();
                self.durable_ledger = self.store.lock().clone();
                self.ledger_syncs = Queue::default();
            }
            None => {}
        }
        let mut survived = Synced::default();
        for write in self.log_queue.surviving(random) {
            match write {
                LogWrite::Record(seq, bytes) => survived.records.push((seq, bytes)),
                LogWrite::Batch(number, bytes) => survived.batches.push((number, bytes)),
                LogWrite::Truncate(_) | LogWrite::Forget(_) => {}
            }
        }
        self.log.extend(survived.records.iter().cloned());
        self.batches.extend(survived.batches.iter().cloned());
        if self.honesty == Disks::ForgetRecords {
            for _ in 0..random.place(FORGETS + 1) {
                self.log.pop_last();
            }
        }
        self.ledger_syncs.waiting.append(&mut self.ledger_writes.syncing);
        self.ledger_syncs.waiting.append(&mut self.ledger_writes.waiting);
        for (_, write) in self.ledger_syncs.surviving(random) {
            write_to(&mut self.durable_ledger, write);
        }
        // Whoever reads the store of before is gone with the node.
        self.store = SharedStore(Arc::new(Mutex::new(self.durable_ledger.clone())));
        survived
    }

    /// The consensus log is gone.
    pub(super) fn lose_log(&mut self) {
        self.log.clear();
        self.batches.clear();
        self.log_queue = Queue::default();
    }

    /// The consensus log as it is read at a start.
    pub(super) fn records(&self) -> Vec<(Seq, Vec<u8>)> {
        self.log.iter().map(|(seq, bytes)| (*seq, bytes.clone())).collect()
    }

    /// The batches as they are read at a start.
    pub(super) fn batches(&self) -> Vec<(u64, Vec<u8>)> {
        self.batches.iter().map(|(number, bytes)| (*number, bytes.clone())).collect()
    }

    /// How many records the log holds.
    pub(super) fn log_length(&self) -> usize {
        self.log.len()
    }
}

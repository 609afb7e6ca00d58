//! The disk's two writers, each a thread, each for all groups. One makes consensus records durable, with one sync for all that waits:
//! what is said rests on them. The other writes the ledger, and makes it durable a few times a second: whatever a loss of power takes
//! from there is executed again from the records.

use crate::disk::DiskWatch;
use crate::event_loop::Command;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, mem, thread};
use witan_consensus::engine::Seq;
use witan_replica::{LedgerWrite, WriteSeq};
use witan_storage::{LedgerStore, LogBatch, Storage, StorageError, StoredEvidence, marker};
use witan_types::{Epoch, GroupId};

/// The epoch that genesis starts.
pub(crate) const FIRST_EPOCH: Epoch = Epoch(1);
/// How often the disk is asked for its room.
const ROOM_INTERVAL: Duration = Duration::from_secs(2);
/// The most ledger jobs that are taken at once.
const MAX_JOBS: usize = 64;
/// The ledger is durable so soon after it was written,
const SYNC_WITHIN: Duration = Duration::from_millis(250);
/// or after so many writes: engines hold what is above, and PBFT's window ends some heights above it.
const SYNC_AFTER_WRITES: usize = 16;

/// Consensus records of one group.
#[derive(Debug)]
pub(crate) struct LogJob {
    pub(crate) group: GroupId,
    pub(crate) records: Vec<(Seq, Vec<u8>)>,
    pub(crate) truncate: Option<Seq>,
    /// Batches of transactions, each with its number.
    pub(crate) batches: Vec<(u64, Vec<u8>)>,
    /// The numbers of batches that may go.
    pub(crate) forget_batches: Vec<u64>,
    /// What members were caught signing.
    pub(crate) evidence: Vec<StoredEvidence>,
}

impl LogJob {
    /// One that does nothing.
    pub(crate) fn of(group: GroupId) -> LogJob {
        LogJob {
            group,
            records: Vec::new(),
            truncate: None,
            batches: Vec::new(),
            forget_batches: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// Whether it does nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.truncate.is_none()
            && self.batches.is_empty()
            && self.forget_batches.is_empty()
            && self.evidence.is_empty()
    }
}

/// What is durable since now: up to which record and which batch of each group.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Durable {
    pub(crate) records: BTreeMap<GroupId, Seq>,
    pub(crate) batches: BTreeMap<GroupId, u64>,
}

/// Ledger writes of one group.
#[derive(Debug)]
pub(crate) struct LedgerJob {
    pub(crate) group: GroupId,
    pub(crate) writes: Vec<(WriteSeq, LedgerWrite)>,
}

/// Both threads.
#[derive(Debug)]
pub(crate) struct Writers {
    log: Option<Sender<LogJob>>,
    ledger: Option<Sender<LedgerJob>>,
    threads: Vec<JoinHandle<()>>,
}

impl Writers {
    /// Starts both. `home` is where the marker of the first signature goes.
    pub(crate) fn start(
        storage: &Storage,
        home: PathBuf,
        groups: impl Iterator<Item = GroupId>,
        min_free_bytes: u64,
        disk: &Arc<DiskWatch>,
        done: &SyncSender<Command>,
    ) -> io::Result<Writers> {
        let (log, log_jobs) = channel();
        let (ledger, ledger_jobs) = channel();
        let stores = groups.map(|group| (group, storage.ledger(group))).collect();
        let log_writer = LogWriter {
            storage: storage.clone(),
            home,
            marked: BTreeSet::new(),
            disk: Arc::clone(disk),
            done: done.clone(),
        };
        let room = RoomCheck { storage: storage.clone(), min_free_bytes, looked: None };
        let ledger_writer =
            LedgerWriter { stores, room, disk: Arc::clone(disk), done: done.clone(), unsynced: None };
        let threads = vec![
            thread::Builder::new().name("log-writer".into()).spawn(move || log_writer.run(&log_jobs))?,
            thread::Builder::new()
                .name("ledger-writer".into())
                .spawn(move || ledger_writer.run(&ledger_jobs))?,
        ];
        Ok(Writers { log: Some(log), ledger: Some(ledger), threads })
    }

    pub(crate) fn log(&self, job: LogJob) {
        // A writer that is gone has said why through the loop's channel.
        drop(self.log.as_ref().map(|log| log.send(job)));
    }

    pub(crate) fn ledger(&self, job: LedgerJob) {
        drop(self.ledger.as_ref().map(|ledger| ledger.send(job)));
    }

    /// Lets both write what waits, and waits for them. The caller drops the loop's receiver first, so that no report
    /// blocks them.
    pub(crate) fn finish(&mut self) {
        self.log = None;
        self.ledger = None;
        for thread in mem::take(&mut self.threads) {
            if thread.join().is_err() {
                tracing::error!("a writer panicked");
            }
        }
    }
}

struct LogWriter {
    storage: Storage,
    home: PathBuf,
    marked: BTreeSet<GroupId>,
    disk: Arc<DiskWatch>,
    done: SyncSender<Command>,
}

impl LogWriter {
    fn run(mut self, jobs: &Receiver<LogJob>) {
        while let Ok(first) = jobs.recv() {
            let jobs: Vec<LogJob> = std::iter::once(first).chain(jobs.try_iter()).collect();
            let report = match self.write(jobs) {
                Ok(durable) if durable == Durable::default() => continue,
                Ok(durable) => Command::Durable(durable),
                Err(error) => Command::DiskFailed(error),
            };
            let failed = matches!(report, Command::DiskFailed(_));
            report_to(&self.done, report);
            if failed {
                return;
            }
        }
    }

    /// One synced write for all jobs; then, before the first signature of a group leaves, the marker that it signs.
    fn write(&mut self, jobs: Vec<LogJob>) -> Result<Durable, StorageError> {
        let mut batch = LogBatch::new();
        let Durable { records: mut marks, batches: mut held } = Durable::default();
        for job in jobs {
            if let Some((seq, _)) = job.records.last() {
                marks.insert(job.group, *seq);
            }
            if let Some((number, _)) = job.batches.last() {
                held.insert(job.group, *number);
            }
            batch.append(job.group, FIRST_EPOCH, job.records);
            batch.hold(job.group, FIRST_EPOCH, job.batches);
            batch.forget(job.group, FIRST_EPOCH, job.forget_batches);
            if let Some(seq) = job.truncate {
                batch.truncate_before(job.group, FIRST_EPOCH, seq);
            }
            batch.keep_evidence(job.evidence);
        }
        if self.disk.fails() {
            return Err(StorageError::Io {
                path: self.storage.dir().to_owned(),
                reason: "a staged fault lets syncs fail".into(),
            });
        }
        self.disk.sync(|| self.storage.consensus_log().commit(batch))?;
        for group in marks.keys() {
            if self.marked.insert(*group) && !marker::has_signed(&self.home, *group, FIRST_EPOCH)? {
                marker::mark(&self.home, *group, FIRST_EPOCH)?;
            }
        }
        Ok(Durable { records: marks, batches: held })
    }
}

/// Looks now and then whether the disk still has room: a node stops before it loses a write.
struct RoomCheck {
    storage: Storage,
    min_free_bytes: u64,
    looked: Option<Instant>,
}

impl RoomCheck {
    fn look(&mut self, disk: &DiskWatch) -> Result<(), StorageError> {
        let full = |reason| Err(StorageError::Full { path: self.storage.dir().to_owned(), reason });
        if disk.is_full() {
            return full("a staged fault takes its room".into());
        }
        if self.looked.is_some_and(|at| at.elapsed() < ROOM_INTERVAL) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let free = self.storage.free_bytes()?;
        if free >= self.min_free_bytes {
            return Ok(());
        }
        full(format!("{free} bytes are free, storage.min_free_bytes is {}", self.min_free_bytes))
    }
}

struct LedgerWriter {
    stores: BTreeMap<GroupId, LedgerStore>,
    room: RoomCheck,
    disk: Arc<DiskWatch>,
    done: SyncSender<Command>,
    unsynced: Option<Unsynced>,
}

/// What was written to the ledger since the last sync.
struct Unsynced {
    since: Instant,
    count: usize,
    /// The newest of each group.
    newest: BTreeMap<GroupId, WriteSeq>,
}

impl LedgerWriter {
    fn run(mut self, jobs: &Receiver<LedgerJob>) {
        loop {
            let done = match self.next(jobs) {
                Ok(first) => self.write_all(std::iter::once(first).chain(jobs.try_iter().take(MAX_JOBS))),
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let done = done.and_then(|()| if self.is_sync_due() { self.sync() } else { Ok(()) });
            if let Err(error) = done {
                return report_to(&self.done, Command::DiskFailed(error));
            }
        }
        if let Err(error) = self.sync() {
            tracing::error!(%error, "the ledger's last writes may not be durable; they are executed again at the next start");
        }
    }

    fn next(&self, jobs: &Receiver<LedgerJob>) -> Result<LedgerJob, RecvTimeoutError> {
        match &self.unsynced {
            Some(unsynced) => jobs.recv_timeout(SYNC_WITHIN.saturating_sub(unsynced.since.elapsed())),
            None => jobs.recv().map_err(RecvTimeoutError::from),
        }
    }

    fn write_all(&mut self, jobs: impl Iterator<Item = LedgerJob>) -> Result<(), StorageError> {
        let mut by_group: BTreeMap<GroupId, Vec<(WriteSeq, LedgerWrite)>> = BTreeMap::new();
        for job in jobs {
            by_group.entry(job.group).or_default().extend(job.writes);
        }
        for (group, writes) in by_group {
            let Some(newest) = writes.last().map(|(seq, _)| *seq) else { continue };
            let unsynced = self.unsynced.get_or_insert_with(Unsynced::new);
            unsynced.count = unsynced.count.saturating_add(writes.len());
            unsynced.newest.insert(group, newest);
            self.write(group, writes)?;
            report_to(&self.done, Command::Written(group, newest));
        }
        Ok(())
    }

    fn write(&mut self, group: GroupId, writes: Vec<(WriteSeq, LedgerWrite)>) -> Result<(), StorageError> {
        self.room.look(&self.disk)?;
        let (mut commits, mut seals) = (Vec::new(), Vec::new());
        for (_, write) in writes {
            match write {
                LedgerWrite::Block(commit) => commits.push(commit),
                LedgerWrite::Seal(seal) => seals.push(*seal),
            }
        }
        self.stores.get(&group).map_or(Ok(()), |store| store.write_blocks(&commits, &seals))
    }

    fn is_sync_due(&self) -> bool {
        let is_due = |unsynced: &Unsynced| {
            unsynced.count >= SYNC_AFTER_WRITES || unsynced.since.elapsed() >= SYNC_WITHIN
        };
        self.unsynced.as_ref().is_some_and(is_due)
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        let Some(unsynced) = self.unsynced.take() else { return Ok(()) };
        self.disk.hold_up();
        // All groups are in one instance.
        self.stores.values().next().map_or(Ok(()), LedgerStore::sync)?;
        report_to(&self.done, Command::LedgerDurable(unsynced.newest));
        Ok(())
    }
}

impl Unsynced {
    fn new() -> Unsynced {
        Unsynced { since: Instant::now(), count: 0, newest: BTreeMap::new() }
    }
}

/// Reports to the loop. At the end of an orderly stop the loop is gone, and writing goes on all the same.
fn report_to(done: &SyncSender<Command>, report: Command) {
    drop(done.send(report));
}

//! The ledger's writer of a node, one for all its groups, as `node/src/writers.rs` has it: one thing after another it writes what came,
//! says so, and makes it durable some time after the first write that is not, or after so many. What it says is heard in that order.

use super::host::HEARING;
use super::pipeline::Step;
use super::world::{Matter, What, Work, World};
use witan_types::GroupId;

/// The ledger is durable so soon after it was written, in microseconds,
const SYNC_WITHIN: u64 = 250_000;
/// or after so many writes.
const SYNC_AFTER_WRITES: usize = 16;
/// How long a write takes that waits for no disk, in microseconds.
const WRITE: std::ops::RangeInclusive<u64> = 50..=2_000;

/// What it is at.
#[derive(Debug, Default)]
pub(super) struct LedgerWriter {
    is_busy: bool,
    /// When the first write began that is not durable, and how many there are.
    unsynced: Option<(u64, usize)>,
    /// When the newest of what it said is heard.
    heard_us: u64,
}

impl LedgerWriter {
    fn is_sync_due(&self, now_us: u64) -> bool {
        let is_due = |(since, count): (u64, usize)| {
            count >= SYNC_AFTER_WRITES || now_us >= since.saturating_add(SYNC_WITHIN)
        };
        self.unsynced.is_some_and(is_due)
    }
}

impl World {
    /// The writer of a node takes up what is to be done, unless it is at something.
    pub(super) fn write_ledgers(&mut self, at: usize) {
        let now_us = self.now_us;
        let writer = &self.node(at).ledger_writer;
        if writer.is_busy {
            return;
        }
        let (takes, work) = if writer.is_sync_due(now_us) {
            self.node(at).groups.values_mut().for_each(|hosted| hosted.disk.start_ledger_sync());
            (self.sync_time(at), Work::LedgerSynced)
        } else {
            let groups = self.node(at).groups.values_mut();
            let count: usize = groups.map(|hosted| hosted.disk.start_ledger_write()).sum();
            if count == 0 {
                return;
            }
            self.counts_as_unsynced(at, count);
            (self.random.within(WRITE), Work::LedgerWritten)
        };
        self.node(at).ledger_writer.is_busy = true;
        self.after_at(takes, at, What::Disk(work));
    }

    fn counts_as_unsynced(&mut self, at: usize, count: usize) {
        let now_us = self.now_us;
        let unsynced = &mut self.node(at).ledger_writer.unsynced;
        match unsynced {
            Some((_, before)) => *before = before.saturating_add(count),
            None => {
                *unsynced = Some((now_us, count));
                self.after_at(SYNC_WITHIN, at, What::Disk(Work::SyncDue));
            }
        }
    }

    /// What it was at is done.
    pub(super) fn disk_worked(&mut self, at: usize, work: Work) {
        let (during, after) = match work {
            Work::LedgerWritten => (Step::BlockWriting, Step::BlockWritten),
            Work::LedgerSynced => (Step::LedgerSyncing, Step::LedgerSynced),
            Work::SyncDue => return self.write_ledgers(at),
        };
        if self.passes(at, during) {
            return;
        }
        let mut done = Vec::new();
        for group in self.groups_of(at) {
            let disk = &mut self.hosted(at, group).disk;
            done.extend(match work {
                Work::LedgerWritten => disk.finish_ledger_write().map(|seq| (group, Matter::Written(seq))),
                Work::LedgerSynced | Work::SyncDue => {
                    disk.finish_ledger_sync().map(|seq| (group, Matter::LedgerDurable(seq)))
                }
            });
        }
        if self.passes(at, after) {
            return;
        }
        let writer = &mut self.node(at).ledger_writer;
        writer.is_busy = false;
        writer.unsynced = writer.unsynced.filter(|_| work == Work::LedgerWritten);
        done.into_iter().for_each(|(group, matter)| self.reports(at, group, matter));
        self.write_ledgers(at);
    }

    /// The host hears of it, after all that it was told before.
    fn reports(&mut self, at: usize, group: GroupId, matter: Matter) {
        let (now_us, takes) = (self.now_us, self.random.within(HEARING));
        let writer = &mut self.node(at).ledger_writer;
        writer.heard_us = writer.heard_us.max(now_us.saturating_add(takes));
        let after = writer.heard_us.saturating_sub(now_us);
        self.after_within(after, at, group, matter);
    }
}

//! No orphans: keys are held for as long as a decision takes, and no longer. What is held shows in the records that blocks
//! write.

use super::{Promise, Verdict, holds};
use std::collections::BTreeMap;
use witan_ledger::records::Record;
use witan_ledger::two_phase::{Coordinated, CoordinatorStage, ParticipantStage, Participated};
use witan_ledger::{BlockCommit, Entry, Value};
use witan_types::{GroupId, Height, TxId, Wire};

/// What the blocks of all groups show of locks.
#[derive(Debug, Default)]
pub(in crate::sim) struct Locking {
    /// The block time at which a transaction locked its keys in a group; Unix milliseconds.
    held: BTreeMap<(GroupId, TxId), u64>,
    /// The newest block of each group that was looked at, and its time.
    newest: BTreeMap<GroupId, (Height, u64)>,
    /// The longest that keys were held, in milliseconds of block time.
    pub(in crate::sim) longest_ms: u64,
    /// The longest time between two blocks of a group, in milliseconds.
    longest_gap_ms: u64,
}

impl Locking {
    /// A node tells of a block; the first to do so counts.
    pub(in crate::sim) fn committed(&mut self, commit: &BlockCommit) {
        let header = &commit.block.header;
        let newest = self.newest.get(&header.group).copied();
        if newest.is_some_and(|(height, _)| height >= header.height) {
            return;
        }
        if let Some((_, time_ms)) = newest {
            self.longest_gap_ms = self.longest_gap_ms.max(header.time_ms.saturating_sub(time_ms));
        }
        self.newest.insert(header.group, (header.height, header.time_ms));
        for (key, entry) in &commit.changes {
            let (id, taken_at_ms) = match Record::of(key) {
                Some(Record::Coordinated(id)) => (id, read(entry.as_ref()).and_then(coordinated_since)),
                Some(Record::Participated(id)) => (id, read(entry.as_ref()).and_then(prepared_since)),
                _ => continue,
            };
            self.look((header.group, id), taken_at_ms, header.time_ms);
        }
    }

    fn look(&mut self, holder: (GroupId, TxId), taken_at_ms: Option<u64>, now_ms: u64) {
        let before = match taken_at_ms {
            Some(taken_at_ms) => {
                self.held.insert(holder, taken_at_ms).filter(|before| *before != taken_at_ms)
            }
            None => self.held.remove(&holder),
        };
        let held_ms = before.map_or(0, |before| now_ms.saturating_sub(before));
        self.longest_ms = self.longest_ms.max(held_ms);
    }

    /// Whether no key was held for longer than the time-out and two blocks, nor is held now.
    pub(in crate::sim) fn within(&self, prepare_timeout_ms: u64) -> Verdict {
        let most_ms = prepare_timeout_ms.saturating_add(2 * self.longest_gap_ms);
        holds(Promise::NoOrphans, self.held.is_empty() && self.longest_ms <= most_ms, || {
            format!(
                "keys were held for {} ms, the time-out and two blocks are {most_ms} ms; still held: {:?}",
                self.longest_ms, self.held
            )
        })
    }
}

fn read<T: Wire>(entry: Option<&Entry>) -> Option<T> {
    match &entry?.value {
        Value::Record(bytes) => T::decode(bytes).ok(),
        _ => None,
    }
}

fn coordinated_since(coordinated: Coordinated) -> Option<u64> {
    match coordinated.stage {
        CoordinatorStage::Preparing { taken_at_ms, .. } => Some(taken_at_ms),
        CoordinatorStage::Waiting { .. } => None,
    }
}

fn prepared_since(participated: Participated) -> Option<u64> {
    match participated.stage {
        ParticipantStage::Prepared { taken_at_ms, .. } => Some(taken_at_ms),
        ParticipantStage::Refused | ParticipantStage::Decided { .. } => None,
    }
}

//! The consensus log: the records that an engine must not forget, of all groups, in one instance, under one sync.

use crate::error::StorageError;
use crate::evidence::{self, EVIDENCE, EvidencePlace, StoredEvidence};
use crate::instance::Instance;
use crate::keys;
use crate::options::{Family, Shape};
use rocksdb::WriteBatch;
use std::fmt;
use std::sync::Arc;
use witan_types::{Epoch, GroupId};

pub(crate) const FAMILIES: [Family; 4] =
    [("default", Shape::Small), (RECORDS, Shape::Log), (EVIDENCE, Shape::Small), (BATCHES, Shape::Log)];

const RECORDS: &str = "records";
/// By group, epoch and number: batches of transactions that this node holds for its group.
const BATCHES: &str = "batches";

/// Changes to the log, of any number of groups, that become durable together.
#[derive(Clone, Debug, Default)]
pub struct LogBatch {
    appends: Vec<(Vec<u8>, Vec<u8>)>,
    batches: Vec<(Vec<u8>, Vec<u8>)>,
    forgotten: Vec<Vec<u8>>,
    truncations: Vec<(GroupId, Epoch, u64)>,
    evidence: Vec<StoredEvidence>,
}

impl LogBatch {
    /// An empty batch.
    pub fn new() -> LogBatch {
        LogBatch::default()
    }

    /// Adds records with their sequence numbers, ascending by one. One with the number of an older one replaces it.
    pub fn append(
        &mut self,
        group: GroupId,
        epoch: Epoch,
        records: impl IntoIterator<Item = (u64, Vec<u8>)>,
    ) {
        let records = records.into_iter().map(|(seq, record)| (keys::record(group, epoch, seq), record));
        self.appends.extend(records);
    }

    /// Adds batches of transactions, each under its number.
    pub fn hold(&mut self, group: GroupId, epoch: Epoch, batches: impl IntoIterator<Item = (u64, Vec<u8>)>) {
        let batches = batches.into_iter().map(|(number, batch)| (keys::record(group, epoch, number), batch));
        self.batches.extend(batches);
    }

    /// Forgets the batches with these numbers.
    pub fn forget(&mut self, group: GroupId, epoch: Epoch, numbers: impl IntoIterator<Item = u64>) {
        self.forgotten.extend(numbers.into_iter().map(|number| keys::record(group, epoch, number)));
    }

    /// Forgets the records below `seq`, those of this batch included.
    pub fn truncate_before(&mut self, group: GroupId, epoch: Epoch, seq: u64) {
        self.truncations.push((group, epoch, seq));
    }

    /// Adds evidence of a lie. The first of each kind against each validator is kept, up to
    /// [`MAX_EVIDENCE`](crate::MAX_EVIDENCE) in all; what is there already, or is too much, changes nothing.
    pub fn keep_evidence(&mut self, evidence: impl IntoIterator<Item = StoredEvidence>) {
        self.evidence.extend(evidence);
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.appends.is_empty()
            && self.batches.is_empty()
            && self.forgotten.is_empty()
            && self.truncations.is_empty()
            && self.evidence.is_empty()
    }
}

/// The consensus log of all groups. Clones share it.
#[derive(Clone)]
pub struct ConsensusLog {
    instance: Arc<Instance>,
}

impl fmt::Debug for ConsensusLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "consensus log in {}", self.instance.dir().display())
    }
}

impl ConsensusLog {
    pub(crate) fn new(instance: Arc<Instance>) -> ConsensusLog {
        ConsensusLog { instance }
    }

    /// Writes a batch atomically. When this returns, its records survive a loss of power: one sync for all groups.
    /// A batch of truncations alone is not synced, since truncating again is harmless.
    ///
    /// # Errors
    /// If the disk refuses. Then nothing that rests on the records may leave the node, and the node stops.
    pub fn commit(&self, writes: LogBatch) -> Result<(), StorageError> {
        if writes.is_empty() {
            return Ok(());
        }
        let family = self.instance.family(RECORDS);
        let mut batch = WriteBatch::new();
        let has_evidence = evidence::put(&self.instance, &mut batch, writes.evidence)?;
        let sync = has_evidence || !writes.appends.is_empty() || !writes.batches.is_empty();
        let held = self.instance.family(BATCHES);
        for (key, held_batch) in writes.batches {
            batch.put_cf(held, key, held_batch);
        }
        for key in writes.forgotten {
            batch.delete_cf(held, key);
        }
        for (key, record) in writes.appends {
            batch.put_cf(family, key, record);
        }
        for (group, epoch, seq) in writes.truncations {
            batch.delete_range_cf(family, keys::record(group, epoch, 0), keys::record(group, epoch, seq));
        }
        self.instance.write(batch, sync)
    }

    /// All records of an epoch with their sequence numbers, ascending by one.
    ///
    /// # Errors
    /// If the disk can't be read, what it holds is not what was written, or a record in the middle is missing.
    pub fn load(&self, group: GroupId, epoch: Epoch) -> Result<Vec<(u64, Vec<u8>)>, StorageError> {
        let records = self.read(RECORDS, group, epoch)?;
        self.refuse_gaps(group, epoch, &records)?;
        Ok(records)
    }

    fn read(&self, family: &str, group: GroupId, epoch: Epoch) -> Result<Vec<(u64, Vec<u8>)>, StorageError> {
        let mut found = Vec::new();
        let mut iterator = self.instance.iterate(family, Some(keys::records_end(group, epoch)));
        iterator.seek(keys::record(group, epoch, 0));
        while let Some((key, value)) = iterator.item() {
            let number = keys::decode_seq(key).ok_or_else(|| self.instance.malformed("record's key"))?;
            found.push((number, value.to_vec()));
            iterator.next();
        }
        self.instance.finish(&iterator)?;
        Ok(found)
    }

    /// All batches of transactions that are held in an epoch, ascending by number.
    ///
    /// # Errors
    /// If the disk can't be read, or what it holds is not what was written.
    pub fn batches(&self, group: GroupId, epoch: Epoch) -> Result<Vec<(u64, Vec<u8>)>, StorageError> {
        self.read(BATCHES, group, epoch)
    }

    /// At most `limit` pieces of evidence, ordered by group, epoch, validator and kind of lie, from this place on.
    ///
    /// # Errors
    /// If the disk can't be read, or what it holds is not what was written.
    pub fn evidence(
        &self,
        from: Option<&EvidencePlace>,
        limit: usize,
    ) -> Result<Vec<StoredEvidence>, StorageError> {
        evidence::read(&self.instance, from, limit)
    }

    /// Sequence numbers ascend by one, so a gap is a lost record. An engine must not start without it.
    fn refuse_gaps(
        &self,
        group: GroupId,
        epoch: Epoch,
        records: &[(u64, Vec<u8>)],
    ) -> Result<(), StorageError> {
        let numbers = records.iter().map(|(seq, _)| *seq);
        match numbers.clone().zip(numbers.skip(1)).find(|(seq, next)| seq.checked_add(1) != Some(*next)) {
            None => Ok(()),
            Some((seq, next)) => Err(self
                .instance
                .corrupt(format!("the records of group {group} epoch {epoch} skip from {seq} to {next}"))),
        }
    }
}

//! The batches that this node knows: what it holds for its group, what a quorum holds, and what of it is in blocks.

use std::collections::BTreeMap;
use witan_consensus::engine::Tick;
use witan_types::{
    BatchName, Hash, Height, HeldBatch, IdentifiedTransaction, QuorumSignatures, Signature, ValidatorIndex,
};

/// The most bytes of one author's batches that are held and not in a final block yet.
pub(crate) const MAX_AUTHOR_BYTES: usize = 16 * 1024 * 1024;
/// The most bytes of a batch: the smallest block has room for two of them.
const MAX_BATCH_BYTES: usize = 128 * 1024;
/// The most bytes of batches that count for nobody's room since all that is in them was executed otherwise.
const MAX_SPENT_BYTES: usize = 32 * 1024 * 1024;
/// The most batches that are held.
const MAX_HELD: usize = 16_384;
/// The most batches known by name alone.
const MAX_NAMED: usize = 1_024;

/// A batch that this node knows.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: BatchName,
    /// Whose room it takes here, if it is here: who sent it first.
    pub(crate) author: ValidatorIndex,
    /// What is in it, if it is here.
    pub(crate) transactions: Option<Vec<IdentifiedTransaction>>,
    /// Under which number it is on disk, if it is here.
    number: Option<u64>,
    /// Whether it survives a loss of power here.
    durable: bool,
    /// Who said that they hold it: asked for of what this node made.
    acks: BTreeMap<ValidatorIndex, Signature>,
    /// A quorum's word.
    held_by: Option<QuorumSignatures>,
    /// Its place among those that may go into a block.
    ready: Option<u64>,
    /// The final block that it is in.
    executed: Option<Height>,
    /// When it was last sent to who may not have it, or came.
    since: Tick,
    /// Whether its transactions wait for it to bring them into a block.
    pub(crate) carries: bool,
    /// Whether all of them were executed without it.
    spent: bool,
    /// Whose room its bytes take.
    room: Option<Room>,
}

/// Where bytes are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Room {
    Author(ValidatorIndex),
    Spent,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    known: BTreeMap<Hash, Known>,
    /// What may go into a block, in the order in which a quorum's word came.
    ready: BTreeMap<u64, Hash>,
    next_ready: u64,
    next_number: u64,
    numbers: BTreeMap<u64, Hash>,
    /// What is on disk below this number survives a loss of power.
    durable_below: u64,
    /// Bytes held of each author, not in final blocks yet.
    bytes_of: BTreeMap<ValidatorIndex, usize>,
    /// Bytes of spent ones that are not counted there.
    spent_bytes: usize,
    /// In which block each batch was that no later block may carry after this time.
    done: BTreeMap<Hash, (Height, u64)>,
}

/// What must be written of a batch.
pub(crate) type Stored = (u64, Vec<u8>);

impl Batches {
    /// Starts with a batch that is on disk, and says its name.
    pub(crate) fn restore(
        &mut self,
        now: Tick,
        number: u64,
        author: ValidatorIndex,
        list: Vec<IdentifiedTransaction>,
    ) -> BatchName {
        let name = BatchName::of(&list);
        self.next_number = self.next_number.max(number.saturating_add(1));
        self.put(now, author, name, list, number);
        self.durable_up_to(number);
        name
    }

    /// Whether there is room for another batch of this author that this node does not hold yet, nor has executed.
    pub(crate) fn wants(&self, author: ValidatorIndex, name: &BatchName) -> bool {
        let held = self.bytes_of.get(&author).copied().unwrap_or(0);
        let count = self.numbers.len();
        !self.holds(&name.digest)
            && name.bytes as usize <= MAX_BATCH_BYTES
            && count < MAX_HELD
            && !self.done.contains_key(&name.digest)
            && held.saturating_add(name.bytes as usize) <= MAX_AUTHOR_BYTES
    }

    pub(crate) fn holds(&self, digest: &Hash) -> bool {
        self.known.get(digest).is_some_and(|known| known.transactions.is_some())
    }

    /// Takes a batch in, and says what to write.
    pub(crate) fn hold(
        &mut self,
        now: Tick,
        author: ValidatorIndex,
        name: BatchName,
        list: Vec<IdentifiedTransaction>,
        encoding: &[u8],
    ) -> Stored {
        let number = self.next_number;
        self.next_number = number.saturating_add(1);
        self.put(now, author, name, list, number);
        (number, [author.0.to_le_bytes().as_slice(), encoding].concat())
    }

    fn put(
        &mut self,
        now: Tick,
        author: ValidatorIndex,
        name: BatchName,
        list: Vec<IdentifiedTransaction>,
        number: u64,
    ) {
        if self.known.get(&name.digest).is_some_and(|known| known.name != name) {
            // Somebody named what is not: nothing that was said under that name counts.
            self.remove(&name.digest);
        }
        let done = self.done.get(&name.digest).map(|(height, _)| *height);
        let known = self.known.entry(name.digest).or_insert_with(|| Known::new(now, author, name));
        (known.author, known.transactions, known.number) = (author, Some(list), Some(number));
        known.executed = known.executed.or(done);
        self.numbers.insert(number, name.digest);
        if known.executed.is_none() {
            known.room = Some(Room::Author(author));
            let bytes = self.bytes_of.entry(author).or_default();
            *bytes = bytes.saturating_add(name.bytes as usize);
        }
    }

    /// Gives back the room that a batch takes.
    fn free(&mut self, digest: &Hash) {
        let Some(known) = self.known.get_mut(digest) else { return };
        let bytes = match known.room.take() {
            Some(Room::Author(author)) => self.bytes_of.entry(author).or_default(),
            Some(Room::Spent) => &mut self.spent_bytes,
            None => return,
        };
        *bytes = bytes.saturating_sub(known.name.bytes as usize);
    }

    /// What is on disk up to this number survives a loss of power: the names of what does so since now, and who sent it.
    pub(crate) fn durable_up_to(&mut self, number: u64) -> Vec<(ValidatorIndex, BatchName)> {
        let mut names = Vec::new();
        let from = self.durable_below.min(number);
        self.durable_below = self.durable_below.max(number.saturating_add(1));
        for digest in self.numbers.range(from..=number).map(|(_, digest)| digest) {
            if let Some(known) = self.known.get_mut(digest).filter(|known| !known.durable) {
                known.durable = true;
                names.push((known.author, known.name));
            }
        }
        names
    }

    /// Whether a batch of this very name survives a loss of power here.
    pub(crate) fn is_durable(&self, name: &BatchName) -> bool {
        self.known.get(&name.digest).is_some_and(|known| known.durable && known.name == *name)
    }

    /// A member holds a batch that this node made. Once `quorum` do, gives their word, once.
    pub(crate) fn acknowledged(
        &mut self,
        name: &BatchName,
        by: ValidatorIndex,
        signature: Signature,
        quorum: usize,
    ) -> Option<HeldBatch> {
        let known = self.known.get_mut(&name.digest);
        let known = known.filter(|known| known.held_by.is_none() && known.name == *name)?;
        known.acks.insert(by, signature);
        (known.acks.len() >= quorum).then(|| HeldBatch {
            name: known.name,
            held_by: QuorumSignatures::collect(known.acks.iter().map(|(by, signature)| (*by, *signature))),
        })
    }

    /// A quorum holds it, whose word was verified: it may go into a block, whether it is here or not.
    pub(crate) fn certified(&mut self, now: Tick, held: HeldBatch) {
        let digest = held.name.digest;
        let is_new = !self.known.contains_key(&digest);
        let named = || self.known.values().filter(|known| known.transactions.is_none()).count();
        if self.done.contains_key(&digest) || (is_new && named() >= MAX_NAMED) {
            return;
        }
        let known =
            self.known.entry(digest).or_insert_with(|| Known::new(now, ValidatorIndex::default(), held.name));
        if known.held_by.is_none() && known.name == held.name {
            known.held_by = Some(held.held_by);
            known.ready = Some(self.next_ready);
            self.ready.insert(self.next_ready, digest);
            self.next_ready = self.next_ready.saturating_add(1);
        }
    }

    /// Whether a batch is here that no quorum is known to hold and no final block carries.
    pub(crate) fn is_under_way(&self, digest: &Hash) -> bool {
        self.known.get(digest).is_some_and(|known| known.held_by.is_none() && known.executed.is_none())
    }

    /// What may go into a block, oldest first.
    pub(crate) fn ready(&self) -> impl Iterator<Item = &Known> {
        self.ready.values().filter_map(|digest| self.known.get(digest))
    }

    /// Takes those that bring nothing any more from what may go into a block: blocks carried all their transactions otherwise.
    /// Their contents stay, since a leader that can't know may name them.
    pub(crate) fn put_spent_aside(&mut self, is_executed: impl Fn(&IdentifiedTransaction) -> bool) {
        let is_spent =
            |known: &Known| known.transactions.as_ref().is_some_and(|list| list.iter().all(&is_executed));
        let ready = self.ready.values().filter(|digest| self.known.get(digest).is_some_and(is_spent));
        for digest in ready.copied().collect::<Vec<Hash>>() {
            self.decided(&digest);
            let Some(known) = self.known.get_mut(&digest) else { continue };
            known.spent = true;
            let bytes = self.spent_bytes.saturating_add(known.name.bytes as usize);
            if bytes <= MAX_SPENT_BYTES {
                self.free(&digest);
                self.spent_bytes = bytes;
                self.known.entry(digest).and_modify(|known| known.room = Some(Room::Spent));
            }
        }
    }

    /// It is in a block that is final: no later one should carry it.
    pub(crate) fn decided(&mut self, digest: &Hash) {
        let ready = self.known.get_mut(digest).and_then(|known| known.ready.take());
        ready.map(|ready| self.ready.remove(&ready));
    }

    /// What is in a batch.
    pub(crate) fn transactions(&self, digest: &Hash) -> Option<&Vec<IdentifiedTransaction>> {
        self.known.get(digest)?.transactions.as_ref()
    }

    /// The executed block that carried it.
    pub(crate) fn done_at(&self, digest: &Hash) -> Option<Height> {
        self.done.get(digest).map(|(height, _)| *height)
    }

    /// The block at this height was executed, and these were in it.
    pub(crate) fn executed(&mut self, height: Height, digest: Hash, until_ms: u64) {
        self.decided(&digest);
        self.done.entry(digest).or_insert((height, until_ms));
        if let Some(known) = self.known.get_mut(&digest)
            && known.executed.is_none()
        {
            known.executed = Some(height);
            self.free(&digest);
        }
    }

    /// Forgets what is in blocks up to `stable`, which no restart executes again, and what no block of this time or later may
    /// carry. Gives the numbers of what may leave the disk.
    pub(crate) fn forget(&mut self, stable: Height, time_ms: u64) -> Vec<u64> {
        self.done.retain(|_, (height, until_ms)| *until_ms >= time_ms || *height > stable);
        let is_over = |known: &Known| match known.executed {
            Some(height) => height <= stable,
            None => known.name.until_ms < time_ms,
        };
        let over: Vec<Hash> =
            self.known.iter().filter(|(_, known)| is_over(known)).map(|(digest, _)| *digest).collect();
        over.iter().filter_map(|digest| self.remove(digest)).collect()
    }

    fn remove(&mut self, digest: &Hash) -> Option<u64> {
        self.decided(digest);
        self.free(digest);
        let known = self.known.remove(digest)?;
        let number = known.number?;
        self.numbers.remove(&number);
        Some(number)
    }

    /// Batches that are here and in no final block, nor is all that they bring, and that came or were last sent up to this
    /// moment.
    pub(crate) fn overdue(&mut self, before: Tick) -> impl Iterator<Item = &mut Known> {
        let is_overdue = move |known: &&mut Known| {
            known.transactions.is_some() && known.executed.is_none() && !known.spent && known.since <= before
        };
        self.known.values_mut().filter(is_overdue)
    }

    /// Remembers that the transactions of a batch wait for it.
    pub(crate) fn carries(&mut self, digest: &Hash) {
        if let Some(known) = self.known.get_mut(digest) {
            known.carries = true;
        }
    }
}

impl Known {
    fn new(now: Tick, author: ValidatorIndex, name: BatchName) -> Known {
        Known {
            name,
            author,
            transactions: None,
            number: None,
            durable: false,
            acks: BTreeMap::new(),
            held_by: None,
            ready: None,
            executed: None,
            since: now,
            carries: false,
            spent: false,
            room: None,
        }
    }

    /// It is sent again now.
    pub(crate) fn sent(&mut self, now: Tick) {
        self.since = now;
    }

    /// Its transactions wait for it no longer: those that did.
    pub(crate) fn release(&mut self) -> impl Iterator<Item = &IdentifiedTransaction> {
        let waited = std::mem::take(&mut self.carries);
        self.transactions.iter().flatten().filter(move |_| waited)
    }

    /// Whether a member said that it holds it.
    pub(crate) fn is_held_by(&self, member: ValidatorIndex) -> bool {
        self.acks.contains_key(&member)
    }

    /// Its name with a quorum's word, if there is one.
    pub(crate) fn held(&self) -> Option<HeldBatch> {
        self.held_by.clone().map(|held_by| HeldBatch { name: self.name, held_by })
    }
}

#[cfg(test)]
mod tests;

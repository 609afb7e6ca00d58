//! Dissemination: transactions travel ahead of proposals, in batches. Whoever took them in makes a batch and sends it to the other
//! members; each verifies it once, writes it down, and says so; with a quorum's word a block carries the batch's name alone.
//! So a vote waits for no transactions, and no member can make a leader wait for them. Where few transactions come, they go
//! to the mempools one by one, and into blocks themselves.
//!
//! The idea is Narwhal's (Danezis et al., 2022, section 3): availability first, order afterwards.

use crate::batches::Known;
use crate::event::{Class, Effects, Now, Outgoing, Recipient, Timer};
use crate::faults::PlantedFault;
use crate::intake::parts;
use crate::message::{BLOCKS_BYTES, MAX_BATCHES_ASKED, Message};
use crate::replica::{Replica, outgoing};
use crate::verify::JudgedBatch;
use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{Engine, Tick};
use witan_ledger::Store;
use witan_types::{
    Batch, BatchName, Block, FaultModel, Hash, HeldBatch, Holders, IdentifiedTransaction, NodeId, Payload,
    Signature, ValidatorIndex,
};

/// Transactions that come within this time of each other travel together.
const GATHER: Duration = Duration::from_millis(5);
/// While no quorum is known to hold the batch before, they are gathered for as long as this: where the members are busy, batches
/// grow, and each costs them less.
const GATHER_BUSY: Duration = Duration::from_millis(50);
/// The longest that they are, however short the host's processor is.
const LONGEST_GATHER: Duration = Duration::from_millis(200);
/// Fewer bytes of transactions than these go to the mempools one by one, unless a host wants it otherwise.
pub const MIN_BATCH_BYTES: usize = 4 * 1024;
/// So many bytes travel without waiting for more.
const FULL_BATCH_BYTES: usize = 96 * 1024;
/// A batch that no quorum is known to hold after this long is sent again, and its transactions may go into blocks without it.
const OVERDUE: Duration = Duration::from_secs(3);
/// The most batches that one block names: each comes with a quorum's signatures.
const MAX_NAMED_IN_BLOCK: usize = 64;
/// The most blocks that are read to answer who asks for batches.
const MAX_BLOCKS_READ: usize = 8;
/// Who was asked for batches has this long to answer.
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

/// What is on its way out or in.
#[derive(Debug)]
pub(crate) struct Dissemination {
    min_batch_bytes: usize,
    /// Transactions that wait for others to travel with.
    gathered: Vec<IdentifiedTransaction>,
    gathered_bytes: usize,
    /// When transactions last left.
    left: Option<Tick>,
    /// The batch in which they did.
    newest: Option<Hash>,
    /// Final blocks that wait for a batch, oldest first.
    waiting: VecDeque<Arc<Block>>,
    /// Who was asked for batches, and when.
    asked: Option<(NodeId, Tick)>,
    attempts: usize,
    /// How many did not answer since the last heartbeat.
    retries: usize,
}

impl Dissemination {
    pub(crate) fn new(min_batch_bytes: usize) -> Dissemination {
        Dissemination {
            min_batch_bytes,
            gathered: Vec::new(),
            gathered_bytes: 0,
            left: None,
            newest: None,
            waiting: VecDeque::new(),
            asked: None,
            attempts: 0,
            retries: 0,
        }
    }

    /// Final blocks that wait for a batch, oldest first.
    pub(crate) fn waiting(&self) -> &VecDeque<Arc<Block>> {
        &self.waiting
    }
}

impl<E: Engine + Send, S: Store + Send> Replica<E, S> {
    /// Who holds batches for each other here.
    pub(crate) fn holders(&self) -> Holders {
        let tip = self.ledger.tip();
        Holders { chain: tip.chain, group: tip.group, epoch: tip.epoch }
    }

    /// Whether transactions travel in batches: members who trust each other gain nothing by a quorum's word.
    fn makes_batches(&self) -> bool {
        self.committee.faults() == FaultModel::Byzantine && self.engine.is_some()
    }

    /// Sends transactions that were taken in here on their way.
    pub(crate) fn disseminate(&mut self, now: Now, list: Vec<IdentifiedTransaction>, effects: &mut Effects) {
        if list.is_empty() || self.engine.is_none() {
            return self.pass_on(now, list, effects);
        }
        let in_batches = self.makes_batches();
        for known in list.iter().filter(|_| in_batches) {
            // It is on its way, so it goes into no block of this node by itself: others would have to judge it there first.
            self.mempool.set_batched(&known.id(), true);
        }
        let Dissemination { gathered, gathered_bytes, .. } = &mut self.dissemination;
        *gathered_bytes += list.iter().map(IdentifiedTransaction::size).sum::<usize>();
        gathered.extend(list);
        if *gathered_bytes >= FULL_BATCH_BYTES {
            self.send_gathered(now, effects);
        } else {
            self.gather(now, effects);
        }
    }

    /// Sends what was gathered if it is time, and looks again when it will be.
    pub(crate) fn gather(&mut self, now: Now, effects: &mut Effects) {
        if self.dissemination.gathered.is_empty() {
            return;
        }
        match self.gathering_left(now) {
            Some(left) => effects.timers.push((Timer::Gather, left)),
            None => self.send_gathered(now, effects),
        }
    }

    /// How long what was gathered still waits for more; none if it does not.
    fn gathering_left(&self, now: Now) -> Option<Duration> {
        let Dissemination { newest, left, .. } = &self.dissemination;
        let is_busy = newest.is_some_and(|newest| self.batches.is_under_way(&newest));
        let usual = if is_busy { GATHER_BUSY } else { GATHER };
        let wait = usual.saturating_mul(self.stretch).min(LONGEST_GATHER);
        let left = wait.saturating_sub(now.tick.0.saturating_sub((*left)?.0));
        (!left.is_zero()).then_some(left)
    }

    /// What was gathered leaves: in batches, or one by one if it is little.
    fn send_gathered(&mut self, now: Now, effects: &mut Effects) {
        let list = std::mem::take(&mut self.dissemination.gathered);
        let bytes = std::mem::take(&mut self.dissemination.gathered_bytes);
        let is_much = bytes >= self.dissemination.min_batch_bytes;
        let Some(me) = self.place().filter(|_| is_much && self.makes_batches()) else {
            if !list.is_empty() {
                self.dissemination.left = Some(now.tick);
            }
            return self.send_one_by_one(now, list, effects);
        };
        self.dissemination.left = Some(now.tick);
        for part in parts(list) {
            let (name, encoding) = BatchName::with_encoding(&part);
            if !self.batches.wants(me, &name) {
                self.send_one_by_one(now, part, effects);
                continue;
            }
            self.dissemination.newest = Some(name.digest);
            effects.send.push(outgoing(Class::Transactions, &Message::Batch(part.clone())));
            effects.batches.push(self.batches.hold(now.tick, me, name, part, &encoding));
            self.batches.carries(&name.digest);
        }
    }

    fn send_one_by_one(&mut self, now: Now, list: Vec<IdentifiedTransaction>, effects: &mut Effects) {
        for known in &list {
            self.mempool.set_batched(&known.id(), false);
        }
        self.pass_on(now, list, effects);
    }

    /// A member's batch, its transactions judged: written down, and acknowledged once it survives a loss of power here.
    pub(crate) fn on_batch(&mut self, now: Now, from: NodeId, batch: JudgedBatch, effects: &mut Effects) {
        let JudgedBatch { author, name, transactions, encoding } = batch;
        if self.batches.is_durable(&name) {
            // Whoever sends it again has not heard so.
            return self.acknowledge(&name, from, effects);
        }
        let latest = self.latest_expiry(now);
        if !self.makes_batches() || name.until_ms > latest || !self.batches.wants(author, &name) {
            return;
        }
        for known in &transactions {
            // One that came otherwise waits on its own: an author that keeps its batch back keeps nothing from anyone.
            if self.take_in(latest, known).is_new() {
                self.mempool.set_batched(&known.id(), true);
            }
        }
        effects.batches.push(self.batches.hold(now.tick, author, name, transactions, &encoding));
        self.batches.carries(&name.digest);
        if self.planted.is(PlantedFault::HeldBeforeDurable) {
            self.acknowledge(&name, from, effects);
        }
        self.deliver(now, effects);
    }

    fn acknowledge(&self, name: &BatchName, to: NodeId, effects: &mut Effects) {
        let Some((me, key)) = &self.identity.validator else { return };
        let (by, signature) = (*me, name.sign(&self.holders(), key));
        let bytes = Message::BatchHeld { name: *name, by, signature }.bytes();
        effects.send.push(Outgoing { to: Recipient::Node(to), class: Class::Consensus, bytes });
    }

    /// Batches up to this number survive a loss of power here.
    pub(crate) fn on_batches_durable(&mut self, now: Now, number: u64, effects: &mut Effects) {
        for (author, name) in self.batches.durable_up_to(number) {
            let Some((me, key)) = &self.identity.validator else { return };
            let node = self.validators.get(author.at()).copied();
            if author == *me {
                let signature = name.sign(&self.holders(), key);
                self.on_held(now, &name, *me, signature, effects);
            } else if let Some(node) = node {
                self.acknowledge(&name, node, effects);
            }
        }
    }

    /// A member holds a batch that this node made; its signature was judged.
    pub(crate) fn on_held(
        &mut self,
        now: Now,
        name: &BatchName,
        by: ValidatorIndex,
        signature: Signature,
        effects: &mut Effects,
    ) {
        if let Some(held) = self.batches.acknowledged(name, by, signature, self.committee.quorum()) {
            effects.send.push(outgoing(Class::Consensus, &Message::BatchReady(held.clone())));
            self.on_batch_ready(now, held);
            self.gather(now, effects);
        }
    }

    /// A quorum holds a batch, whose word was verified.
    pub(crate) fn on_batch_ready(&mut self, now: Now, held: HeldBatch) {
        let digest = held.name.digest;
        self.batches.certified(now.tick, held);
        // Its word may come when it is in a final block already, or all that it brings is.
        let mut waiting = self.dissemination.waiting.iter();
        if waiting.any(|block| block.payload.named().any(|held| held.name.digest == digest)) {
            self.batches.decided(&digest);
        }
        self.put_spent_aside();
    }

    /// Batches whose transactions blocks carried otherwise go into none.
    pub(crate) fn put_spent_aside(&mut self) {
        let ledger = &self.ledger;
        self.batches.put_spent_aside(|known| ledger.is_seen(known));
    }

    /// The names of batches for a block, within so many bytes, whose last transaction expires within these times; none that an
    /// ancestor of the turn carries.
    pub(crate) fn ready_batches(
        &self,
        expiry_ms: &RangeInclusive<u64>,
        max_bytes: usize,
        carried: &[Hash],
    ) -> Vec<HeldBatch> {
        let (mut taken, mut room) = (Vec::new(), max_bytes);
        for known in self.batches.ready() {
            if carried.contains(&known.name.digest) || !expiry_ms.contains(&known.name.until_ms) {
                continue;
            }
            let bytes = known.name.bytes as usize;
            if bytes > room || taken.len() >= MAX_NAMED_IN_BLOCK {
                break;
            }
            room -= bytes;
            taken.extend(known.held());
        }
        taken
    }

    /// Whether a block's batches will be there for who executes it: this node holds them, or a quorum says that it does.
    pub(crate) fn are_held(&self, block: &Block) -> bool {
        let holders = self.holders();
        block
            .payload
            .named()
            .all(|held| self.batches.is_durable(&held.name) || held.verify(&holders, &self.committee).is_ok())
    }

    /// A final block from the engine: it executes once all before it have, and all that it names is here.
    pub(crate) fn on_decided(&mut self, now: Now, block: Arc<Block>, effects: &mut Effects) {
        for held in block.payload.named() {
            self.batches.decided(&held.name.digest);
        }
        self.dissemination.waiting.push_back(block);
        self.deliver(now, effects);
    }

    /// Executes final blocks as far as all that they name is here, and asks for what is missing of the next.
    pub(crate) fn deliver(&mut self, now: Now, effects: &mut Effects) {
        while let Some(block) = self.dissemination.waiting.front() {
            // Catching up may have executed it already.
            if block.header.height > self.ledger.tip().height {
                let Some(whole) = self.whole(block) else { return self.ask_for_missing(now, effects) };
                let digests: Vec<Hash> = block.payload.batches.iter().map(Batch::digest).collect();
                self.dissemination.waiting.pop_front();
                self.batches_executed(&whole, &digests);
                self.decide(now, whole, effects);
            } else {
                self.dissemination.waiting.pop_front();
            }
        }
        self.dissemination.asked = None;
    }

    /// The block with what it names, if all of that is here.
    fn whole(&self, block: &Arc<Block>) -> Option<Arc<Block>> {
        if block.payload.is_whole() {
            return Some(Arc::clone(block));
        }
        let batches = block.payload.batches.iter().map(|batch| match batch {
            Batch::Inline(_) => Some(batch.clone()),
            Batch::Named(held) => self.contents(&held.name.digest).map(Batch::Inline),
        });
        let payload = Payload { batches: batches.collect::<Option<_>>()?, ..block.payload.clone() };
        Some(Arc::new(Block { header: block.header.clone(), payload }))
    }

    /// What is in a batch: as it is held, or from the block that carried it.
    fn contents(&self, digest: &Hash) -> Option<Vec<IdentifiedTransaction>> {
        if let Some(transactions) = self.batches.transactions(digest) {
            return Some(transactions.clone());
        }
        let block = self.ledger.block(self.batches.done_at(digest)?)?;
        let batch = block.payload.batches.iter().find(|batch| batch.digest() == *digest)?;
        Some(batch.transactions().to_vec())
    }

    /// Asks one who holds them for the batches that the next block lacks, then another one.
    pub(crate) fn ask_for_missing(&mut self, now: Now, effects: &mut Effects) {
        let waits = |(_, since): (NodeId, Tick)| now.tick.0.saturating_sub(since.0) < FETCH_TIMEOUT;
        // As many between two heartbeats as there are members: more would be without a pause where nobody can be reached.
        let has_asked_all = self.dissemination.retries >= self.validators.len();
        if has_asked_all || self.dissemination.asked.is_some_and(waits) {
            return;
        }
        let Some(block) = self.dissemination.waiting.front() else { return };
        let missing = block.payload.named().filter(|held| self.contents(&held.name.digest).is_none());
        let missing: Vec<&HeldBatch> = missing.take(MAX_BATCHES_ASKED).collect();
        let Some(first) = missing.first() else { return };
        let me = self.identity.node;
        let signers: Vec<ValidatorIndex> = first.held_by.signers.iter().collect();
        let signed = |place: &ValidatorIndex| signers.contains(place);
        // Who voted because it holds it did not look at who signed.
        let (holders, others): (Vec<ValidatorIndex>, Vec<_>) = self.committee.validators().partition(signed);
        let holders = holders.into_iter().chain(others).filter_map(|place| self.validators.get(place.at()));
        let holders: Vec<NodeId> = holders.filter(|node| **node != me).copied().collect();
        let digests = missing.iter().map(|held| held.name.digest).collect();
        self.dissemination.attempts = self.dissemination.attempts.wrapping_add(1);
        let place = self.dissemination.attempts.checked_rem(holders.len());
        let Some(node) = place.and_then(|place| holders.get(place)).copied() else { return };
        self.dissemination.asked = Some((node, now.tick));
        effects.requests.push((node, Message::BatchesRequest(digests)));
    }

    /// Batches that were asked for, as far as a block waits for them: their digests say that they are those a quorum holds.
    pub(crate) fn on_batches(
        &mut self,
        now: Now,
        from: NodeId,
        lists: Vec<Vec<IdentifiedTransaction>>,
        effects: &mut Effects,
    ) {
        if self.dissemination.asked.is_none_or(|(asked, _)| asked != from) {
            return;
        }
        let mut has_news = false;
        for list in lists {
            let waiting = self.dissemination.waiting.iter().flat_map(|block| block.payload.named());
            let (name, encoding) = BatchName::with_encoding(&list);
            let is_wanted = waiting.map(|held| held.name.digest).any(|digest| digest == name.digest);
            if is_wanted && !self.batches.holds(&name.digest) {
                has_news = true;
                let author = self.place().unwrap_or_default();
                effects.batches.push(self.batches.hold(now.tick, author, name, list, &encoding));
            }
        }
        if has_news {
            self.dissemination.asked = None;
            self.deliver(now, effects);
        } else {
            self.on_batches_unanswered(now, &from, effects);
        }
    }

    /// A node that was asked for batches had nothing, or did not answer: another one is asked.
    pub(crate) fn on_batches_unanswered(&mut self, now: Now, node: &NodeId, effects: &mut Effects) {
        if self.dissemination.asked.is_some_and(|(asked, _)| asked == *node) {
            self.dissemination.asked = None;
            self.dissemination.retries += 1;
            self.ask_for_missing(now, effects);
        }
    }

    /// What is here of the batches that a member asks for, each once, within the bounds of an answer.
    pub(crate) fn batches_asked_for(&self, digests: &[Hash]) -> Vec<Vec<IdentifiedTransaction>> {
        let (mut lists, mut room, mut reads) = (Vec::new(), BLOCKS_BYTES, 0);
        for digest in digests.iter().collect::<BTreeSet<_>>() {
            reads += usize::from(!self.batches.holds(digest));
            if reads > MAX_BLOCKS_READ {
                break;
            }
            let Some(list) = self.contents(digest) else { continue };
            let bytes: usize = list.iter().map(IdentifiedTransaction::size).sum();
            if bytes > room {
                break;
            }
            room -= bytes;
            lists.push(list);
        }
        lists
    }

    /// Once a second: what is in no block for too long goes again to those who have not said that they hold it, or the word that a
    /// quorum does goes to all; and its transactions may go into blocks without it.
    pub(crate) fn batches_again(&mut self, now: Now, effects: &mut Effects) {
        let before = Tick(now.tick.0.saturating_sub(OVERDUE));
        let me = self.place();
        self.dissemination.retries = 0;
        let mut sent = 0;
        for released in self.batches.overdue(before).flat_map(Known::release) {
            self.mempool.set_batched(&released.id(), false);
        }
        for known in self.batches.overdue(before) {
            if Some(known.author) != me || sent >= MAX_BATCHES_ASKED {
                continue;
            }
            sent += 1;
            known.sent(now.tick);
            if let Some(held) = known.held() {
                effects.send.push(outgoing(Class::Consensus, &Message::BatchReady(held)));
                continue;
            }
            let bytes = Message::Batch(known.transactions.clone().unwrap_or_default()).bytes();
            for (place, node) in self.committee.validators().zip(&self.validators) {
                if !known.is_held_by(place) && Some(place) != me {
                    let (to, bytes) = (Recipient::Node(*node), Arc::clone(&bytes));
                    effects.send.push(Outgoing { to, class: Class::Transactions, bytes });
                }
            }
        }
        self.deliver(now, effects);
    }

    /// A whole block is executed, with batches of these digests, whether it named them or not: some members may know it the other
    /// way, and ask for what it carried.
    pub(crate) fn batches_executed(&mut self, block: &Block, digests: &[Hash]) {
        for (batch, digest) in block.payload.batches.iter().zip(digests) {
            let until = batch.transactions().iter().map(|known| known.transaction.expires_at_ms).max();
            self.batches.executed(block.header.height, *digest, until.unwrap_or(0));
        }
    }

    /// At a start: the batches on disk, and those in blocks that later ones may still name.
    pub(crate) fn restore_batches(&mut self, now: Now, stored: Vec<(u64, Vec<u8>)>, effects: &mut Effects) {
        if self.committee.faults() != FaultModel::Byzantine {
            return;
        }
        let tip = self.ledger.tip().clone();
        let lifetime_ms = self.ledger.parameters().max_tx_lifetime_ms;
        for height in (1..=tip.height).rev() {
            let Some(block) = self.ledger.block(height) else { break };
            if block.header.time_ms.saturating_add(lifetime_ms) < tip.time_ms {
                break;
            }
            let digests: Vec<Hash> = block.payload.batches.iter().map(Batch::digest).collect();
            self.batches_executed(&block, &digests);
        }
        for (number, bytes) in stored {
            match read_stored(&bytes) {
                Some((author, list)) => {
                    let name = self.batches.restore(now.tick, number, author, list);
                    if let Some((me, key)) = self.identity.validator.clone().filter(|(me, _)| *me == author) {
                        let signature = name.sign(&self.holders(), &key);
                        self.on_held(now, &name, me, signature, effects);
                    }
                }
                None => effects.forget_batches.push(number),
            }
        }
    }
}

/// A batch as it was written down.
fn read_stored(bytes: &[u8]) -> Option<(ValidatorIndex, Vec<IdentifiedTransaction>)> {
    let (author, encoding) = bytes.split_first_chunk()?;
    Some((ValidatorIndex(u16::from_le_bytes(*author)), borsh::from_slice(encoding).ok()?))
}

//! From a final block to the disk: execute, sign the result, write, and tell whoever waits.

use crate::event::{Class, Effects, LedgerWrite, Notice, Now, WriteSeq};
use crate::faults::PlantedFault;
use crate::message::Message;
use crate::replica::{Replica, outgoing};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use witan_consensus::engine::{Engine, Input};
use witan_ledger::mempool::Parked;
use witan_ledger::{BlockCommit, Stopped, Store};
use witan_types::{Block, Key, Outcome, Seal, SealShare, SealedHeader, TxId, ValidatorIndex};

/// With more ledger writes than this under way, the disk is behind: no block is made or fetched until it catches up.
pub(crate) const MAX_UNWRITTEN: usize = 256;

/// What follows once a ledger write can be read.
#[derive(Debug)]
pub(crate) enum Unwritten {
    /// The block, and the transactions that expired with it.
    Block(Arc<BlockCommit>, Vec<TxId>),
    /// The seal.
    Seal(Box<SealedHeader>),
}

impl<E: Engine + Send, S: Store + Send> Replica<E, S> {
    /// A final block from the engine. Catching up may have executed it already.
    pub(crate) fn decide(&mut self, now: Now, block: Arc<Block>, effects: &mut Effects) {
        if block.header.height <= self.ledger.tip().height {
            return;
        }
        let outcome = self.execute(now, block, effects);
        if let Some(share) = self.own_share(outcome) {
            effects
                .send
                .push(outgoing(Class::Consensus, &Message::Shares { again: false, shares: vec![share] }));
        }
        self.seal_ready(effects);
    }

    /// Executes the next block of the chain and hands it to the disk.
    pub(crate) fn execute(&mut self, now: Now, block: Arc<Block>, effects: &mut Effects) -> Outcome {
        let executed = self.ledger.execute(block);
        let commit = executed.commit;
        for id in commit.receipts.iter().map(|receipt| &receipt.id).chain(&executed.started) {
            self.mempool.remove(id);
            self.intake.forget(id);
        }
        self.keep_deferred(&commit.block, &executed.deferred);
        self.park(executed.deferred, &executed.freed);
        self.forget_consumed();
        let expired = self.mempool.expire(commit.block.header.time_ms);
        expired.iter().for_each(|id| self.intake.forget(id));
        self.proposing.executed(now, &commit.block.header);
        self.put_spent_aside();
        let outcome = commit.outcome.clone();
        self.sealing.executed(outcome.clone());
        self.write_block(commit, expired, effects);
        outcome
    }

    /// What a block deferred goes into a later one by itself, whatever brought it into this one. Where there is no room for it,
    /// others keep it, and whoever took it in sends it again.
    fn keep_deferred(&mut self, block: &Block, deferred: &[(TxId, Stopped)]) {
        for (id, _) in deferred {
            if self.mempool.set_batched(id, false) {
                continue;
            }
            let known = block.payload.transactions().find(|known| known.id() == *id);
            known.map(|known| self.mempool.add(known.clone()));
        }
    }

    /// Transactions that met something wait until it is gone: they are no work until then.
    fn park(&mut self, deferred: Vec<(TxId, Stopped)>, freed: &BTreeSet<Key>) {
        for (id, stopped) in deferred {
            match stopped {
                Stopped::Key(key) if !freed.contains(&key) => self.mempool.park(&id, Parked::Key(key)),
                Stopped::Group(group) => self.mempool.park(&id, Parked::Group(group)),
                Stopped::Room if freed.is_empty() => self.mempool.park(&id, Parked::Room),
                // A later block may have room.
                Stopped::Key(_) | Stopped::Room | Stopped::Full => {}
                // Another group's: nothing that this one does can change that.
                Stopped::Elsewhere => {
                    self.mempool.remove(&id);
                    self.intake.forget(&id);
                }
            }
        }
        let may_go = |parked: &Parked| match parked {
            Parked::Key(key) => freed.contains(key),
            Parked::Group(group) => self.ledger.may_prepare(*group),
            Parked::Room => !freed.is_empty(),
        };
        if self.mempool.unpark(may_go) {
            self.proposing.look_again();
        }
    }

    /// Signs a result, if this node votes.
    pub(crate) fn own_share(&mut self, outcome: Outcome) -> Option<SealShare> {
        let (me, key) = self.identity.validator.as_ref()?;
        let share = SealShare::sign(outcome, *me, key);
        self.sealing.add_own(share.clone());
        Some(share)
    }

    /// Turns shares into seals as far as they reach.
    pub(crate) fn seal_ready(&mut self, effects: &mut Effects) {
        while let Some(seal) = self.sealing.next_seal(&self.committee) {
            self.write_seal(seal, effects);
        }
    }

    pub(crate) fn write_block(
        &mut self,
        commit: Arc<BlockCommit>,
        expired: Vec<TxId>,
        effects: &mut Effects,
    ) {
        self.written = self.written.saturating_add(1);
        effects.writes.push((self.written, LedgerWrite::Block(Arc::clone(&commit))));
        self.unwritten.push_back((self.written, Unwritten::Block(commit, expired)));
    }

    /// Hands a seal to the disk; its block's proposer tells the nodes outside the group.
    pub(crate) fn write_seal(&mut self, seal: Seal, effects: &mut Effects) {
        let Some(block) = self.ledger.block(seal.outcome.height) else { return };
        let sealed = SealedHeader { header: block.header.clone(), seal };
        if self.place() == Some(sealed.header.proposer) {
            effects.gossip.push(Message::SealedHeader(sealed.clone()));
        }
        self.offer(&sealed.seal, effects);
        self.written = self.written.saturating_add(1);
        effects.writes.push((self.written, LedgerWrite::Seal(Box::new(sealed.seal.clone()))));
        self.unwritten.push_back((self.written, Unwritten::Seal(Box::new(sealed))));
    }

    pub(crate) fn place(&self) -> Option<ValidatorIndex> {
        self.identity.validator.as_ref().map(|(place, _)| *place)
    }

    /// Ledger writes up to `seq` can be read: users may hear of them.
    pub(crate) fn on_written(&mut self, now: Now, seq: WriteSeq, effects: &mut Effects) {
        while self.unwritten.front().is_some_and(|(next, _)| *next <= seq) {
            match self.unwritten.pop_front() {
                Some((_, Unwritten::Block(commit, expired))) => {
                    self.ledger.flushed(commit.outcome.height);
                    effects.notices.push(Notice::Committed(commit));
                    if !expired.is_empty() {
                        effects.notices.push(Notice::Expired(expired));
                    }
                }
                Some((written, Unwritten::Seal(sealed))) => {
                    effects.notices.push(Notice::Sealed(sealed.clone()));
                    self.undurable.push_back((written, sealed));
                }
                None => return,
            }
        }
        self.forget_too_early(now, seq, effects);
        // Fetching may have waited for the disk.
        self.fetch_rest(now, effects);
    }

    /// Planted mistakes: what only what is durable allows.
    fn forget_too_early(&mut self, now: Now, seq: WriteSeq, effects: &mut Effects) {
        if self.planted.is(PlantedFault::StableAtWritten) {
            self.on_ledger_durable(now, seq, effects);
        }
        if self.planted.is(PlantedFault::ForgetsAtWritten)
            && let Some((_, newest)) = self.undurable.back()
        {
            let (stable, time_ms) = (newest.header.height, self.ledger.tip().time_ms);
            effects.forget_batches.extend(self.batches.forget(stable, time_ms));
        }
    }

    /// Ledger writes up to `seq` are durable: what is sealed in them is never executed again, so the engine may forget it, and
    /// batches that are in it may leave the disk. Until then both are what a loss of power is made good from.
    pub(crate) fn on_ledger_durable(&mut self, now: Now, seq: WriteSeq, effects: &mut Effects) {
        let durable = self.undurable.partition_point(|(written, _)| *written <= seq);
        let stable: VecDeque<Input<E>> =
            self.undurable.drain(..durable).map(|(_, sealed)| Input::Stable(*sealed)).collect();
        let Some(Input::Stable(newest)) = stable.back() else { return };
        let time_ms = self.ledger.tip().time_ms;
        effects.forget_batches.extend(self.batches.forget(newest.header.height, time_ms));
        self.drive(now, stable, effects);
    }
}

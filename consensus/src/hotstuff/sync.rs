//! Staying together: missing blocks are fetched, members that fell behind get certificates, what may be lost is said
//! again.

use super::HotStuff;
use super::certificate::{QuorumCertificate, Round};
use super::message::{Blocks, Certificates, Fetch, Hello, MAX_FETCHED_BLOCKS, Message};
use super::pacemaker::Timer;
use super::rules::follows;
use super::tree::Kept;
use crate::engine::{Seq, To};
use crate::pacing::Ration;
use std::collections::BTreeMap;
use std::sync::Arc;
use witan_types::{Block, BlockId, Height, QuorumSignatures, SignerSet, ValidatorIndex, Wire};

/// The most certified blocks held that do not yet reach the tree. A deeper gap is for sealed blocks to fill.
pub(super) const MAX_DETACHED_BLOCKS: usize = 1024;

/// What catching up remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct Sync {
    /// Blocks below a certified one, whose ancestors are still missing.
    detached: BTreeMap<BlockId, Kept>,
    /// Missing blocks that were asked for, and how often.
    asked: BTreeMap<BlockId, usize>,
    /// When each member last got certificates unasked.
    answered: Ration,
    /// When each member was last given blocks.
    served: Ration,
    /// When each member was last asked for certificates.
    greeted: Ration,
}

/// A block that must be held, and who holds it.
#[derive(Clone, Copy, Debug)]
struct Goal {
    block: BlockId,
    holders: SignerSet,
    proposer: Option<ValidatorIndex>,
}

impl Sync {
    /// Takes a block that is on record or certified.
    pub(super) fn adopt(&mut self, id: BlockId, kept: Kept) {
        self.detached.entry(id).or_insert(kept);
    }

    /// The oldest record that a detached block stands in.
    pub(super) fn oldest_record(&self) -> Option<Seq> {
        self.detached.values().filter_map(|kept| kept.seq).min()
    }
}

impl HotStuff {
    /// Blocks that must be held: the highest certified one, the newest that is final, and the parent of the round's
    /// proposal.
    fn goals(&self) -> impl Iterator<Item = Goal> + use<> {
        let state = &self.state;
        let goal = |round: Round, block, signatures: &QuorumSignatures, proposer| {
            let holders = signatures.signers;
            (round > self.tree.root().round).then_some(Goal { block, holders, proposer })
        };
        let QuorumCertificate { round, block, signatures } = &state.high_qc;
        let certified = goal(*round, *block, signatures, None);
        let ordered =
            state.order.as_ref().and_then(|order| goal(order.round, order.block, &order.signatures, None));
        let parent = self.held.as_ref().and_then(|held| {
            let justify = &held.proposal.justify;
            goal(justify.round, justify.block, &justify.signatures, Some(held.from))
        });
        [certified, ordered, parent].into_iter().flatten()
    }

    /// The block that keeps `goal` from reaching the tree. None if it does reach it, or never will.
    fn missing_below(&self, goal: BlockId) -> Option<BlockId> {
        let mut id = goal;
        while self.tree.place(id).is_none() {
            let Some(kept) = self.sync.detached.get(&id) else { return Some(id) };
            if kept.block.header.height <= self.tree.root().height.saturating_add(1) {
                return None;
            }
            id = kept.block.header.parent;
        }
        None
    }

    /// Moves the round's proposal among the certified blocks, if it turned out to be one that is needed.
    pub(super) fn keep_certified_held(&mut self) {
        let Some(held) = &self.held else { return };
        if self.goals().any(|goal| self.missing_below(goal.block) == Some(held.id)) {
            let kept = Kept { block: Arc::clone(&held.proposal.block), seq: None };
            self.sync.adopt(held.id, kept);
        }
    }

    /// Puts into the tree what reaches it.
    pub(super) fn attach(&mut self) {
        self.keep_certified_held();
        if self.sync.detached.is_empty() {
            return;
        }
        let root = self.tree.root().height;
        let mut ascending: Vec<(Height, BlockId)> =
            self.sync.detached.iter().map(|(id, kept)| (kept.block.header.height, *id)).collect();
        ascending.sort_unstable();
        for (height, id) in ascending {
            let Some(kept) = self.sync.detached.remove(&id) else { continue };
            if height > root && !self.tree.insert(id, kept.clone()) {
                self.sync.detached.insert(id, kept);
            }
        }
    }

    /// Takes a block, if it was asked for.
    pub(super) fn offer(&mut self, id: BlockId, block: &Arc<Block>) {
        if self.sync.asked.contains_key(&id) {
            self.sync.adopt(id, Kept { block: Arc::clone(block), seq: None });
        }
    }

    /// Asks for what is missing and was not asked for yet.
    pub(super) fn fetch_missing(&mut self) {
        let missing: Vec<(BlockId, Goal)> = self
            .goals()
            .filter_map(|goal| self.missing_below(goal.block).map(|block| (block, goal)))
            .collect();
        self.sync.asked.retain(|id, _| missing.iter().any(|(block, _)| block == id));
        for (block, goal) in missing {
            if self.sync.asked.contains_key(&block) {
                continue;
            }
            if self.may_be_coming(block) {
                self.sync.asked.insert(block, 0);
            } else {
                self.ask(block, goal, 0);
            }
        }
        if !self.sync.asked.is_empty() && !self.running.fetch {
            self.running.fetch = true;
            self.out.timers.push((Timer::Fetch, self.setup.base_timeout / 4));
        }
    }

    /// Whether it is the block of the round that just ended: votes are small, and often faster than what they are for.
    fn may_be_coming(&self, block: BlockId) -> bool {
        let QuorumCertificate { round, block: certified, .. } = self.state.high_qc;
        block == certified && follows(self.state.round(), round)
    }

    /// Asks the next member for each block that did not come.
    pub(super) fn ask_again(&mut self) {
        self.running.fetch = false;
        let missing: BTreeMap<BlockId, Goal> = self
            .goals()
            .filter_map(|goal| self.missing_below(goal.block).map(|block| (block, goal)))
            .collect();
        for (block, goal) in missing {
            if let Some(times) = self.sync.asked.get(&block).copied() {
                self.ask(block, goal, times.saturating_add(1));
            }
        }
    }

    /// Asks whoever is next in turn: the proposer first, for it built on the block, then those who signed for it.
    fn ask(&mut self, block: BlockId, goal: Goal, times: usize) {
        self.sync.asked.insert(block, times);
        let holders = goal.proposer.into_iter().chain(goal.holders.iter());
        let holders: Vec<ValidatorIndex> = holders.filter(|holder| *holder != self.setup.me).collect();
        if let Some(holder) = holders.get(times.checked_rem(holders.len()).unwrap_or_default()) {
            let fetch = Fetch { block, above: self.tree.root().height };
            self.out.send.push((To::One(*holder), Message::Fetch(fetch)));
        }
    }

    /// Answers at most so often: an answer is thousands of times as large as what asks for it.
    pub(super) fn on_fetch(&mut self, from: ValidatorIndex, fetch: Fetch) {
        let (now, gap) = (self.now, self.setup.base_timeout / 16);
        if !self.sync.served.is_due(from, now, gap) {
            return;
        }
        let mut blocks = Vec::new();
        let mut bytes = 0_usize;
        for place in self.tree.path_down(fetch.block, fetch.above).into_iter().take(MAX_FETCHED_BLOCKS) {
            let Some(kept) = self.tree.get(place.id) else { break };
            bytes = bytes.saturating_add(witan_types::codec::encode(&*kept.block).len());
            if bytes > Block::MAX_BYTES && !blocks.is_empty() {
                break;
            }
            blocks.push(Arc::clone(&kept.block));
        }
        let answer = if blocks.is_empty() {
            Message::Gone(self.tree.root().height)
        } else {
            Message::Blocks(Blocks(blocks))
        };
        self.out.send.push((To::One(from), answer));
    }

    /// Believes blocks only as what was asked for, or its ancestors: a quorum certified those.
    pub(super) fn on_blocks(&mut self, blocks: Blocks) {
        let asked = blocks.0.first().is_some_and(|first| self.sync.asked.contains_key(&first.id()));
        if !asked {
            return;
        }
        for block in blocks.0 {
            self.sync.adopt(block.id(), Kept { block, seq: None });
        }
        if self.sync.detached.len() > MAX_DETACHED_BLOCKS {
            let heights = self.sync.detached.values().map(|kept| kept.block.header.height);
            self.out.behind = heights.min().map(|lowest| lowest.saturating_sub(1));
            self.sync.detached.clear();
        }
    }

    /// A peer's tree starts above what was asked: sealed blocks fill the gap. Its word is a hint, for the host to check.
    pub(super) fn on_gone(&mut self, stable: Height) {
        if !self.sync.asked.is_empty() && stable > self.decided.height {
            self.out.behind = self.out.behind.max(Some(stable));
        }
    }

    pub(super) fn on_hello(&mut self, from: ValidatorIndex, hello: Hello) {
        let round = self.state.round();
        if hello.round > round {
            self.greet(To::One(from));
        } else if hello.round < round || hello.decided < self.decided.height {
            self.answer(from);
        }
    }

    /// Says how far it is, so that whoever is further says what is missing.
    pub(super) fn greet(&mut self, to: To) {
        if let To::One(member) = to {
            let (now, gap) = (self.now, self.setup.base_timeout / 2);
            if member == self.setup.me || !self.sync.greeted.is_due(member, now, gap) {
                return;
            }
        }
        let hello = Hello { round: self.state.round(), decided: self.decided.height };
        self.out.send.push((to, Message::Hello(hello)));
    }

    /// Gives a member that is behind the certificates it lacks, at most so often.
    pub(super) fn answer(&mut self, member: ValidatorIndex) {
        let (now, gap) = (self.now, self.setup.base_timeout / 2);
        if member == self.setup.me || !self.sync.answered.is_due(member, now, gap) {
            return;
        }
        let certificates = Certificates {
            high_qc: self.state.high_qc.clone(),
            tc: self.state.opening_tc().cloned(),
            order: self.state.order.clone(),
        };
        self.out.send.push((To::One(member), Message::Certificates(certificates)));
    }

    /// Says again what was said in this round and may be lost. It is on disk, or goes there before this leaves.
    pub(super) fn resend(&mut self) {
        let (state, round) = (&self.state, self.state.round());
        let timeout =
            state.last_timeout.clone().filter(|timeout| timeout.round == round).map(Message::Timeout);
        let vote = state.last_vote.clone().filter(|vote| vote.round == round).map(Message::Vote);
        let order_vote = state.last_order_vote.clone().filter(|vote| vote.round > self.decided.round);
        let proposal = state.last_proposed.as_ref().filter(|last| last.round == round).and_then(|last| {
            let kept = self.tree.get(last.block)?;
            Some(Message::Proposal(last.with(Arc::clone(&kept.block))))
        });
        let again = [proposal, vote, order_vote.map(Message::OrderVote), timeout];
        self.out.send.extend(again.into_iter().flatten().map(|message| (To::All, message)));
    }
}

//! Missing blocks, fetched among members: what a quorum vouched for must be held, and its ancestors down to the newest
//! stable block. Messages and bookkeeping are the same for every engine that spreads blocks by proposals.

use crate::engine::{Instance, Rejected, Seq, Tick};
use crate::pacing::Ration;
use crate::tree::{Kept, Tree};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use witan_types::codec::{bounded, encode};
use witan_types::{Block, BlockId, Height, SignerSet, ValidatorIndex};

/// The most blocks that one answer to a [`Fetch`] carries.
pub const MAX_FETCHED_BLOCKS: usize = 16;
/// The most blocks held that do not yet reach the tree. A deeper gap is for sealed blocks to fill.
pub(crate) const MAX_DETACHED_BLOCKS: usize = 1024;

/// Asks for a block and as many of its ancestors as fit, down to a height.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Fetch {
    /// The block.
    pub block: BlockId,
    /// The asker has everything up to this height.
    pub above: Height,
}

/// Blocks, each followed by its parent: the first is the one asked for, so all are what a quorum vouched for.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Blocks(#[borsh(deserialize_with = "bounded::<MAX_FETCHED_BLOCKS, _, _>")] pub Vec<Arc<Block>>);

impl Blocks {
    /// Checks that they are a chain of blocks that each pass the engine's own `check`.
    pub(crate) fn verify(
        &self,
        instance: &Instance,
        check: fn(&Instance, &Block) -> Result<(), Rejected>,
    ) -> Result<(), Rejected> {
        let mut expected = None;
        for block in &self.0 {
            check(instance, block)?;
            if expected.is_some_and(|parent| parent != block.id()) {
                return Err(Rejected::Inconsistent("blocks that are no chain"));
            }
            expected = Some(block.header.parent);
        }
        if expected.is_some() { Ok(()) } else { Err(Rejected::Inconsistent("an answer without a block")) }
    }
}

/// An answer to a [`Fetch`].
pub(crate) enum Answer {
    /// Here they are.
    Blocks(Blocks),
    /// Not held: the tree starts at this height.
    Gone(Height),
}

/// A block that must be held, and who holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    pub(crate) block: BlockId,
    /// Those who signed for it.
    pub(crate) holders: SignerSet,
    /// Who built on it, if anyone: asked first.
    pub(crate) builder: Option<ValidatorIndex>,
}

/// What fetching remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fetching {
    /// Blocks that a quorum vouched for, whose ancestors are still missing.
    detached: BTreeMap<BlockId, Kept>,
    /// Missing blocks that were asked for, and how often.
    asked: BTreeMap<BlockId, usize>,
    /// When each member was last given blocks.
    served: Ration,
}

impl Fetching {
    /// Takes a block that is on record or vouched for.
    pub(crate) fn adopt(&mut self, id: BlockId, kept: Kept) {
        self.detached.entry(id).or_insert(kept);
    }

    /// Takes a block, if it was asked for.
    pub(crate) fn offer(&mut self, id: BlockId, block: &Arc<Block>) {
        if self.asked.contains_key(&id) {
            self.adopt(id, Kept { block: Arc::clone(block), seq: None });
        }
    }

    /// The oldest record that a detached block stands in.
    pub(crate) fn oldest_record(&self) -> Option<Seq> {
        self.detached.values().filter_map(|kept| kept.seq).min()
    }

    /// Whether something was asked for that has not come.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.asked.is_empty()
    }

    /// The block that keeps `goal` from reaching the tree. None if it does reach it, or never will.
    pub(crate) fn missing_below(&self, tree: &Tree, goal: BlockId) -> Option<BlockId> {
        let mut id = goal;
        while tree.place(id).is_none() {
            let Some(kept) = self.detached.get(&id) else { return Some(id) };
            if kept.block.header.height <= tree.root().height.saturating_add(1) {
                return None;
            }
            id = kept.block.header.parent;
        }
        None
    }

    /// Puts into the tree what reaches it.
    pub(crate) fn attach(&mut self, tree: &mut Tree) {
        let root = tree.root().height;
        let mut ascending: Vec<(Height, BlockId)> =
            self.detached.iter().map(|(id, kept)| (kept.block.header.height, *id)).collect();
        ascending.sort_unstable();
        for (height, id) in ascending {
            let Some(kept) = self.detached.remove(&id) else { continue };
            if height > root && !tree.insert(id, kept.clone()) {
                self.detached.insert(id, kept);
            }
        }
    }

    /// Whom to ask for what is missing and was not asked for yet; what `may_be_coming` is only noted.
    pub(crate) fn ask(
        &mut self,
        tree: &Tree,
        me: ValidatorIndex,
        goals: &[Goal],
        may_be_coming: impl Fn(BlockId) -> bool,
    ) -> Vec<(ValidatorIndex, Fetch)> {
        let missing = self.missing(tree, goals);
        self.asked.retain(|id, _| missing.iter().any(|(block, _)| block == id));
        let mut questions = Vec::new();
        for (block, goal) in missing {
            if self.asked.contains_key(&block) {
                continue;
            }
            self.asked.insert(block, 0);
            if !may_be_coming(block) {
                questions.extend(question(tree, me, block, goal, 0));
            }
        }
        questions
    }

    /// Whom to ask next for each block that did not come.
    pub(crate) fn ask_again(
        &mut self,
        tree: &Tree,
        me: ValidatorIndex,
        goals: &[Goal],
    ) -> Vec<(ValidatorIndex, Fetch)> {
        let mut questions = Vec::new();
        for (block, goal) in self.missing(tree, goals) {
            if let Some(times) = self.asked.get_mut(&block) {
                *times = times.saturating_add(1);
                questions.extend(question(tree, me, block, goal, *times));
            }
        }
        questions
    }

    fn missing(&self, tree: &Tree, goals: &[Goal]) -> Vec<(BlockId, Goal)> {
        let mut missing: Vec<(BlockId, Goal)> = Vec::new();
        for goal in goals {
            let block = self.missing_below(tree, goal.block);
            let new = block.filter(|block| missing.iter().all(|(known, _)| known != block));
            missing.extend(new.map(|block| (block, *goal)));
        }
        missing
    }

    /// Answers at most so often: an answer is thousands of times as large as what asks for it.
    pub(crate) fn answer(
        &mut self,
        tree: &Tree,
        from: ValidatorIndex,
        fetch: Fetch,
        (now, gap): (Tick, Duration),
    ) -> Option<Answer> {
        if !self.served.is_due(from, now, gap) {
            return None;
        }
        let mut blocks = Vec::new();
        let mut bytes = 0_usize;
        for place in tree.path_down(fetch.block, fetch.above).into_iter().take(MAX_FETCHED_BLOCKS) {
            let Some(kept) = tree.get(place.id) else { break };
            bytes = bytes.saturating_add(encode(&*kept.block).len());
            if bytes > <Block as witan_types::Wire>::MAX_BYTES && !blocks.is_empty() {
                break;
            }
            blocks.push(Arc::clone(&kept.block));
        }
        let held = !blocks.is_empty();
        Some(if held { Answer::Blocks(Blocks(blocks)) } else { Answer::Gone(tree.root().height) })
    }

    /// Believes blocks only as what was asked for, or its ancestors: a quorum vouched for those. If the gap is too deep,
    /// says up to which height sealed blocks must fill it.
    pub(crate) fn take(&mut self, blocks: Blocks) -> Option<Height> {
        if !blocks.0.first().is_some_and(|first| self.asked.contains_key(&first.id())) {
            return None;
        }
        for block in blocks.0 {
            self.adopt(block.id(), Kept { block, seq: None });
        }
        if self.detached.len() <= MAX_DETACHED_BLOCKS {
            return None;
        }
        let heights = self.detached.values().map(|kept| kept.block.header.height);
        let lowest = heights.min().map(|lowest| lowest.saturating_sub(1));
        self.detached.clear();
        lowest
    }
}

/// Asks whoever is next in turn: who built on the block first, then those who signed for it.
fn question(
    tree: &Tree,
    me: ValidatorIndex,
    block: BlockId,
    goal: Goal,
    times: usize,
) -> Option<(ValidatorIndex, Fetch)> {
    let holders = goal.builder.into_iter().chain(goal.holders.iter());
    let holders: Vec<ValidatorIndex> = holders.filter(|holder| *holder != me).collect();
    let holder = holders.get(times.checked_rem(holders.len()).unwrap_or_default())?;
    Some((*holder, Fetch { block, above: tree.root().height }))
}

//! The leader's turn: when a block is made, with what time and what in it; and the judgement of others' blocks.

use crate::event::{Effects, Now, Timer};
use crate::replica::{Replica, verdict};
use crate::sealing::MAX_UNSEALED;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{Draft, Engine, Input, Tick, Turn, Verdict};
use witan_ledger::{Store, clock};
use witan_types::{Batch, Block, BlockId, Header, Height, Payload, SignedTransaction, TxId};

/// The most blocks that wait to be judged again.
const MAX_TOO_EARLY: usize = 64;
/// The most undecided blocks whose transactions are remembered.
const MAX_UNDECIDED: usize = 256;

/// What must be remembered of an undecided block.
#[derive(Debug)]
struct Undecided {
    height: Height,
    time_ms: u64,
    transactions: BTreeSet<TxId>,
}

/// What the replica knows of undecided blocks and of its own turn.
#[derive(Debug)]
pub(crate) struct Proposing {
    /// The turn that waits for an answer.
    pub(crate) turn: Option<Turn>,
    undecided: BTreeMap<BlockId, Undecided>,
    too_early: VecDeque<Arc<Block>>,
    last_block: Tick,
}

impl Proposing {
    pub(crate) fn new(now: Now) -> Proposing {
        let (undecided, too_early) = (BTreeMap::new(), VecDeque::new());
        Proposing { turn: None, undecided, too_early, last_block: now.tick }
    }

    /// A block was executed: what was undecided at its height no longer is.
    pub(crate) fn executed(&mut self, now: Now, header: &Header) {
        self.last_block = now.tick;
        self.undecided.retain(|_, block| block.height > header.height);
        self.too_early.retain(|block| block.header.height > header.height);
    }

    fn remember(&mut self, id: BlockId, block: &Block) {
        if self.undecided.len() < MAX_UNDECIDED {
            let Header { height, time_ms, .. } = block.header;
            let transactions = block.payload.transactions().map(SignedTransaction::id).collect();
            self.undecided.insert(id, Undecided { height, time_ms, transactions });
        }
    }

    fn is_repeated(&self, ancestors: &[BlockId], id: &TxId) -> bool {
        let known = ancestors.iter().filter_map(|ancestor| self.undecided.get(ancestor));
        known.into_iter().any(|block| block.transactions.contains(id))
    }
}

impl<E: Engine + Send, S: Store + Send> Replica<E, S> {
    /// Judges a block before this validator votes for it; no answer means that it came too early.
    pub(crate) fn judge(
        &mut self,
        now: Now,
        id: BlockId,
        block: Arc<Block>,
        effects: &mut Effects,
    ) -> Option<Verdict> {
        let answer = verdict(self.ledger.validate(&block, self.parent_time(&block.header), now.wall_ms));
        match answer {
            Some(Verdict::Valid) => self.proposing.remember(id, &block),
            Some(Verdict::Never) => {}
            None if self.proposing.too_early.len() < MAX_TOO_EARLY => {
                let horizon = now.wall_ms.saturating_add(self.parameters.max_drift_ms);
                let wait = block.header.time_ms.saturating_sub(horizon).clamp(1, 1_000);
                effects.timers.push((Timer::Revalidate, Duration::from_millis(wait)));
                self.proposing.too_early.push_back(block);
            }
            None => {}
        }
        answer
    }

    /// The time of a block's parent as far as it is remembered here; engines hold the parent and compare for good.
    fn parent_time(&self, header: &Header) -> u64 {
        let tip = self.ledger.tip();
        let undecided = self.proposing.undecided.get(&header.parent).map(|parent| parent.time_ms);
        undecided.unwrap_or(if tip.height < header.height { tip.time_ms } else { 0 })
    }

    /// Looks again at the blocks that came too early.
    pub(crate) fn revalidate(&mut self, now: Now, effects: &mut Effects) {
        for block in std::mem::take(&mut self.proposing.too_early) {
            let id = block.id();
            if let Some(verdict) = self.judge(now, id, block, effects) {
                self.tell(now, Input::Validated(id, verdict), effects);
            }
        }
    }

    /// Whether a block should be made: transactions wait, the first block is due, or the group was idle for long.
    /// A follower of an idle leader waits one more interval before it calls that work.
    pub(crate) fn has_work(&self, now: Now) -> bool {
        !self.mempool.is_empty()
            || self.first_block_due(now)
            || self.idle_for(now) >= self.idle_interval() * 2
    }

    fn first_block_due(&self, now: Now) -> bool {
        self.ledger.tip().height == 0 && self.connected_validators(now).len() >= self.committee.quorum()
    }

    fn idle_for(&self, now: Now) -> Duration {
        now.tick.0.saturating_sub(self.proposing.last_block.0)
    }

    fn idle_interval(&self) -> Duration {
        Duration::from_millis(self.parameters.idle_interval_ms)
    }

    /// Answers the leader's turn as soon as a block should be made.
    pub(crate) fn answer_turn(&mut self, now: Now, effects: &mut Effects) {
        let Some(turn) = &self.proposing.turn else { return };
        if let Some(wait) = self.wait_before_block(now, turn) {
            effects.timers.push((Timer::Propose, wait));
            return;
        }
        let unsealed = self.ledger.tip().height.saturating_sub(self.sealing.sealed());
        if unsealed >= MAX_UNSEALED {
            return;
        }
        let Some(turn) = self.proposing.turn.take() else { return };
        let draft = self.draft(now, &turn);
        self.tell(now, Input::Payload(turn, draft), effects);
    }

    /// How long to wait before making a block at this turn; `None` if it is time.
    fn wait_before_block(&self, now: Now, turn: &Turn) -> Option<Duration> {
        let due = turn.parent_time_ms.saturating_add(self.parameters.block_time_ms);
        if due > now.wall_ms && self.parameters.block_time_ms > 0 {
            return Some(Duration::from_millis((due - now.wall_ms).min(self.parameters.block_time_ms)));
        }
        let idle = self.idle_for(now);
        if turn.at_once
            || !self.mempool.is_empty()
            || self.first_block_due(now)
            || idle >= self.idle_interval()
        {
            return None;
        }
        Some(self.idle_interval().saturating_sub(idle))
    }

    fn draft(&self, now: Now, turn: &Turn) -> Draft {
        let time_ms =
            clock::propose_time(turn.parent_time_ms, self.catch_up.median_clock(now, &self.validators));
        let max_bytes = usize::try_from(self.parameters.max_block_bytes).unwrap_or(usize::MAX);
        let repeated = |id: &TxId| self.proposing.is_repeated(&turn.ancestors, id);
        let taken = self.mempool.take(max_bytes, time_ms, &repeated);
        // A transaction may have been taken in by a clock ahead of the block's.
        let latest = time_ms.saturating_add(self.parameters.max_tx_lifetime_ms);
        let fits = |signed: &Arc<SignedTransaction>| signed.transaction.expires_at_ms <= latest;
        let transactions: Vec<_> = taken.into_iter().filter(fits).map(Arc::unwrap_or_clone).collect();
        let batches = if transactions.is_empty() { Vec::new() } else { vec![Batch::Inline(transactions)] };
        Draft { time_ms, payload: Payload { batches, envelopes: Vec::new() } }
    }
}

//! The leader's turn: when a block is made, with what time and what in it; and the judgement of others' blocks.

use crate::event::{Effects, Now, Timer};
use crate::executing::MAX_UNWRITTEN;
use crate::replica::Replica;
use crate::sealing::MAX_UNSEALED;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{Draft, Engine, Input, Tick, Turn, Verdict};
use witan_ledger::{Store, Validity, clock};
use witan_types::{
    Batch, BatchName, Block, BlockId, FaultModel, GroupId, Hash, Header, Height, IdentifiedTransaction,
    Payload, TxId,
};

/// When blocks keep a distance, so that each carries what comes meanwhile: it costs every member the same, whatever it carries.
#[derive(Clone, Copy)]
struct Pace {
    /// So many transactions are in blocks that are not decided yet.
    from_transactions: usize,
    /// How long a leader then waits for more to carry.
    gap: Duration,
}

/// A leader waits for more to carry no longer than this, however short its host's processor is,
const LONGEST_GAP: Duration = Duration::from_millis(200);
/// and no longer than the base time-out divided by this: others soon give it up.
const TIMEOUT_BY_GAP: u64 = 4;

/// A block costs every member a quorum of signatures.
const SIGNED_PACE: Pace = Pace { from_transactions: 256, gap: Duration::from_millis(40) };
/// Members who trust each other don't sign blocks. A block costs them messages and writes.
const TRUSTED_PACE: Pace = Pace { from_transactions: 16, gap: Duration::from_millis(10) };
/// The most blocks that wait to be judged again.
const MAX_TOO_EARLY: usize = 64;
/// The most undecided blocks whose transactions are remembered.
const MAX_UNDECIDED: usize = 256;

/// What must be remembered of an undecided block.
#[derive(Debug)]
struct Undecided {
    /// When it came; if this node made it, when the next turn was told.
    since: Tick,
    height: Height,
    time_ms: u64,
    /// Those that are in it, ascending.
    transactions: Vec<TxId>,
    /// The digests of the batches that it names.
    batches: Vec<Hash>,
    /// How many transactions are in those.
    named: usize,
    /// For each group that it hears, the place after the last message.
    heard: Vec<(GroupId, u64)>,
}

/// What the replica knows of undecided blocks and of its own turn.
#[derive(Debug)]
pub(crate) struct Proposing {
    /// The turn that waits for an answer.
    turn: Option<Turn>,
    /// The ancestors of the newest turn that are not executed here: undecided, or waiting for a batch.
    ancestors: Vec<BlockId>,
    /// What came into the mempool before this number is in an ancestor of the turn.
    news_from: u64,
    /// The blocks that came with the message of this step, their payload judged.
    pub(crate) arrived: Vec<BlockId>,
    undecided: BTreeMap<BlockId, Undecided>,
    too_early: VecDeque<Arc<Block>>,
    last_block: Tick,
}

impl Proposing {
    pub(crate) fn new(now: Now) -> Proposing {
        Proposing {
            turn: None,
            ancestors: Vec::new(),
            news_from: 0,
            arrived: Vec::new(),
            undecided: BTreeMap::new(),
            too_early: VecDeque::new(),
            last_block: now.tick,
        }
    }

    /// The engine asks for a payload, while final blocks wait to be executed. A later turn replaces an earlier one. Ancestors that
    /// nobody asked to judge here, since this node made them or voted for them before a restart, are remembered now.
    pub(crate) fn take_turn(&mut self, now: Now, turn: Turn, waiting: &VecDeque<Arc<Block>>) {
        self.ancestors.clear();
        for block in turn.ancestors.iter().chain(waiting) {
            let id = block.id();
            self.ancestors.push(id);
            if !self.undecided.contains_key(&id) {
                self.remember(now, id, block);
            }
        }
        (self.turn, self.news_from) = (Some(turn), 0);
    }

    /// A block was executed: what was undecided at its height no longer is.
    pub(crate) fn executed(&mut self, now: Now, header: &Header) {
        self.last_block = now.tick;
        self.undecided.retain(|_, block| block.height > header.height);
        self.too_early.retain(|block| block.header.height > header.height);
    }

    fn remember(&mut self, now: Now, id: BlockId, block: &Block) {
        if self.undecided.len() < MAX_UNDECIDED {
            let mut transactions: Vec<TxId> =
                block.payload.transactions().map(IdentifiedTransaction::id).collect();
            transactions.sort_unstable();
            let Header { height, time_ms, .. } = block.header;
            let heard = block.payload.envelopes.iter();
            let heard = heard.map(|envelope| (envelope.source(), envelope.contents.next())).collect();
            let batches = block.payload.named().map(|held| held.name.digest).collect();
            let named = block.payload.named().map(|held| held.name.transactions as usize).sum();
            let since = now.tick;
            let block = Undecided { since, height, time_ms, transactions, batches, named, heard };
            self.undecided.entry(id).or_insert(block);
        }
    }

    /// When the parent of a turn came, or was executed if that is longer ago than is remembered.
    fn parent_since(&self, turn: &Turn) -> Tick {
        self.undecided.get(&turn.parent).map_or(self.last_block, |parent| parent.since)
    }

    fn ancestors(&self) -> impl Iterator<Item = &Undecided> {
        self.ancestors.iter().filter_map(|ancestor| self.undecided.get(ancestor))
    }

    /// What the ancestors of the newest turn hear of other groups: the place after the last message of each.
    pub(crate) fn heard(&self) -> impl Iterator<Item = (GroupId, u64)> {
        self.ancestors().flat_map(|block| block.heard.iter().copied())
    }

    /// The batches that ancestors of the newest turn name.
    fn carried_batches(&self) -> Vec<Hash> {
        self.ancestors().flat_map(|block| block.batches.iter().copied()).collect()
    }

    /// How many transactions the ancestors of the newest turn carry.
    fn undecided_transactions(&self) -> usize {
        self.ancestors().map(|block| block.transactions.len() + block.named).sum()
    }

    /// Whether an ancestor of the newest turn does what is due at this time.
    fn does_what_is_due(&self, due_ms: u64) -> bool {
        self.ancestors().any(|block| block.time_ms >= due_ms)
    }

    /// What waited in the mempool without being news may be news now.
    pub(crate) fn look_again(&mut self) {
        self.news_from = 0;
    }

    /// Whether an ancestor of the newest turn carries the transaction.
    fn is_repeated(&self, id: &TxId) -> bool {
        self.ancestors().any(|block| block.transactions.binary_search(id).is_ok())
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
        let parent_time = self.parent_time(&block.header);
        let validity = match self.proposing.arrived.contains(&id) {
            true => self.ledger.validate_judged(&block, parent_time, now.wall_ms),
            false => self.ledger.validate(&block, parent_time, now.wall_ms),
        };
        let answer = verdict(match validity {
            Validity::Valid if !self.are_held(&block) => Validity::Never,
            other => other,
        });
        match answer {
            Some(Verdict::Valid) => self.proposing.remember(now, id, &block),
            Some(Verdict::Never) => {}
            None if self.proposing.too_early.len() < MAX_TOO_EARLY => {
                let horizon = now.wall_ms.saturating_add(self.ledger.parameters().max_drift_ms);
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
        self.mempool.has_unparked()
            || self.has_ready_batch(now, &[])
            || self.has_envelopes()
            || self.is_due(now)
            || self.first_block_due(now)
            || self.idle_for(now) >= self.idle_interval().saturating_mul(2)
    }

    /// The block time at which something is due next: a deadline or an attempt of a transaction across groups, the end of
    /// one that waits for something in the mempool, or of a claim that it waits for.
    fn next_due_ms(&self) -> Option<u64> {
        let parked = self.mempool.parked_until_ms().map(|until_ms| until_ms.saturating_add(1));
        let claims = if self.mempool.is_parked_on_keys() { self.ledger.claims_until_ms() } else { None };
        self.ledger.next_due_ms().into_iter().chain(parked).chain(claims).min()
    }

    fn is_due(&self, now: Now) -> bool {
        let clock_ms = || self.catch_up.median_clock(now, &self.validators);
        self.next_due_ms().is_some_and(|due_ms| due_ms <= clock_ms())
    }

    /// Whether something is due that no ancestor of the turn does.
    fn has_due_news(&self, now: Now) -> bool {
        self.is_due(now) && self.next_due_ms().is_some_and(|due_ms| !self.proposing.does_what_is_due(due_ms))
    }

    /// Asks to be woken when something is due, once for each moment.
    pub(crate) fn wake_when_due(&mut self, now: Now, effects: &mut Effects) {
        let due_ms = self.next_due_ms();
        if due_ms == self.due_timer {
            return;
        }
        let clock_ms = self.catch_up.median_clock(now, &self.validators);
        if let Some(wait_ms) = due_ms.and_then(|due_ms| due_ms.checked_sub(clock_ms)).filter(|wait| *wait > 0)
        {
            effects.timers.push((Timer::Due, Duration::from_millis(wait_ms.min(60_000))));
            self.due_timer = due_ms;
        }
    }

    fn first_block_due(&self, now: Now) -> bool {
        self.ledger.tip().height == 0 && self.connected_validators(now).len() >= self.committee.quorum()
    }

    fn idle_for(&self, now: Now) -> Duration {
        now.tick.0.saturating_sub(self.proposing.last_block.0)
    }

    fn idle_interval(&self) -> Duration {
        Duration::from_millis(self.ledger.parameters().idle_interval_ms)
    }

    /// Answers the leader's turn as soon as a block should be made.
    pub(crate) fn answer_turn(&mut self, now: Now, effects: &mut Effects) {
        // What is decided and waits for a batch counts, too, so that there is a bound on it.
        let waiting = self.dissemination.waiting().back().map(|block| block.header.height);
        let decided = waiting.max(Some(self.ledger.tip().height)).unwrap_or(0);
        let unsealed = decided.saturating_sub(self.sealing.sealed());
        if unsealed >= MAX_UNSEALED || self.unwritten.len() > MAX_UNWRITTEN {
            return;
        }
        let Some(turn) = self.proposing.turn.take() else { return };
        if let Some(wait) = self.wait_before_block(now, &turn) {
            effects.timers.push((Timer::Propose, wait));
            self.proposing.turn = Some(turn);
            return;
        }
        let draft = self.draft(now, &turn);
        self.tell(now, Input::Payload(turn, draft), effects);
    }

    /// How long to wait before making a block at this turn; `None` if it is time.
    fn wait_before_block(&mut self, now: Now, turn: &Turn) -> Option<Duration> {
        let gap = self.gap_left(now, turn);
        if gap.is_some()
            || turn.at_once
            || self.has_news(now)
            || self.has_envelopes()
            || self.has_due_news(now)
        {
            return gap;
        }
        if !turn.ancestors.is_empty() {
            // They are decided without this block, and then the engine tells the turn anew.
            return Some(self.idle_interval());
        }
        let left = self.idle_interval().saturating_sub(self.idle_for(now));
        (!left.is_zero() && !self.first_block_due(now)).then_some(left)
    }

    /// What is left of the least time between blocks.
    fn gap_left(&self, now: Now, turn: &Turn) -> Option<Duration> {
        self.block_time_left(now, turn).max(self.pace_left(now, turn))
    }

    /// What is left until the network's block time is over, by the same clocks that give a block its time.
    fn block_time_left(&self, now: Now, turn: &Turn) -> Option<Duration> {
        let gap = self.ledger.parameters().block_time_ms;
        if gap == 0 {
            return None;
        }
        let due = turn.parent_time_ms.saturating_add(gap);
        let left = due.saturating_sub(self.catch_up.median_clock(now, &self.validators));
        (left > 0).then(|| Duration::from_millis(left.min(gap)))
    }

    /// What is left of the distance that blocks keep under load, or where the processor is short, by this node's own clock: who made the
    /// parent has no say in it. A lost round was distance enough.
    fn pace_left(&self, now: Now, turn: &Turn) -> Option<Duration> {
        let pace = match self.committee.faults() {
            FaultModel::Byzantine => SIGNED_PACE,
            FaultModel::Crash => TRUSTED_PACE,
        };
        let is_much = || self.proposing.undecided_transactions() >= pace.from_transactions;
        let is_busy = !turn.at_once && (self.stretch > 1 || is_much());
        let parent = self.proposing.parent_since(turn);
        let timeout = Duration::from_millis(self.ledger.parameters().base_timeout_ms / TIMEOUT_BY_GAP);
        let gap = pace.gap.saturating_mul(self.stretch).min(LONGEST_GAP).min(timeout);
        let left = gap.saturating_sub(now.tick.0.saturating_sub(parent.0));
        (is_busy && !left.is_zero()).then_some(left)
    }

    /// Whether a transaction waits that no ancestor of the turn carries. What was looked at is not looked at again.
    fn has_news(&mut self, now: Now) -> bool {
        if self.has_ready_batch(now, &self.proposing.carried_batches()) {
            return true;
        }
        let carried: usize = self.proposing.ancestors().map(|block| block.transactions.len()).sum();
        if self.mempool.unparked() > carried {
            return true;
        }
        let mut waiting = self.mempool.since(self.proposing.news_from);
        let is_new = |known: &IdentifiedTransaction| !self.proposing.is_repeated(&known.id());
        let news = waiting.find(|(_, known)| is_new(known)).map(|(arrival, _)| arrival);
        self.proposing.news_from = news.unwrap_or(self.mempool.next_arrival());
        news.is_some()
    }

    /// Whether a block made now could name a batch that none of these is.
    fn has_ready_batch(&self, now: Now, carried: &[Hash]) -> bool {
        let clock_ms = self.catch_up.median_clock(now, &self.validators);
        let latest = clock_ms.saturating_add(self.ledger.parameters().max_tx_lifetime_ms);
        let is_news = |name: &BatchName| {
            (clock_ms..=latest).contains(&name.until_ms) && !carried.contains(&name.digest)
        };
        self.batches.ready().any(|known| is_news(&known.name))
    }

    /// What goes into a block at this turn.
    fn draft(&self, now: Now, turn: &Turn) -> Draft {
        let time_ms =
            clock::propose_time(turn.parent_time_ms, self.catch_up.median_clock(now, &self.validators));
        let max_bytes = usize::try_from(self.ledger.parameters().max_block_bytes).unwrap_or(usize::MAX);
        let repeated = |id: &TxId| self.proposing.is_repeated(id);
        // A transaction may have been taken in by a clock ahead of the block's.
        let latest = time_ms.saturating_add(self.ledger.parameters().max_tx_lifetime_ms);
        let named = self.ready_batches(&(time_ms..=latest), max_bytes, &self.proposing.carried_batches());
        let room = named.iter().fold(max_bytes, |room, held| room.saturating_sub(held.name.bytes as usize));
        let mut taken = self.mempool.take(room, time_ms, &repeated);
        taken.retain(|known| known.transaction.expires_at_ms <= latest);
        let inline = (!taken.is_empty()).then(|| Batch::of(taken.into_iter().cloned()));
        let batches = named.into_iter().map(Batch::Named).chain(inline).collect();
        Draft { time_ms, payload: Payload { batches, envelopes: self.envelopes() } }
    }
}

/// The ledger's judgement in the engine's words.
fn verdict(validity: Validity) -> Option<Verdict> {
    match validity {
        Validity::Valid => Some(Verdict::Valid),
        Validity::Never => Some(Verdict::Never),
        Validity::NotYet => None,
    }
}

#[cfg(test)]
mod tests;

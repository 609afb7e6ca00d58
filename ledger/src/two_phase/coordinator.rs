//! The coordinator: asks the other groups of a transaction to prepare it, counts their votes, and decides once.

use super::message::{Answer, Message, Refusal, Verdict};
use super::record::{Coordinated, CoordinatorStage, Vote};
use super::{Modes, PlantedFault};
use crate::execute::{Executor, MAX_READ_BYTES, Part, Stop, Stopped, bytes_of};
use crate::locks::{Holder, Outcome, Request};
use crate::value::{AbortReason, FailureReason, Read, Told, TransactionOutcome, Value};
use std::collections::BTreeMap;
use witan_types::{GroupId, Key, Op, SignedTransaction, Transaction, TxId, Wire};

/// The most decisions, give-ups and attempts that are made in a block because they are due.
const MAX_DUE: usize = 512;
/// How long the second attempt waits for at least; each further one waits for twice as long. Milliseconds of block time.
const BACK_OFF_MS: u64 = 20;
/// No attempt waits for more than twice this while few transactions are pending; the more are, the longer one may wait, up
/// to twice the second: a few that meet come through soon, and many that do not leave the group busy with refusals.
const MAX_BACK_OFF_MS: std::ops::RangeInclusive<u64> = 40..=1_280;
/// How much longer an attempt may wait for each transaction that is pending. Milliseconds.
const BACK_OFF_FOR_EACH_MS: u64 = 2;

/// Why the keys of a transaction in this group could not be locked.
pub(crate) enum Unlocked {
    /// A lock or a claim on this key, or a bound.
    Met(Option<Key>),
    /// The transaction fails here.
    Failed(FailureReason),
}

impl Executor<'_> {
    /// The first execution of a transaction of several groups, this one first.
    pub(crate) fn coordinate(&mut self, signed: &SignedTransaction, id: TxId, participants: Vec<GroupId>) {
        if let Some(group) = self.without_room(&participants, signed) {
            return self.defer(id, Stopped::Group(group));
        }
        if self.is_full() {
            return self.defer(id, Stopped::Full);
        }
        if !self.dealings.has_room_to_coordinate(signed) {
            return self.defer(id, Stopped::Room);
        }
        let since_ms = self.dealings.locks.claimed_since(&id).unwrap_or(self.now_ms);
        let coordinated = Coordinated {
            attempt: 1,
            since_ms,
            since_height: self.height,
            participants,
            stage: CoordinatorStage::Waiting { until_ms: 0, because: AbortReason::Conflict },
            transaction: signed.clone(),
        };
        match self.lock_part(&signed.transaction, Holder { id, attempt: 1 }, since_ms) {
            Ok(_) => {
                self.ask(id, coordinated);
                self.result.started.push(id);
            }
            Err(Unlocked::Met(key)) => self.defer(id, key.map_or(Stopped::Room, Stopped::Key)),
            Err(Unlocked::Failed(reason)) => {
                self.receipt(&signed.transaction, id, TransactionOutcome::Failed { reason }, Vec::new());
            }
        }
    }

    /// A participant to which no prepare may go in this block.
    fn without_room(&self, participants: &[GroupId], signed: &SignedTransaction) -> Option<GroupId> {
        // The kind, the attempt, the age and the length of the message go beside the transaction.
        let bytes = signed.size().saturating_add(32);
        let has_room = |group: &&GroupId| self.dealings.channels.has_room_for_prepare(**group, bytes);
        participants.iter().find(|group| !has_room(group)).copied()
    }

    /// Locks what a transaction uses of this group and tries it: what its gets return here, and nothing is changed. On
    /// any refusal nothing is locked.
    pub(crate) fn lock_part(
        &mut self,
        transaction: &Transaction,
        holder: Holder,
        since_ms: u64,
    ) -> Result<Vec<Read>, Unlocked> {
        let overflow = || Unlocked::Failed(FailureReason::Overflow);
        let modes = self.dealings.modes_here(transaction).ok_or_else(overflow)?;
        let committed = self.committed(&modes);
        let request = Request { holder, since_ms, expires_at_ms: transaction.expires_at_ms, modes };
        let taken =
            self.dealings.locks.take(&request, &|key| committed.get(key).cloned().flatten(), self.now_ms);
        if self.dealings.planted.is(PlantedFault::NoClaims) {
            self.dealings.locks.drop_claim(&holder.id);
        }
        match taken {
            Ok(Outcome::Granted) => {}
            Ok(Outcome::Conflict { key, .. }) => return Err(Unlocked::Met(Some(key))),
            Ok(Outcome::Impossible { reason, .. }) => return Err(Unlocked::Failed(reason)),
            Ok(Outcome::Full) | Err(_) => return Err(Unlocked::Met(None)),
        }
        let tried = self.run(transaction, Part::Mine, MAX_READ_BYTES);
        self.overlay.undo();
        tried.map_err(|stop| {
            self.dealings.locks.release(&holder);
            match stop {
                Stop::Failed(reason) => Unlocked::Failed(reason),
                Stop::Deferred => Unlocked::Met(None),
            }
        })
    }

    /// The values now of the keys that are only added to.
    pub(crate) fn committed(&mut self, modes: &Modes) -> BTreeMap<Key, Option<Value>> {
        let added = modes.iter().filter(|(_, mode)| matches!(mode, crate::locks::Mode::Add(_)));
        added
            .map(|(key, _)| (key.clone(), self.overlay.entry(key).map(|entry| entry.value.clone())))
            .collect()
    }

    /// Asks the participants to prepare; this group's own keys are locked.
    fn ask(&mut self, id: TxId, coordinated: Coordinated) {
        let stage = CoordinatorStage::Preparing {
            taken_at_ms: self.now_ms,
            deadline_ms: self.dealings.deadline_ms(&coordinated, self.now_ms),
            votes: Vec::new(),
        };
        let Coordinated { attempt, since_ms, .. } = coordinated;
        let transaction = coordinated.transaction.clone();
        let prepare = Message::Prepare { attempt, since_ms, transaction }.encode();
        for group in &coordinated.participants {
            self.dealings.channels.send(*group, prepare.clone(), true);
        }
        self.dealings.coordinate(id, Coordinated { stage, ..coordinated });
    }

    /// A participant's vote. One on anything but the current attempt is answered with the end of that attempt, so that
    /// nothing stays locked for it.
    pub(crate) fn on_vote(&mut self, source: GroupId, id: TxId, attempt: u64, answer: Answer) {
        let awaited = self.dealings.coordinated(&id).filter(|it| self.awaits(it, source, attempt)).cloned();
        match (awaited, answer) {
            (None, Answer::No { .. }) => {}
            (None, Answer::Yes { .. }) => {
                let stale = self.dealings.planted.is(PlantedFault::CommitToStaleAttempt);
                let verdict = if stale { Verdict::Commit } else { Verdict::Abort };
                self.tell(source, id, attempt, verdict);
            }
            (Some(coordinated), Answer::Yes { reads }) => {
                self.count(id, coordinated, Vote { group: source, reads })
            }
            (Some(coordinated), Answer::No { refusal: refusal @ (Refusal::Conflict | Refusal::Full) }) => {
                self.wait(id, coordinated, AbortReason::Conflict, Some((source, refusal)));
            }
            (Some(_), Answer::No { refusal: Refusal::Failed(reason) }) => {
                self.give_up(&id, TransactionOutcome::Aborted { reason: AbortReason::Failed(reason) });
            }
        }
    }

    /// Whether the vote of a group on an attempt is awaited.
    fn awaits(&self, coordinated: &Coordinated, source: GroupId, attempt: u64) -> bool {
        let counts_all = self.dealings.planted.is(PlantedFault::OldVoteCounts);
        match &coordinated.stage {
            CoordinatorStage::Waiting { .. } => false,
            CoordinatorStage::Preparing { votes, .. } => {
                (coordinated.attempt == attempt || counts_all)
                    && coordinated.participants.contains(&source)
                    && votes.iter().all(|vote| vote.group != source)
            }
        }
    }

    fn count(&mut self, id: TxId, mut coordinated: Coordinated, vote: Vote) {
        if let CoordinatorStage::Preparing { votes, .. } = &mut coordinated.stage {
            votes.push(vote);
            let bytes: usize = votes.iter().map(|vote| bytes_of(&vote.reads)).sum();
            if bytes > MAX_READ_BYTES {
                let reason = AbortReason::Failed(FailureReason::ReadTooLarge);
                return self.give_up(&id, TransactionOutcome::Aborted { reason });
            }
        }
        self.dealings.coordinate(id, coordinated);
    }

    /// Does what is due by now: first what every vote is there for, then what has waited the longest.
    pub(crate) fn settle_due(&mut self) {
        for id in self.dealings.due(self.now_ms, MAX_DUE) {
            let Some(coordinated) = self.dealings.coordinated(&id).cloned() else { continue };
            let has_place = |group: &GroupId| self.dealings.channels.has_place(*group);
            if !coordinated.participants.iter().all(has_place) {
                continue;
            }
            match &coordinated.stage {
                CoordinatorStage::Preparing { votes, .. }
                    if votes.len() == coordinated.participants.len() =>
                {
                    self.commit(&id, &coordinated);
                }
                CoordinatorStage::Preparing { .. } => self.miss_deadline(id, coordinated),
                CoordinatorStage::Waiting { because, .. } => {
                    let because = *because;
                    self.attempt_again(id, coordinated, because);
                }
            }
            self.next_index();
        }
    }

    /// All groups voted yes. Without room for what was read this stays due, and the next block does it.
    fn commit(&mut self, id: &TxId, coordinated: &Coordinated) {
        let transaction = &coordinated.transaction.transaction;
        let CoordinatorStage::Preparing { votes, .. } = &coordinated.stage else { return };
        let elsewhere: usize = votes.iter().map(|vote| bytes_of(&vote.reads)).sum();
        if self.receipt_room() < elsewhere.saturating_add(MAX_READ_BYTES) {
            return;
        }
        let own = self.apply_part(transaction);
        if bytes_of(&own).saturating_add(elsewhere) > MAX_READ_BYTES {
            self.overlay.undo();
            let reason = AbortReason::Failed(FailureReason::ReadTooLarge);
            return self.give_up(id, TransactionOutcome::Aborted { reason });
        }
        self.overlay.keep();
        let reads = self.merge(transaction, own, votes);
        self.end(id, TransactionOutcome::Applied { reads }, Verdict::Commit);
    }

    /// Applies what was locked and tried before. The locks have kept everything as it was then, but for adds that were
    /// judged beside this one.
    ///
    /// # Panics
    /// If it fails: the locks did not do what they are for.
    pub(crate) fn apply_part(&mut self, transaction: &Transaction) -> Vec<Read> {
        match self.run_ops(transaction, Part::Mine, MAX_READ_BYTES) {
            Ok(reads) => reads,
            Err(Stop::Failed(reason)) => panic!("a prepared transaction fails at its commit: {reason:?}"),
            Err(Stop::Deferred) => panic!("a prepared transaction finds no room at its commit"),
        }
    }

    /// What the gets return, in the order of the transaction, whichever group owns their keys.
    fn merge(&self, transaction: &Transaction, own: Vec<Read>, votes: &[Vote]) -> Vec<Read> {
        let mut of_group: BTreeMap<GroupId, std::vec::IntoIter<Read>> =
            votes.iter().map(|vote| (vote.group, vote.reads.clone().into_iter())).collect();
        of_group.insert(self.dealings.me, own.into_iter());
        let read = |op: &Op| match op {
            Op::Get { key } => of_group.get_mut(&self.dealings.slots.owner(key))?.next(),
            _ => None,
        };
        transaction.ops.iter().filter_map(read).collect()
    }

    /// Gives locks back and keeps the place among those who want the keys: if each attempt began behind whoever came
    /// meanwhile, one that spans many groups would meet somebody in one of them every time.
    pub(crate) fn step_back(&mut self, transaction: &Transaction, holder: Holder, since_ms: u64) {
        self.dealings.locks.release(&holder);
        if self.dealings.planted.is(PlantedFault::NoClaims) {
            return;
        }
        let Some(modes) = self.dealings.modes_here(transaction) else { return };
        let request = Request { holder, since_ms, expires_at_ms: transaction.expires_at_ms, modes };
        self.dealings.locks.leave_claim(&request, self.now_ms);
    }

    /// Not every vote came in time.
    fn miss_deadline(&mut self, id: TxId, coordinated: Coordinated) {
        let reason = AbortReason::Deadline;
        if self.dealings.may_ask_again(&coordinated, self.now_ms) {
            self.wait(id, coordinated, reason, None);
        } else {
            self.give_up(&id, TransactionOutcome::Aborted { reason });
        }
    }

    /// The attempt ends, and another one follows, unless the transaction would have expired by then. Whoever refused
    /// holds nothing and need not be told.
    fn wait(
        &mut self,
        id: TxId,
        coordinated: Coordinated,
        because: AbortReason,
        refused: Option<(GroupId, Refusal)>,
    ) {
        let Coordinated { attempt, .. } = coordinated;
        let until_ms = self.now_ms.saturating_add(back_off(&id, attempt, self.dealings.pending()));
        if until_ms > coordinated.transaction.transaction.expires_at_ms {
            return self.give_up(&id, TransactionOutcome::Aborted { reason: because });
        }
        if matches!(coordinated.stage, CoordinatorStage::Preparing { .. }) {
            let holder = Holder { id, attempt };
            // Nobody is kept from keys for a group that has no room or does not answer.
            let verdict = if refused.is_some_and(|(_, refusal)| refusal == Refusal::Conflict) {
                self.step_back(&coordinated.transaction.transaction, holder, coordinated.since_ms);
                Verdict::StepBack
            } else {
                self.dealings.locks.release(&holder);
                Verdict::Abort
            };
            let refused = refused.map(|(group, _)| group);
            for group in coordinated.participants.iter().filter(|group| Some(**group) != refused) {
                self.tell(*group, id, attempt, verdict);
            }
        }
        let attempt = attempt.saturating_add(1);
        self.dealings.coordinate(
            id,
            Coordinated { attempt, stage: CoordinatorStage::Waiting { until_ms, because }, ..coordinated },
        );
    }

    /// The next attempt is due. Without room for its prepares it is put off.
    fn attempt_again(&mut self, id: TxId, coordinated: Coordinated, because: AbortReason) {
        let signed = &coordinated.transaction;
        if signed.transaction.expires_at_ms < self.now_ms {
            return self.give_up(&id, TransactionOutcome::Aborted { reason: because });
        }
        if self.is_full() || self.without_room(&coordinated.participants, signed).is_some() {
            // Due at once it would ask for block after block, and keep others waiting behind it.
            let until_ms =
                self.now_ms.saturating_add(back_off(&id, coordinated.attempt, self.dealings.pending()));
            let stage = CoordinatorStage::Waiting { until_ms, because };
            return self.dealings.coordinate(id, Coordinated { stage, ..coordinated });
        }
        let holder = Holder { id, attempt: coordinated.attempt };
        match self.lock_part(&signed.transaction, holder, coordinated.since_ms) {
            Ok(_) => self.ask(id, coordinated),
            Err(Unlocked::Met(_)) => self.wait(id, coordinated, AbortReason::Conflict, None),
            Err(Unlocked::Failed(reason)) => self.give_up(&id, TransactionOutcome::Failed { reason }),
        }
    }

    /// The transaction ends without effect.
    fn give_up(&mut self, id: &TxId, outcome: TransactionOutcome) {
        self.end(id, outcome, Verdict::GiveUp);
    }

    /// The one end of a transaction: its keys are released, the participants told, and its receipt is left.
    fn end(&mut self, id: &TxId, outcome: TransactionOutcome, verdict: Verdict) {
        let Some(coordinated) = self.dealings.finish(id) else { return };
        let Coordinated { attempt, participants, transaction, .. } = coordinated;
        self.dealings.locks.release(&Holder { id: *id, attempt });
        self.dealings.locks.drop_claim(id);
        let told = participants
            .into_iter()
            .map(|group| Told { group, place: self.tell(group, *id, attempt, verdict) })
            .collect();
        self.receipt(&transaction.transaction, *id, outcome, told);
    }

    fn tell(&mut self, group: GroupId, id: TxId, attempt: u64, verdict: Verdict) -> u64 {
        self.dealings.channels.send(group, Message::Decision { id, attempt, verdict }.encode(), false)
    }
}

/// How long the attempt after this one waits while so many transactions are pending: exponential, spread by the id so that
/// two that met do not meet again.
fn back_off(id: &TxId, attempt: u64, pending: usize) -> u64 {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(8);
    let most = BACK_OFF_FOR_EACH_MS.saturating_mul(pending as u64);
    let most = most.clamp(*MAX_BACK_OFF_MS.start(), *MAX_BACK_OFF_MS.end());
    let least = BACK_OFF_MS.saturating_mul(1 << doublings).min(most);
    let [.., low] = id.0.0;
    let spread = u64::from(low).wrapping_mul(31).wrapping_add(attempt.wrapping_mul(17)) % 64;
    least + least * spread / 64
}

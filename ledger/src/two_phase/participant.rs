//! The participant: judges its part of a transaction for itself, votes, and obeys the decision. It never decides alone.

use super::PlantedFault;
use super::coordinator::Unlocked;
use super::message::{Answer, Message, Refusal, Verdict};
use super::record::{ParticipantStage, Participated};
use crate::execute::{Executor, groups_of};
use crate::locks::Holder;
use crate::value::FailureReason;
use witan_types::{GroupId, SignedTransaction, TxId, Wire};

/// What a prepare asks for.
pub(crate) struct Prepare {
    pub(crate) attempt: u64,
    pub(crate) since_ms: u64,
    pub(crate) transaction: SignedTransaction,
    /// Whether the transaction is its signer's.
    pub(crate) is_signed: bool,
}

impl Executor<'_> {
    /// The coordinator asks for a vote. One on an attempt that was asked for before, while an earlier one is undecided, or
    /// once the transaction has ended, is none: nobody who keeps the rules sends that, and one signature is good for one
    /// effect.
    pub(crate) fn on_prepare(&mut self, source: GroupId, prepare: Prepare) {
        let id = prepare.transaction.id();
        let known = self.dealings.participated(&id);
        let is_new = known.is_none_or(|known| known.attempt < prepare.attempt && known.may_be_asked_again());
        if !is_new {
            return;
        }
        let attempt = prepare.attempt;
        let expires_at_ms = prepare.transaction.transaction.expires_at_ms;
        let refusal = if !self.is_asked_rightly(source, &prepare) {
            // Not remembered: whoever forges a prepare would keep the coordinator's own from being heard.
            Some(Refusal::Failed(FailureReason::ForbiddenKey))
        } else if !self.is_asked_in_time(expires_at_ms) {
            Some(Refusal::Full)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            let answer = Answer::No { refusal };
            self.dealings.channels.send(source, Message::Vote { id, attempt, answer }.encode(), false);
            return;
        }
        let (answer, stage) = match self.prepare(source, id, &prepare) {
            Ok(answer) => {
                let transaction = prepare.transaction.clone();
                let (taken_at_ms, since_ms) = (self.now_ms, prepare.since_ms);
                (answer, Some(ParticipantStage::Prepared { taken_at_ms, since_ms, transaction }))
            }
            Err(refusal) => (Answer::No { refusal }, None),
        };
        let has_room = self.dealings.has_room_to_participate(source, &prepare.transaction);
        if has_room || stage.is_some() {
            let participated = Participated {
                coordinator: source,
                attempt,
                voted_at: self.height,
                keep_until_ms: expires_at_ms.saturating_add(self.dealings.remember_ms),
                stage: stage.unwrap_or(ParticipantStage::Refused),
            };
            self.dealings.participate(id, participated);
        }
        self.dealings.channels.send(source, Message::Vote { id, attempt, answer }.encode(), false);
    }

    /// Whether a transaction that expires then may be prepared: it would still be remembered if it had been before, and it
    /// does not expire later than any may. The coordinator's block time may be ahead of this group's by a time-out.
    fn is_asked_in_time(&self, expires_at_ms: u64) -> bool {
        let slack_ms = self.dealings.remember_ms;
        let latest = self.now_ms.saturating_add(self.max_tx_lifetime_ms).saturating_add(slack_ms);
        expires_at_ms.saturating_add(slack_ms) >= self.now_ms && expires_at_ms <= latest
    }

    /// Judges and locks the part of a transaction in this group.
    pub(crate) fn prepare(
        &mut self,
        source: GroupId,
        id: TxId,
        prepare: &Prepare,
    ) -> Result<Answer, Refusal> {
        let Prepare { attempt, since_ms, transaction: signed, .. } = prepare;
        if self.has_heard_its_fill() || !self.dealings.has_room_to_participate(source, signed) {
            return Err(Refusal::Full);
        }
        let holder = Holder { id, attempt: *attempt };
        let reads = match self.lock_part(&signed.transaction, holder, *since_ms) {
            Ok(reads) => reads,
            Err(Unlocked::Met(Some(_))) => return Err(Refusal::Conflict),
            Err(Unlocked::Met(None)) => return Err(Refusal::Full),
            Err(Unlocked::Failed(reason)) => return Err(Refusal::Failed(reason)),
        };
        let answer = Answer::Yes { reads };
        let bytes = Message::Vote { id, attempt: *attempt, answer: answer.clone() }.encode().len();
        if !self.dealings.channels.has_room(source, bytes) {
            self.dealings.locks.release(&holder);
            return Err(Refusal::Full);
        }
        if self.dealings.planted.is(PlantedFault::ReadLocksReleasedAtVote) {
            self.dealings.locks.release_reads(&holder);
        }
        Ok(answer)
    }

    /// Whether the transaction is its signer's, this network's and well-formed, the sender is the group of its first key,
    /// and some key is this group's.
    fn is_asked_rightly(&self, source: GroupId, prepare: &Prepare) -> bool {
        let transaction = &prepare.transaction.transaction;
        let mut owners = groups_of(transaction, |key| self.dealings.slots.owner(key));
        prepare.is_signed
            && transaction.chain == self.dealings.chain
            && transaction.check_form().is_ok()
            && owners.next() == Some(source)
            && source != self.dealings.me
            && owners.any(|owner| owner == self.dealings.me)
    }

    /// The coordinator has decided.
    pub(crate) fn on_decision(&mut self, source: GroupId, id: TxId, attempt: u64, verdict: Verdict) {
        let Some(known) = self.dealings.participated(&id).cloned() else { return };
        if known.coordinator != source || known.attempt > attempt {
            return;
        }
        // The coordinator may give up before it asks for the next attempt here. What an earlier one claims ends all the
        // same; prepared it no longer is, since the end of each attempt is told.
        let is_unasked = known.attempt < attempt;
        match &known.stage {
            ParticipantStage::Prepared { transaction, since_ms, .. } if !is_unasked => {
                if verdict == Verdict::Commit {
                    self.apply_part(&transaction.transaction);
                    self.overlay.keep();
                }
                let holder = Holder { id, attempt };
                match verdict {
                    Verdict::StepBack => self.step_back(&transaction.transaction, holder, *since_ms),
                    Verdict::Commit | Verdict::Abort | Verdict::GiveUp => {
                        self.dealings.locks.release(&holder);
                    }
                }
            }
            ParticipantStage::Refused if !is_unasked && verdict != Verdict::Commit => {}
            ParticipantStage::Refused if is_unasked && verdict == Verdict::GiveUp => {}
            ParticipantStage::Decided { verdict: before, .. }
                if before.may_be_followed() && is_unasked && verdict == Verdict::GiveUp => {}
            _ => return,
        }
        if verdict == Verdict::GiveUp {
            self.dealings.locks.drop_claim(&id);
        }
        let stage = ParticipantStage::Decided { verdict, height: self.height };
        self.dealings.participate(id, Participated { attempt, stage, ..known });
    }

    /// A planted mistake: gives up what has waited for longer than the prepare time-out.
    pub(crate) fn decide_alone(&mut self) {
        if !self.dealings.planted.is(PlantedFault::ParticipantDecidesAlone) {
            return;
        }
        let timeout_ms = self.dealings.agreed.parameters().prepare_timeout_ms;
        let over = |(_, taken_at_ms): &(TxId, u64)| taken_at_ms.saturating_add(timeout_ms) < self.now_ms;
        let waiting: Vec<TxId> = self.dealings.prepared().filter(over).map(|(id, _)| id).collect();
        for id in waiting {
            if let Some(known) = self.dealings.participated(&id).cloned() {
                self.on_decision(known.coordinator, id, known.attempt, Verdict::Abort);
            }
        }
    }
}

//! How a transaction stands, from what is flushed here: its receipt, or the record of one that is pending.

use super::NodeBackend;
use super::state::{value_view, version_of};
use std::collections::BTreeMap;
use witan_ledger::records::reading::{self, Step};
use witan_ledger::two_phase::Coordinated;
use witan_ledger::{Read, Receipt, Store as _, Told, TransactionOutcome};
use witan_rpc::encoding::Blob;
use witan_rpc::view::{Phase, PhaseView, ReadView, TransactionResult, TransactionState, TxStatusView};
use witan_types::{GroupId, Height, TxId};

/// A transaction that ended, and where.
#[derive(Debug)]
pub(super) struct Executed {
    /// The group that coordinated it.
    pub(super) group: GroupId,
    pub(super) height: Height,
    pub(super) sealed: bool,
    pub(super) receipt: Receipt,
}

/// How far groups that are hosted elsewhere are with their parts of a transaction: whether they have obeyed the decision,
/// and their newest step.
pub(super) type Parts = BTreeMap<GroupId, (bool, Step)>;

impl NodeBackend {
    /// The status of a transaction that has left a trace in a block; none if it has not.
    pub(super) fn traced(&self, id: &TxId) -> Option<TxStatusView> {
        // It may be decided between the two looks: then the receipt is there at the third.
        self.executed(id).or_else(|| self.pending(id)).or_else(|| self.executed(id))
    }

    /// The status of an executed transaction, from its receipt.
    pub(super) fn executed(&self, id: &TxId) -> Option<TxStatusView> {
        self.find(id).map(|executed| self.status_of(&executed, &Parts::new()))
    }

    /// The receipt of an executed transaction that a group here coordinates.
    pub(super) fn find(&self, id: &TxId) -> Option<Executed> {
        let (group, (height, receipt)) = self
            .stores
            .iter()
            .find_map(|(group, store)| store.find_transaction(id).map(|found| (*group, found)))?;
        let sealed = self.stores.get(&group).is_some_and(|store| height <= store.sealed_tip());
        Some(Executed { group, height, sealed, receipt })
    }

    /// The status that a receipt tells, with what is known of parts elsewhere.
    pub(super) fn status_of(&self, executed: &Executed, parts: &Parts) -> TxStatusView {
        let Executed { group, height, sealed, receipt } = executed;
        let applied = receipt.told.iter().all(|told| self.has_obeyed(*group, told, parts));
        let phases = self.phases_of(*group, *height, receipt, parts);
        let (status, result) = ended(receipt.outcome.clone());
        let (result, group, height, sealed) = (Some(result), Some(*group), Some(*height), *sealed);
        TxStatusView {
            tx_id: receipt.id,
            status,
            result,
            group,
            height,
            sealed,
            applied,
            phases,
            proof: None,
        }
    }

    /// The status of a transaction whose coordinator has not decided.
    fn pending(&self, id: &TxId) -> Option<TxStatusView> {
        let (group, known): (GroupId, Coordinated) = self
            .stores
            .iter()
            .find_map(|(group, store)| reading::coordinated(store, id).map(|known| (*group, known)))?;
        let participants: Vec<GroupId> = known.participants.to_vec();
        Some(self.pending_since(id, group, known.since_height, &participants, &Parts::new()))
    }

    /// The status of a transaction that is pending in a group since this block, with these others.
    pub(super) fn pending_since(
        &self,
        id: &TxId,
        group: GroupId,
        since: Height,
        participants: &[GroupId],
        parts: &Parts,
    ) -> TxStatusView {
        let asked = PhaseView { group, phase: Phase::Pending, height: Some(since) };
        let others = participants.iter().map(|other| self.phase_of(group, id, *other, None, parts));
        let phases = std::iter::once(asked).chain(others).collect();
        let group = Some(group);
        TxStatusView { group, phases, ..TxStatusView::outside_blocks(*id, TransactionState::Pending) }
    }

    /// Whether a group that was told of a decision has obeyed it.
    fn has_obeyed(&self, coordinator: GroupId, told: &Told, parts: &Parts) -> bool {
        match self.stores.get(&told.group) {
            Some(store) => reading::has_heard(store, coordinator, told),
            None => parts.get(&told.group).is_some_and(|(heard, _)| *heard),
        }
    }

    fn phases_of(
        &self,
        coordinator: GroupId,
        height: Height,
        receipt: &Receipt,
        parts: &Parts,
    ) -> Vec<PhaseView> {
        if receipt.told.is_empty() {
            return Vec::new();
        }
        let (phase, commits) = match receipt.outcome {
            TransactionOutcome::Applied { .. } => (Phase::Committed, true),
            TransactionOutcome::Failed { .. } => (Phase::Failed, false),
            TransactionOutcome::Aborted { .. } => (Phase::Aborted, false),
        };
        let decided = PhaseView { group: coordinator, phase, height: Some(height) };
        let others = receipt
            .told
            .iter()
            .map(|told| self.phase_of(coordinator, &receipt.id, told.group, Some((told, commits)), parts));
        std::iter::once(decided).chain(others).collect()
    }

    /// How a transaction stands in a group that takes part in it.
    fn phase_of(
        &self,
        coordinator: GroupId,
        id: &TxId,
        group: GroupId,
        told: Option<(&Told, bool)>,
        parts: &Parts,
    ) -> PhaseView {
        let step = match self.stores.get(&group) {
            Some(store) => reading::step(store, coordinator, id, told),
            None => parts.get(&group).map_or(Step::Asked, |(_, step)| *step),
        };
        let (phase, height) = match step {
            Step::Asked => (Phase::Asked, None),
            Step::Prepared(height) => (Phase::Prepared, Some(height)),
            Step::Refused(height) => (Phase::Refused, Some(height)),
            Step::Applied(height) => (Phase::Applied, height),
            Step::Released(height) => (Phase::Released, height),
        };
        PhaseView { group, phase, height }
    }
}

/// How a transaction ended, and what came out.
pub(super) fn ended(outcome: TransactionOutcome) -> (TransactionState, TransactionResult) {
    let because = |reason: &str| TransactionResult { reason: Some(reason.into()), reads: Vec::new() };
    match outcome {
        TransactionOutcome::Applied { reads } => {
            let reads = reads.into_iter().map(read_view).collect();
            (TransactionState::Committed, TransactionResult { reason: None, reads })
        }
        TransactionOutcome::Failed { reason } => (TransactionState::Failed, because(reason.name())),
        TransactionOutcome::Aborted { reason } => (TransactionState::Aborted, because(reason.name())),
    }
}

pub(super) fn read_view(read: Read) -> ReadView {
    ReadView {
        value: read.entry.as_ref().map(|entry| value_view(&entry.value)),
        version: version_of(read.entry.as_ref()),
        key: Blob::from(read.key.0),
    }
}

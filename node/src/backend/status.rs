//! How a transaction stands, from what is flushed here: its receipt, or the record of one that is pending.

use super::NodeBackend;
use super::state::{value_view, version_of};
use witan_ledger::records::reading::{self, Step};
use witan_ledger::two_phase::Coordinated;
use witan_ledger::{Read, Receipt, Store as _, Told, TransactionOutcome};
use witan_rpc::encoding::Blob;
use witan_rpc::view::{Phase, PhaseView, ReadView, TransactionResult, TransactionState, TxStatusView};
use witan_types::{GroupId, Height, TxId};

impl NodeBackend {
    /// The status of a transaction that has left a trace in a block; none if it has not.
    pub(super) fn traced(&self, id: &TxId) -> Option<TxStatusView> {
        // It may be decided between the two looks: then the receipt is there at the third.
        self.executed(id).or_else(|| self.pending(id)).or_else(|| self.executed(id))
    }

    /// The status of an executed transaction, from its receipt.
    pub(super) fn executed(&self, id: &TxId) -> Option<TxStatusView> {
        let (group, (height, receipt)) = self
            .stores
            .iter()
            .find_map(|(group, store)| store.find_transaction(id).map(|found| (*group, found)))?;
        let sealed = self.stores.get(&group).is_some_and(|store| height <= store.sealed_tip());
        let applied = self.is_over(group, &receipt.told);
        let phases = self.phases_of(group, height, &receipt);
        let (status, result) = ended(receipt.outcome);
        let (result, group, height) = (Some(result), Some(group), Some(height));
        Some(TxStatusView { tx_id: *id, status, result, group, height, sealed, applied, phases })
    }

    /// The status of a transaction whose coordinator has not decided.
    fn pending(&self, id: &TxId) -> Option<TxStatusView> {
        let (group, known): (GroupId, Coordinated) = self
            .stores
            .iter()
            .find_map(|(group, store)| reading::coordinated(store, id).map(|known| (*group, known)))?;
        let asked = PhaseView { group, phase: Phase::Pending, height: Some(known.since_height) };
        let others = known.participants.iter().map(|other| self.phase_of(group, id, *other, None));
        let phases = std::iter::once(asked).chain(others).collect();
        let group = Some(group);
        Some(TxStatusView { group, phases, ..TxStatusView::outside_blocks(*id, TransactionState::Pending) })
    }

    /// Whether every group that was told of a decision has obeyed it.
    pub(super) fn is_over(&self, coordinator: GroupId, told: &[Told]) -> bool {
        told.iter().all(|told| {
            let store = self.stores.get(&told.group);
            store.is_some_and(|store| reading::has_heard(store, coordinator, told))
        })
    }

    fn phases_of(&self, coordinator: GroupId, height: Height, receipt: &Receipt) -> Vec<PhaseView> {
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
            .map(|told| self.phase_of(coordinator, &receipt.id, told.group, Some((told, commits))));
        std::iter::once(decided).chain(others).collect()
    }

    /// How a transaction stands in a group that takes part in it.
    fn phase_of(
        &self,
        coordinator: GroupId,
        id: &TxId,
        group: GroupId,
        told: Option<(&Told, bool)>,
    ) -> PhaseView {
        let step = self.stores.get(&group).map(|store| reading::step(store, coordinator, id, told));
        let (phase, height) = match step.unwrap_or(Step::Asked) {
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
fn ended(outcome: TransactionOutcome) -> (TransactionState, TransactionResult) {
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

fn read_view(read: Read) -> ReadView {
    ReadView {
        value: read.entry.as_ref().map(|entry| value_view(&entry.value)),
        version: version_of(read.entry.as_ref()),
        key: Blob::from(read.key.0),
    }
}

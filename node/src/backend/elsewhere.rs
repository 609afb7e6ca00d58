//! What users ask of groups that this node does not host.

use super::NodeBackend;
use super::state::state_value;
use super::status::{Executed, Parts};
use super::transactions::accepted;
use crate::elsewhere::message::PartStep;
use crate::elsewhere::{ReadElsewhere, StandsElsewhere};
use futures::future::join_all;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;
use witan_ledger::records::reading::Step;
use witan_ledger::{Entry, PortableReceipt, PortableStateProof, Receipt, TransactionOutcome};
use witan_replica::Admission;
use witan_rpc::parameter::{At, Wait};
use witan_rpc::view::{ProofView, ReadPoint, StateValue, TransactionState, TxStatusView};
use witan_rpc::{Rejection, RpcError};
use witan_types::{BlockId, GroupId, Height, IdentifiedTransaction, Key, TxId, Wire as _};

/// The first pause before members are asked again how a transaction stands; each one is twice as long as the last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How a transaction stands, and the block that it ended in.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) status: TxStatusView,
    pub(super) block_id: Option<BlockId>,
}

impl Found {
    fn outside_blocks(status: TxStatusView) -> Found {
        Found { status, block_id: None }
    }
}

/// Pauses that grow.
struct Pauses(Duration);

impl Pauses {
    fn new() -> Pauses {
        Pauses(FIRST_PAUSE)
    }

    /// Waits for the next one; false once the deadline has come.
    async fn next(&mut self, deadline: Instant) -> bool {
        let until = (Instant::now() + self.0).min(deadline);
        tokio::time::sleep_until(until).await;
        self.0 = self.0.saturating_mul(2).min(LONGEST_PAUSE);
        Instant::now() < deadline
    }
}

impl NodeBackend {
    /// Hands a transaction to the group that coordinates it, and waits as told. Its end is believed once it is proved, so
    /// committed is sealed here.
    pub(super) async fn submit_elsewhere(
        &self,
        group: GroupId,
        pooled: IdentifiedTransaction,
        wait: Wait,
        deadline: Instant,
    ) -> Result<Found, RpcError> {
        let id = pooled.id();
        let submitted = tokio::time::timeout_at(deadline, self.elsewhere.submit(group, vec![pooled])).await;
        // Without an answer it is kept all the same, and handed over as soon as a member answers.
        let admission =
            submitted.ok().and_then(|mut admissions| admissions.pop()).unwrap_or(Admission::Pending);
        let is_final = matches!(admission, Admission::Final(_));
        if matches!(admission, Admission::Expired) {
            return Err(RpcError::rejected(Rejection::Expired, "it expires before the next block"));
        }
        let status = self.admitted(id, Some(Ok(admission)))?;
        match wait {
            Wait::Accepted if !is_final => Ok(Found::outside_blocks(status)),
            Wait::Accepted => {
                let found = self.find_elsewhere(group, id).await.ok().flatten();
                Ok(found.unwrap_or(Found::outside_blocks(status)))
            }
            Wait::Committed | Wait::Sealed => self.wait_elsewhere(group, id, deadline).await.map(|it| it.0),
            Wait::Applied => {
                let (found, executed) = self.wait_elsewhere(group, id, deadline).await?;
                let Some(executed) = executed else { return Ok(found) };
                let status = self.wait_applied_elsewhere(&executed, deadline).await?;
                Ok(Found { status, ..found })
            }
        }
    }

    /// Waits until the transaction has ended, as proved by a member of its coordinator, or has expired.
    async fn wait_elsewhere(
        &self,
        group: GroupId,
        id: TxId,
        deadline: Instant,
    ) -> Result<(Found, Option<Executed>), RpcError> {
        let (mut pauses, mut newest) = (Pauses::new(), TransactionState::Accepted);
        while pauses.next(deadline).await {
            match self.elsewhere.standing(group, id).await {
                StandsElsewhere::Ended(proved) => {
                    let (executed, block_id) = ended(group, proved);
                    let status = self.status_of(&executed, &Parts::new());
                    return Ok((Found { status, block_id: Some(block_id) }, Some(executed)));
                }
                StandsElsewhere::Expired => {
                    let status = TxStatusView::outside_blocks(id, TransactionState::Expired);
                    return Ok((Found::outside_blocks(status), None));
                }
                StandsElsewhere::Pending(..) => newest = TransactionState::Pending,
                StandsElsewhere::Accepted | StandsElsewhere::Unknown | StandsElsewhere::Unheard => {}
            }
        }
        Err(RpcError::WaitTimeout { tx_id: id, status: newest })
    }

    /// Waits until every group that takes part has obeyed the decision.
    pub(super) async fn wait_applied_elsewhere(
        &self,
        executed: &Executed,
        deadline: Instant,
    ) -> Result<TxStatusView, RpcError> {
        let mut pauses = Pauses::new();
        loop {
            let status = self.status_of(executed, &self.parts_of(executed).await);
            if status.applied || !status.status.is_executed() {
                return Ok(status);
            }
            if !pauses.next(deadline).await {
                return Err(RpcError::WaitTimeout { tx_id: status.tx_id, status: status.status });
            }
        }
    }

    /// Whether a group took part that this node does not host.
    pub(super) fn is_partly_elsewhere(&self, receipt: &Receipt) -> bool {
        receipt.told.iter().any(|told| self.elsewhere.has(told.group))
    }

    /// How far the groups elsewhere are with their parts.
    async fn parts_of(&self, executed: &Executed) -> Parts {
        let commits = matches!(executed.receipt.outcome, TransactionOutcome::Applied { .. });
        let id = executed.receipt.id;
        let told = executed.receipt.told.iter().filter(|told| self.elsewhere.has(told.group));
        let ask = |told: &witan_ledger::Told| {
            let (group, decided) = (told.group, Some((*told, commits)));
            async move { (group, self.elsewhere.part(group, executed.group, id, decided).await) }
        };
        let parts = join_all(told.map(ask)).await.into_iter();
        parts.map(|(group, (heard, step))| (group, (heard, off_wire(step)))).collect()
    }

    /// The same of a transaction that is not decided.
    async fn undecided_parts(&self, coordinator: GroupId, id: TxId, participants: &[GroupId]) -> Parts {
        let asked = participants.iter().copied().filter(|group| self.elsewhere.has(*group));
        let ask = |group| async move { (group, self.elsewhere.part(group, coordinator, id, None).await) };
        let parts = join_all(asked.map(ask)).await.into_iter();
        parts.map(|(group, (heard, step))| (group, (heard, off_wire(step)))).collect()
    }

    /// The status of a transaction that has left a trace in a block here, with what members say of parts elsewhere.
    pub(super) async fn traced_everywhere(&self, id: &TxId) -> Option<TxStatusView> {
        if let Some(executed) = self.find(id).filter(|executed| self.is_partly_elsewhere(&executed.receipt)) {
            return Some(self.status_of(&executed, &self.parts_of(&executed).await));
        }
        self.traced(id)
    }

    /// How a transaction stands that has left no trace here: at the group that it was handed to, or at any.
    ///
    /// # Errors
    /// If nobody knows it, and a group that might does not answer.
    pub(super) async fn look_elsewhere(&self, id: TxId) -> Result<TxStatusView, RpcError> {
        let groups: Vec<GroupId> = match self.elsewhere.keeps(&id) {
            Some(group) => vec![group],
            None => self.elsewhere.groups().collect(),
        };
        let found = join_all(groups.into_iter().map(|group| self.find_elsewhere(group, id))).await;
        let (found, unheard): (Vec<_>, Vec<_>) = found.into_iter().partition(Result::is_ok);
        let status = found.into_iter().flatten().flatten().map(|found| found.status).next();
        match (status, unheard.into_iter().find_map(Result::err)) {
            (Some(status), _) => Ok(status),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(TxStatusView::outside_blocks(id, TransactionState::Unknown)),
        }
    }

    /// How a transaction stands in a group elsewhere, if a member knows it.
    async fn find_elsewhere(&self, group: GroupId, id: TxId) -> Result<Option<Found>, RpcError> {
        Ok(match self.elsewhere.standing(group, id).await {
            StandsElsewhere::Unheard => return Err(self.elsewhere.unreachable(group)),
            StandsElsewhere::Unknown => None,
            StandsElsewhere::Accepted => Some(Found::outside_blocks(accepted(id))),
            StandsElsewhere::Expired => {
                Some(Found::outside_blocks(TxStatusView::outside_blocks(id, TransactionState::Expired)))
            }
            StandsElsewhere::Pending(since, participants) => {
                let parts = self.undecided_parts(group, id, &participants).await;
                let status = self.pending_since(&id, group, since, &participants, &parts);
                Some(Found::outside_blocks(status))
            }
            StandsElsewhere::Ended(proved) => {
                let (executed, block_id) = ended(group, proved);
                let status = self.status_of(&executed, &self.parts_of(&executed).await);
                Some(Found { status, block_id: Some(block_id) })
            }
        })
    }

    pub(super) async fn read_entry_elsewhere(
        &self,
        group: GroupId,
        key: &Key,
        at: At,
    ) -> Result<(ReadPoint, Option<Entry>), RpcError> {
        let (point, proof) = self.prove_elsewhere(group, key, at).await?;
        Ok((point, proof.entry))
    }

    async fn prove_elsewhere(
        &self,
        group: GroupId,
        key: &Key,
        at: At,
    ) -> Result<(ReadPoint, PortableStateProof), RpcError> {
        let mut read = self.elsewhere.state(group, std::slice::from_ref(key), sealed_height(at)).await?;
        let point = read.point(group);
        let proof = read.proofs.pop().ok_or_else(|| RpcError::internal("a read without a value"))?;
        Ok((point, proof))
    }

    /// The value at the newest sealed block there, or at a block that proofs are kept of.
    pub(super) async fn read_state_elsewhere(
        &self,
        group: GroupId,
        key: &Key,
        at: At,
        prove: bool,
    ) -> Result<StateValue, RpcError> {
        let (point, portable) = self.prove_elsewhere(group, key, at).await?;
        let mut value = state_value(key, portable.entry.as_ref(), point);
        value.proof = prove.then(|| ProofView::new(portable.encode()));
        Ok(value)
    }

    /// The values of all keys of groups elsewhere, in the order of the keys, at one block of each group.
    pub(super) async fn read_all_elsewhere(
        &self,
        keys: &[Key],
        at: At,
    ) -> Result<BTreeMap<GroupId, ReadElsewhere>, RpcError> {
        let mut by_group: BTreeMap<GroupId, Vec<Key>> = BTreeMap::new();
        for key in keys {
            let group = self.group_of(key);
            if self.elsewhere.has(group) {
                by_group.entry(group).or_default().push(key.clone());
            }
        }
        let read = |(group, keys): (GroupId, Vec<Key>)| async move {
            self.elsewhere.state(group, &keys, sealed_height(at)).await.map(|read| (group, read))
        };
        join_all(by_group.into_iter().map(read)).await.into_iter().collect()
    }
}

impl ReadElsewhere {
    pub(super) fn point(&self, group: GroupId) -> ReadPoint {
        ReadPoint { group, height: self.height, block_id: self.block_id }
    }
}

/// Elsewhere nothing counts that is not sealed.
fn sealed_height(at: At) -> Option<Height> {
    match at {
        At::Latest | At::Sealed => None,
        At::Height(height) => Some(height),
    }
}

fn ended(group: GroupId, proved: PortableReceipt) -> (Executed, BlockId) {
    let header = proved.header.header;
    let executed = Executed { group, height: header.height, sealed: true, receipt: proved.receipt };
    (executed, header.id())
}

fn off_wire(step: PartStep) -> Step {
    match step {
        PartStep::Asked => Step::Asked,
        PartStep::Prepared(height) => Step::Prepared(height),
        PartStep::Refused(height) => Step::Refused(height),
        PartStep::Applied(height) => Step::Applied(height),
        PartStep::Released(height) => Step::Released(height),
    }
}

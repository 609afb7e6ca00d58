//! Transactions: submitting, waiting, looking up.

use super::{NodeBackend, RETRY_AFTER_MS, stopping};
use crate::event_loop::Command;
use crate::shared::Waiter;
use crate::signatures::{Refused, Verdict};
use futures::future::join_all;
use std::collections::BTreeMap;
use std::sync::mpsc::TrySendError;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use witan_ledger::Store as _;
use witan_ledger::execute::groups_of;
use witan_replica::Admission;
use witan_rpc::parameter::Wait;
use witan_rpc::view::{TransactionState, TxStatusView};
use witan_rpc::{Rejection, RpcError};
use witan_types::{GroupId, IdentifiedTransaction, SignedTransaction, TxId};

/// How long members of groups elsewhere are waited for to take a batch in.
const SUBMIT_WITHIN: Duration = Duration::from_secs(3);

/// What becomes of a transaction that is submitted, or why it was not taken.
type Admitted = Result<Admission, RpcError>;

/// Transactions by who takes them in, each with its place among those that came together.
type ByGroup = BTreeMap<GroupId, Vec<(usize, IdentifiedTransaction)>>;

impl NodeBackend {
    pub(super) async fn submit_and_wait(
        &self,
        tx: SignedTransaction,
        wait: Wait,
        timeout: Duration,
    ) -> Result<TxStatusView, RpcError> {
        let deadline = Instant::now() + timeout;
        let pooled = self.judge(vec![tx]).await?.pop();
        let pooled =
            pooled.ok_or_else(|| RpcError::internal("a transaction got no verdict"))?.map_err(refused)?;
        let (id, group) = (pooled.id(), self.coordinator_of(&pooled)?);
        if self.elsewhere.has(group) {
            let found = self.submit_elsewhere(group, pooled, wait, deadline).await?;
            return Ok(found.status);
        }
        let waiter = match wait {
            Wait::Accepted => None,
            Wait::Committed | Wait::Sealed | Wait::Applied => Some(
                self.shared.wait_for(id).ok_or(RpcError::MempoolFull { retry_after_ms: RETRY_AFTER_MS })?,
            ),
        };
        let status = self.admitted(id, self.admit(vec![pooled]).await.pop())?;
        let Some(waiter) = waiter else { return Ok(status) };
        let status =
            if status.status.is_final() { status } else { self.wait_final(id, waiter, deadline).await? };
        match wait {
            Wait::Accepted | Wait::Committed => Ok(status),
            Wait::Sealed => self.wait_sealed(status, deadline).await,
            Wait::Applied => self.wait_applied(status, deadline).await,
        }
    }

    pub(super) async fn submit_all(
        &self,
        txs: Vec<SignedTransaction>,
    ) -> Vec<Result<TxStatusView, RpcError>> {
        let count = txs.len();
        let judged = match self.judge(txs).await {
            Ok(judged) => judged,
            Err(error) => return vec![Err(error); count],
        };
        let good: Vec<IdentifiedTransaction> = judged.iter().flatten().cloned().collect();
        let mut admissions = self.admit(good).await.into_iter();
        let answer = |verdict: Verdict| {
            let pooled = verdict.map_err(refused)?;
            self.admitted(pooled.id(), admissions.next())
        };
        judged.into_iter().map(answer).collect()
    }

    /// Chain and signature of each. Where too many wait to be judged there is no room for more.
    async fn judge(&self, transactions: Vec<SignedTransaction>) -> Result<Vec<Verdict>, RpcError> {
        let full = RpcError::MempoolFull { retry_after_ms: RETRY_AFTER_MS };
        self.client_judge.judge(transactions).await.ok_or(full)
    }

    /// Hands transactions to their groups, each to that of its first key, which coordinates it if it spans groups; an
    /// approval of a change to the root group. One answer each, in order.
    async fn admit(&self, transactions: Vec<IdentifiedTransaction>) -> Vec<Admitted> {
        let (mut by_group, mut answers) = (ByGroup::new(), BTreeMap::new());
        for (place, pooled) in transactions.into_iter().enumerate() {
            match self.coordinator_of(&pooled) {
                Ok(group) => by_group.entry(group).or_default().push((place, pooled)),
                Err(error) => answers.extend([(place, Err(error))]),
            }
        }
        // Those of groups elsewhere take as long as their members do: the others do not wait for that.
        let (elsewhere, here): (ByGroup, ByGroup) =
            by_group.into_iter().partition(|(group, _)| self.elsewhere.has(*group));
        answers.extend(hand_over(here, |group, list| self.admit_to(group, list)).await);
        let submit = |group: GroupId, list: Vec<IdentifiedTransaction>| async move {
            let count = list.len();
            // They are kept, and handed over again: whoever waits need not wait for silent members.
            let submit = self.elsewhere.submit(group, list);
            let admitted = tokio::time::timeout(SUBMIT_WITHIN, submit).await.unwrap_or_default();
            Ok(admitted.into_iter().chain(std::iter::repeat(Admission::Pending)).take(count).collect())
        };
        answers.extend(hand_over(elsewhere, submit).await);
        answers.into_values().collect()
    }

    /// The group that takes a transaction in: that of its first key, which coordinates it if it spans groups.
    pub(super) fn coordinator_of(&self, pooled: &IdentifiedTransaction) -> Result<GroupId, RpcError> {
        let group = groups_of(&pooled.transaction, |key| self.group_of(key)).next();
        group.ok_or_else(|| RpcError::internal("a transaction of no group"))
    }

    /// Hands transactions to the loop. A loop that is behind is a mempool that is full.
    pub(crate) async fn admit_to(
        &self,
        group: GroupId,
        transactions: Vec<IdentifiedTransaction>,
    ) -> Result<Vec<Admission>, RpcError> {
        let (sender, receiver) = oneshot::channel();
        match self.commands.try_send(Command::Submit(group, transactions, sender)) {
            Ok(()) => receiver.await.map_err(|_| stopping()),
            Err(TrySendError::Full(_)) => Err(RpcError::MempoolFull { retry_after_ms: RETRY_AFTER_MS }),
            Err(TrySendError::Disconnected(_)) => Err(stopping()),
        }
    }

    pub(super) fn admitted(&self, id: TxId, admission: Option<Admitted>) -> Result<TxStatusView, RpcError> {
        match admission.unwrap_or_else(|| Err(stopping()))? {
            Admission::Pending => Ok(accepted(id)),
            // In a block, perhaps not flushed yet: then it is as good as accepted.
            Admission::Started | Admission::Final(_) => Ok(self.traced(&id).unwrap_or_else(|| accepted(id))),
            Admission::Expired => {
                Err(RpcError::rejected(Rejection::Expired, "it expires before the next block"))
            }
            Admission::ExpiryTooFar(latest) => Err(RpcError::rejected(
                Rejection::ExpiryTooFar,
                format!("expiresAtMs may be at most {latest} now (maxTxLifetimeMs of genesis)"),
            )),
            Admission::Elsewhere => {
                Err(RpcError::internal("it was handed to another group than that of its first key"))
            }
            Admission::MempoolFull | Admission::SignerFull => {
                Err(RpcError::MempoolFull { retry_after_ms: RETRY_AFTER_MS })
            }
        }
    }

    async fn wait_final(
        &self,
        id: TxId,
        mut waiter: Waiter,
        deadline: Instant,
    ) -> Result<TxStatusView, RpcError> {
        // Executed between admission and waiting: nobody will tell.
        if let Some(status) = self.executed(&id) {
            return Ok(status);
        }
        let told = tokio::time::timeout_at(deadline, waiter.wait()).await;
        let traced = self.traced(&id);
        if let Some(status) = traced.as_ref().filter(|status| status.status.is_final()) {
            return Ok(status.clone());
        }
        if self.shared.has_expired(&id) {
            return Ok(TxStatusView::outside_blocks(id, TransactionState::Expired));
        }
        if told == Ok(false) {
            return Err(stopping());
        }
        let status = traced.map_or(TransactionState::Accepted, |status| status.status);
        Err(RpcError::WaitTimeout { tx_id: id, status })
    }

    async fn wait_sealed(&self, status: TxStatusView, deadline: Instant) -> Result<TxStatusView, RpcError> {
        let Some((group, height)) = status.group.zip(status.height) else { return Ok(status) };
        let id = status.tx_id;
        let mut sealed = self.shared.sealed();
        let reached = sealed.wait_for(|heights| heights.get(&group).is_some_and(|sealed| *sealed >= height));
        if self.store(group)?.sealed_tip() < height
            && !matches!(tokio::time::timeout_at(deadline, reached).await, Ok(Ok(_)))
        {
            return Err(RpcError::WaitTimeout { tx_id: id, status: status.status });
        }
        Ok(TxStatusView { sealed: true, ..status })
    }

    /// Waits until every group that takes part has obeyed the decision: as far as this node has executed, and as far as
    /// enough members say of groups that it does not host.
    pub(super) async fn wait_applied(
        &self,
        status: TxStatusView,
        deadline: Instant,
    ) -> Result<TxStatusView, RpcError> {
        let id = status.tx_id;
        // Subscribed before looking, so that no block comes unseen in between.
        let mut blocks = self.shared.committed();
        let mut newest = self.executed(&id).unwrap_or(status);
        while !newest.applied && newest.status.is_executed() {
            let Some(executed) = self.find(&id) else { return Ok(newest) };
            if self.is_partly_elsewhere(&executed.receipt) {
                return self.wait_applied_elsewhere(&executed, deadline).await;
            }
            if !matches!(tokio::time::timeout_at(deadline, blocks.changed()).await, Ok(Ok(()))) {
                return Err(RpcError::WaitTimeout { tx_id: id, status: newest.status });
            }
            newest = self.executed(&id).unwrap_or(newest);
        }
        Ok(newest)
    }

    pub(super) async fn read_transaction(&self, id: TxId) -> Result<TxStatusView, RpcError> {
        if let Some(status) = self.traced_everywhere(&id).await {
            return Ok(status);
        }
        let pending = self.is_pending(id).await;
        // It may have been executed while we asked.
        if let Some(status) = self.traced_everywhere(&id).await {
            return Ok(status);
        }
        let state = match (pending, self.shared.has_expired(&id)) {
            (true, _) => TransactionState::Accepted,
            (false, true) => TransactionState::Expired,
            (false, false) => return self.look_elsewhere(id).await,
        };
        Ok(TxStatusView::outside_blocks(id, state))
    }

    /// Whether it waits in a mempool here, or was executed and its block is not flushed.
    pub(crate) async fn is_pending(&self, id: TxId) -> bool {
        let (sender, receiver) = oneshot::channel();
        let asked = self.commands.try_send(Command::IsPending(id, sender)).is_ok();
        asked && receiver.await.unwrap_or(false)
    }
}

/// Hands each group its own, all at once, and finds for each place what its group answers: what one can't take concerns no
/// other.
async fn hand_over<F>(
    by_group: ByGroup,
    admit: impl Fn(GroupId, Vec<IdentifiedTransaction>) -> F,
) -> impl Iterator<Item = (usize, Admitted)>
where
    F: Future<Output = Result<Vec<Admission>, RpcError>>,
{
    let answers = by_group.into_iter().map(|(group, list)| {
        let (places, list): (Vec<usize>, Vec<IdentifiedTransaction>) = list.into_iter().unzip();
        let admitted = admit(group, list);
        async move {
            let answers: Vec<Admitted> = match admitted.await {
                Ok(admissions) => admissions.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error); places.len()],
            };
            // Fewer than there are places: the group stopped over them.
            let answers = answers.into_iter().chain(std::iter::repeat_with(|| Err(stopping())));
            places.into_iter().zip(answers).collect::<Vec<_>>()
        }
    });
    join_all(answers).await.into_iter().flatten()
}

pub(super) fn accepted(id: TxId) -> TxStatusView {
    TxStatusView::outside_blocks(id, TransactionState::Accepted)
}

pub(super) fn refused(refused: Refused) -> RpcError {
    match refused {
        Refused::WrongChain => {
            RpcError::rejected(Rejection::WrongChain, "it names another chain than this network's")
        }
        Refused::BadSignature => {
            RpcError::rejected(Rejection::BadSignature, "the signature is not the signer's on these bytes")
        }
    }
}

#[cfg(test)]
mod tests;

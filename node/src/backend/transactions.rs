//! Transactions: submitting, waiting, looking up.

use super::{NodeBackend, RETRY_AFTER_MS, stopping};
use crate::event_loop::Command;
use crate::shared::Waiter;
use crate::signatures::{Refused, judge};
use futures::future::join_all;
use std::collections::BTreeMap;
use std::sync::mpsc::TrySendError;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use witan_ledger::execute::groups_of;
use witan_ledger::{Pooled, Store as _};
use witan_replica::Admission;
use witan_rpc::parameter::Wait;
use witan_rpc::view::{TransactionState, TxStatusView};
use witan_rpc::{Rejection, RpcError};
use witan_types::{GroupId, SignedTransaction, TxId};

/// How long members of groups elsewhere are waited for to take a batch in.
const SUBMIT_WITHIN: Duration = Duration::from_secs(3);

impl NodeBackend {
    pub(super) async fn submit_and_wait(
        &self,
        tx: SignedTransaction,
        wait: Wait,
        timeout: Duration,
    ) -> Result<TxStatusView, RpcError> {
        let deadline = Instant::now() + timeout;
        let pooled = judge(self.signatures.as_ref(), self.chain, vec![tx]).pop();
        let pooled =
            pooled.ok_or_else(|| RpcError::internal("a transaction got no verdict"))?.map_err(refused)?;
        let (id, group) = (pooled.id, self.coordinator_of(&pooled)?);
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
        let admitted =
            self.admit(vec![pooled]).await.and_then(|mut admissions| self.admitted(id, admissions.pop()));
        let status = admitted?;
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
        let (signatures, chain) = (std::sync::Arc::clone(&self.signatures), self.chain);
        let judged = tokio::task::spawn_blocking(move || judge(signatures.as_ref(), chain, txs)).await;
        let Ok(judged) = judged else { return Vec::new() };
        let good: Vec<Pooled> = judged.iter().flatten().cloned().collect();
        let admissions = self.admit(good).await;
        let mut admissions = admissions.map(Vec::into_iter);
        let answer = |verdict: Result<Pooled, Refused>| {
            let pooled = verdict.map_err(refused)?;
            match &mut admissions {
                Ok(admissions) => self.admitted(pooled.id, admissions.next()),
                Err(error) => Err(error.clone()),
            }
        };
        judged.into_iter().map(answer).collect()
    }

    /// Hands transactions to their groups, each to that of its first key, which coordinates it if it spans groups; an
    /// approval of a change to the root group.
    async fn admit(&self, transactions: Vec<Pooled>) -> Result<Vec<Admission>, RpcError> {
        let mut by_group: BTreeMap<GroupId, Vec<(usize, Pooled)>> = BTreeMap::new();
        for (place, pooled) in transactions.into_iter().enumerate() {
            let group = self.coordinator_of(&pooled)?;
            by_group.entry(group).or_default().push((place, pooled));
        }
        // Those of groups elsewhere take as long as their members do: the others do not wait for that.
        let (elsewhere, here): (Vec<_>, Vec<_>) =
            by_group.into_iter().partition(|(group, _)| self.elsewhere.has(*group));
        let mut admissions = BTreeMap::new();
        for (group, list) in here {
            let (places, list): (Vec<usize>, Vec<Pooled>) = list.into_iter().unzip();
            admissions.extend(places.into_iter().zip(self.admit_to(group, list).await?));
        }
        let submitted = elsewhere.into_iter().map(|(group, list)| async move {
            let (places, list): (Vec<usize>, Vec<Pooled>) = list.into_iter().unzip();
            // They are kept, and handed over again: whoever waits need not wait for silent members.
            let submit = self.elsewhere.submit(group, list);
            let admitted = tokio::time::timeout(SUBMIT_WITHIN, submit).await.unwrap_or_default();
            let admitted = admitted.into_iter().chain(std::iter::repeat(Admission::Pending));
            places.into_iter().zip(admitted).collect::<Vec<_>>()
        });
        admissions.extend(join_all(submitted).await.into_iter().flatten());
        Ok(admissions.into_values().collect())
    }

    /// The group that takes a transaction in: that of its first key, which coordinates it if it spans groups.
    pub(super) fn coordinator_of(&self, pooled: &Pooled) -> Result<GroupId, RpcError> {
        let group = groups_of(&pooled.transaction.transaction, |key| self.group_of(key)).next();
        group.ok_or_else(|| RpcError::internal("a transaction of no group"))
    }

    /// Hands transactions to the loop. A loop that is behind is a mempool that is full.
    pub(crate) async fn admit_to(
        &self,
        group: GroupId,
        transactions: Vec<Pooled>,
    ) -> Result<Vec<Admission>, RpcError> {
        let (sender, receiver) = oneshot::channel();
        match self.commands.try_send(Command::Submit(group, transactions, sender)) {
            Ok(()) => receiver.await.map_err(|_| stopping()),
            Err(TrySendError::Full(_)) => Err(RpcError::MempoolFull { retry_after_ms: RETRY_AFTER_MS }),
            Err(TrySendError::Disconnected(_)) => Err(stopping()),
        }
    }

    pub(super) fn admitted(&self, id: TxId, admission: Option<Admission>) -> Result<TxStatusView, RpcError> {
        match admission.ok_or_else(stopping)? {
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
        let mut newest = status;
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

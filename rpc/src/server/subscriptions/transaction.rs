//! Subscriptions to one transaction, or to those of an account.

use super::chain::{Chains, Reading};
use super::{End, Job, Open, Outlet};
use crate::encoding::Encoding;
use crate::error::RpcError;
use crate::server::followed::Heights;
use crate::server::handlers::{Service, write_as};
use crate::subscriptions::SubscribeTransactions;
use crate::view::{TransactionNews, TransactionState, TxStatusView};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use witan_types::TxId;

/// A subscription that waits for a transaction to be over.
pub(super) struct Waiting {
    service: Arc<Service>,
    id: TxId,
    encoding: Option<Encoding>,
    committed: watch::Receiver<Heights>,
    sealed: watch::Receiver<Heights>,
    /// Whether the node's own blocks say all that can be known of it.
    is_all_here: bool,
}

impl Open for SubscribeTransactions {
    async fn open(self, service: &Arc<Service>) -> Result<Job, RpcError> {
        match (self.tx_id, self.account) {
            (None, Some(account)) => {
                let reading = Reading::Account(account.0);
                Chains::open(service, reading, self.group, self.since, self.encoding).await
            }
            (Some(_), None) if self.group.is_some() => Err(RpcError::parameter(
                "group",
                "none beside txId: a transaction is found in whichever group",
            )),
            (Some(_), None) if self.since.is_some() => {
                Err(RpcError::parameter("from", "none beside txId: how it stands is told at once"))
            }
            (Some(id), None) => Ok(Job::Transaction(Waiting {
                service: Arc::clone(service),
                id: id.0,
                encoding: self.encoding,
                committed: service.backend.committed(),
                sealed: service.backend.sealed(),
                is_all_here: service.backend.hosts_all().is_ok(),
            })),
            (None, None) | (Some(_), Some(_)) => {
                Err(RpcError::parameter("txId", "txId, or account: one of them"))
            }
        }
    }
}

impl Waiting {
    /// Tells how it stands whenever that changes, until nothing can change any more.
    pub(super) async fn run(&mut self, outlet: &mut Outlet) -> Result<(), End> {
        let pace = self.service.config.following.look;
        let mut asked = Instant::now();
        let mut newest = self.ask().await?;
        loop {
            let news = TransactionNews::Status(newest.clone());
            outlet.send(&write_as(news, self.encoding).map_err(End::Failed)?).await?;
            outlet.settle().await?;
            if is_over(&newest) {
                return Ok(());
            }
            let told = newest;
            newest = loop {
                let is_time = self.wait(asked, pace, outlet).await?;
                let now = if is_time {
                    asked = Instant::now();
                    Some(self.ask().await?)
                } else {
                    self.service.backend.traced(&self.id)
                };
                if let Some(now) = now.filter(|now| *now != told) {
                    break now;
                }
            };
        }
    }

    /// Waits for a block or a seal, or until it is time to ask again; whether it is.
    async fn wait(&mut self, asked: Instant, pace: Duration, outlet: &Outlet) -> Result<bool, End> {
        let is_all_here = self.is_all_here;
        tokio::select! {
            () = outlet.gone() => Err(End::Gone),
            () = tokio::time::sleep_until(asked + pace) => Ok(true),
            changed = self.committed.changed(), if is_all_here => changed.map(|()| false).map_err(|_| End::Gone),
            changed = self.sealed.changed(), if is_all_here => changed.map(|()| false).map_err(|_| End::Gone),
        }
    }

    /// Looks everywhere: in blocks, in mempools, and at members of groups elsewhere. Costs more than blocks alone.
    async fn ask(&mut self) -> Result<TxStatusView, End> {
        self.committed.mark_unchanged();
        self.sealed.mark_unchanged();
        self.service.backend.transaction(self.id).await.map_err(End::Failed)
    }
}

/// Whether nothing about it can change any more.
fn is_over(status: &TxStatusView) -> bool {
    match status.status {
        TransactionState::Committed | TransactionState::Failed | TransactionState::Aborted => {
            status.sealed && status.applied
        }
        TransactionState::Expired => true,
        TransactionState::Unknown | TransactionState::Accepted | TransactionState::Pending => false,
    }
}

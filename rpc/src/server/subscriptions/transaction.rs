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

/// How many looks among blocks may follow each other at once.
const LOOKS_AT_ONCE: u32 = 8;
/// How often there is one look more.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A subscription that waits for a transaction to be over.
pub(super) struct Waiting {
    service: Arc<Service>,
    id: TxId,
    encoding: Option<Encoding>,
    blocks: Blocks,
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
                blocks: Blocks::new(service.backend.committed(), service.backend.sealed()),
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
            outlet.begin_turn().await?;
            outlet.send(&write_as(news, self.encoding).map_err(End::Failed)?).await?;
            outlet.settle().await?;
            outlet.end_turn();
            if is_over(&newest) {
                return Ok(());
            }
            let told = newest;
            newest = loop {
                let now = if self.wait(&told, asked + pace, outlet).await? {
                    asked = Instant::now();
                    Some(self.ask().await?)
                } else {
                    self.look().await?
                };
                if let Some(now) = now.filter(|now| *now != told) {
                    break now;
                }
            };
        }
    }

    /// Waits until blocks may have changed how it stands, or until it is time to ask again; whether it is.
    async fn wait(&mut self, told: &TxStatusView, ask: Instant, outlet: &Outlet) -> Result<bool, End> {
        let is_all_here = self.is_all_here;
        tokio::select! {
            () = outlet.gone() => Err(End::Gone),
            () = tokio::time::sleep_until(ask) => Ok(true),
            changed = self.blocks.change(told), if is_all_here => changed.map(|()| false),
        }
    }

    /// Looks into blocks alone, when it is its turn among the subscriptions.
    async fn look(&self) -> Result<Option<TxStatusView>, End> {
        let turn = self.service.reading.acquire().await;
        let _turn = turn.map_err(|_| End::Failed(RpcError::internal("no more reads")))?;
        Ok(self.service.backend.traced(&self.id))
    }

    /// Looks everywhere: in blocks, in mempools, and at members of groups elsewhere. Costs more than blocks alone.
    async fn ask(&mut self) -> Result<TxStatusView, End> {
        self.blocks.mark_seen();
        self.service.backend.transaction(self.id).await.map_err(End::Failed)
    }
}

/// The blocks and seals among which a transaction is looked for.
struct Blocks {
    committed: watch::Receiver<Heights>,
    sealed: watch::Receiver<Heights>,
    ration: Ration,
}

impl Blocks {
    fn new(committed: watch::Receiver<Heights>, sealed: watch::Receiver<Heights>) -> Blocks {
        Blocks { committed, sealed, ration: Ration::new(Instant::now()) }
    }

    /// What there is now is looked at.
    fn mark_seen(&mut self) {
        self.committed.mark_unchanged();
        self.sealed.mark_unchanged();
    }

    /// Waits until a block or a seal may have changed how a transaction stands, of which this was told, and a look is due.
    async fn change(&mut self, told: &TxStatusView) -> Result<(), End> {
        loop {
            tokio::select! {
                changed = self.committed.changed() => changed.map_err(|_| End::Gone)?,
                changed = self.sealed.changed() => changed.map_err(|_| End::Gone)?,
            }
            if self.may_concern(told) {
                break;
            }
        }
        let now = Instant::now();
        let due = self.ration.due(now);
        if due > now {
            tokio::time::sleep_until(due).await;
        }
        self.ration.take(due);
        // What came meanwhile is found by the same look.
        self.mark_seen();
        Ok(())
    }

    /// Whether what came may concern it. Once it has ended everywhere it waits for one thing more: the seal of its block.
    fn may_concern(&self, told: &TxStatusView) -> bool {
        let place = told.group.zip(told.height).filter(|_| told.status.is_executed() && told.applied);
        let Some((group, height)) = place else { return true };
        // A group without an entry says nothing either way.
        self.sealed.borrow().get(&group).is_none_or(|sealed| *sealed >= height)
    }
}

/// How often a subscription looks for its transaction while blocks come one after another: some looks at once, as many as a
/// transaction has changes, so that its news are not late; then one an interval.
struct Ration {
    /// When all looks that were taken are made up for.
    even: Instant,
}

impl Ration {
    fn new(now: Instant) -> Ration {
        Ration { even: now }
    }

    /// When the next look may be: at once, unless too many were of late.
    fn due(&self, now: Instant) -> Instant {
        let ahead = LOOK_EVERY * (LOOKS_AT_ONCE - 1);
        if self.even <= now + ahead { now } else { self.even - ahead }
    }

    fn take(&mut self, now: Instant) {
        self.even = self.even.max(now) + LOOK_EVERY;
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

#[cfg(test)]
mod tests;

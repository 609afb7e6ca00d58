//! Transactions that are tried and not submitted: on a snapshot of the newest flushed state of each of their groups.

use super::state::value_view;
use super::status::read_view;
use super::transactions::refused;
use super::{NodeBackend, not_started, stopping};
use crate::clock::Clock;
use crate::signatures::{Refused, judge_chains, judge_signatures};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Semaphore;
use witan_ledger::execute::{PartOutcome, Simulated, TriedPart, groups_of, put_together, try_part};
use witan_ledger::{Entry, Stopped, Store as _, TransactionOutcome};
use witan_rpc::encoding::Blob;
use witan_rpc::server::Trial;
use witan_rpc::view::{
    LockedKeyView, ReadPoint, SimulatedState, SimulationView, TransactionResult, WriteView,
};
use witan_rpc::{Rejection, RpcError};
use witan_storage::LedgerStore;
use witan_types::{Genesis, GroupId, Key, Signature, SignedTransaction, TxId};

/// How many transactions are tried at once; others wait.
const MAX_TRIALS: usize = 2;

/// Lets in so many trials at once.
pub(crate) fn trials() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_TRIALS))
}

/// A part that was tried, and on what.
type PartAt = (GroupId, ReadPoint, TriedPart);

impl NodeBackend {
    pub(super) async fn simulate_trial(&self, trial: Trial) -> Result<SimulationView, RpcError> {
        let signed = Arc::new(self.judge_trial(trial)?);
        let groups: BTreeSet<GroupId> = groups_of(&signed.transaction, |key| self.group_of(key)).collect();
        let stores = groups.into_iter().map(|group| Ok((group, self.store(group)?.clone())));
        let stores: Vec<(GroupId, LedgerStore)> = stores.collect::<Result<_, RpcError>>()?;
        let permit = Arc::clone(&self.trials).acquire_owned().await.map_err(|_| stopping())?;
        let (tried, genesis, clock) = (Arc::clone(&signed), self.genesis.clone(), self.shared.clock.clone());
        let parts = tokio::task::spawn_blocking(move || {
            // Held until the trial is over, also when who asked has gone.
            let _permit = permit;
            stores.iter().map(|(group, store)| try_in(*group, store, &genesis, &tried, &clock)).collect()
        });
        let parts: Result<Vec<PartAt>, RpcError> = parts.await.map_err(|_| stopping())?;
        self.simulation(&signed, parts?)
    }

    /// The checks of a submission that are not its group's.
    fn judge_trial(&self, trial: Trial) -> Result<SignedTransaction, RpcError> {
        match trial {
            Trial::Unsigned(transaction) if transaction.chain != self.chain => {
                Err(refused(Refused::WrongChain))
            }
            // Execution looks at no signature: that is judged before, where there is one.
            Trial::Unsigned(transaction) => {
                Ok(SignedTransaction { transaction, signature: Signature([0; 64]) })
            }
            Trial::Signed(signed) => {
                let mut verdicts = judge_chains(self.chain, [signed.clone()]);
                judge_signatures(self.signatures.as_ref(), &mut verdicts);
                let verdict =
                    verdicts.pop().ok_or_else(|| RpcError::internal("a transaction got no verdict"))?;
                verdict.map_err(refused).map(|_| signed)
            }
        }
    }

    fn simulation(&self, signed: &SignedTransaction, parts: Vec<PartAt>) -> Result<SimulationView, RpcError> {
        let (mut outcomes, mut writes, mut locked) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut at = Vec::with_capacity(parts.len());
        for (group, point, part) in parts {
            at.push(point);
            locked.extend(part.locked.iter().map(|lock| locked_view(group, lock)));
            if let PartOutcome::Applied { writes: changed, .. } = &part.outcome {
                writes.extend(changed.iter().map(|change| write_view(group, change)));
            }
            outcomes.insert(group, part.outcome);
        }
        let simulated = put_together(&signed.transaction, |key| self.group_of(key), outcomes);
        let (status, result) = said(simulated)?;
        if status != SimulatedState::Committed {
            writes.clear();
        }
        Ok(SimulationView { tx_id: signed.id(), status, result, writes, locked, at })
    }
}

/// Tries a transaction's part in one group, in a block that would be made now.
fn try_in(
    group: GroupId,
    store: &LedgerStore,
    genesis: &Genesis,
    signed: &SignedTransaction,
    clock: &Clock,
) -> Result<PartAt, RpcError> {
    let snapshot = store.snapshot();
    let tip = snapshot.tip().ok_or_else(not_started)?;
    let tip = store.header(tip).ok_or_else(|| RpcError::internal("the newest block has no header"))?;
    let time_ms = clock.wall_ms().max(tip.time_ms.saturating_add(1));
    let part = try_part(&snapshot, genesis, &tip, time_ms, signed);
    let part = part.map_err(|error| RpcError::internal(error.to_string()))?;
    Ok((group, ReadPoint { group, height: tip.height, block_id: tip.id() }, part))
}

fn said(simulated: Simulated) -> Result<(SimulatedState, TransactionResult), RpcError> {
    let because = |reason: &str| TransactionResult { reason: Some(reason.into()), reads: Vec::new() };
    match simulated {
        Simulated::Ends(TransactionOutcome::Applied { reads }) => {
            let reads = reads.into_iter().map(read_view).collect();
            Ok((SimulatedState::Committed, TransactionResult { reason: None, reads }))
        }
        Simulated::Ends(TransactionOutcome::Failed { reason }) => {
            Ok((SimulatedState::Failed, because(reason.name())))
        }
        Simulated::Ends(TransactionOutcome::Aborted { reason }) => {
            Ok((SimulatedState::Aborted, because(reason.name())))
        }
        Simulated::Waits(_, Stopped::Key(_)) => Ok((SimulatedState::Deferred, because("LOCKED"))),
        Simulated::Waits(..) => Ok((SimulatedState::Deferred, because("NO_ROOM"))),
        Simulated::Repeated => Ok((SimulatedState::Repeated, TransactionResult::default())),
        Simulated::Expired => Err(RpcError::rejected(Rejection::Expired, "it expires before the next block")),
        Simulated::ExpiryTooFar(latest) => Err(RpcError::rejected(
            Rejection::ExpiryTooFar,
            format!("expiresAtMs may be at most {latest} now (maxTxLifetimeMs of genesis)"),
        )),
    }
}

fn write_view(group: GroupId, (key, entry): &(Key, Option<Entry>)) -> WriteView {
    let value = entry.as_ref().map(|entry| value_view(&entry.value));
    WriteView { key: Blob::from(key.0.clone()), value, group }
}

fn locked_view(group: GroupId, (key, id): &(Key, TxId)) -> LockedKeyView {
    LockedKeyView { key: Blob::from(key.0.clone()), tx_id: *id, group }
}

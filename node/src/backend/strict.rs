//! Strict reads: a transaction of gets, signed by this node and ordered like any other, so that what it returns is one
//! moment of all groups, after everything that was committed before it.

use super::NodeBackend;
use super::elsewhere::Found;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;
use witan_ledger::execute::MAX_READ_BYTES;
use witan_ledger::{AbortReason, FailureReason, Pooled, Store as _};
use witan_rpc::parameter::Wait;
use witan_rpc::view::{ManyValues, ReadPoint, ReadView, ScanItem, TransactionState, TxStatusView};
use witan_rpc::{NoSnapshot, RpcError};
use witan_types::{Account, Key, Op, Transaction};

/// How long a strict read may wait for its keys, by this node's clock.
const LIFETIME: Duration = Duration::from_secs(5);
/// How much longer its outcome is waited for: by then it has expired by block time too, while blocks are made.
const GRACE: Duration = Duration::from_secs(5);

impl NodeBackend {
    pub(super) async fn read_strictly(&self, keys: Vec<Key>) -> Result<ManyValues, RpcError> {
        let transaction = self.read_of(keys).sign(&self.reader);
        let timeout = LIFETIME.saturating_add(GRACE);
        let pooled = Pooled::new(Arc::new(transaction));
        let group = self.coordinator_of(&pooled)?;
        let found = if self.elsewhere.has(group) {
            self.submit_elsewhere(group, pooled, Wait::Committed, Instant::now() + timeout).await
        } else {
            let transaction = Arc::unwrap_or_clone(pooled.transaction);
            self.submit_and_wait(transaction, Wait::Committed, timeout).await.map(|status| {
                let outcome = status.height.and_then(|height| self.stores.get(&group)?.outcome(height));
                Found { status, block_id: outcome.map(|outcome| outcome.block_id) }
            })
        };
        match found {
            Ok(found) => what_it_read(found),
            Err(RpcError::WaitTimeout { .. }) => Err(RpcError::ReadAborted { reason: NoSnapshot::Deadline }),
            Err(error) => Err(error),
        }
    }

    /// The transaction that reads these keys.
    fn read_of(&self, keys: Vec<Key>) -> Transaction {
        let lifetime_ms = self.genesis.parameters.max_tx_lifetime_ms / 2;
        let lifetime_ms = lifetime_ms.min(u64::try_from(LIFETIME.as_millis()).unwrap_or(u64::MAX));
        Transaction {
            chain: self.chain,
            signer: Account(self.reader.public()),
            salt: rand::random(),
            expires_at_ms: self.now_ms().saturating_add(lifetime_ms),
            checks: Vec::new(),
            ops: keys.into_iter().map(|key| Op::Get { key }).collect(),
        }
    }

    /// The later of this node's clock and the newest block's: a clock that is behind makes no read that is void at once.
    fn now_ms(&self) -> u64 {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let clock_ms = u64::try_from(clock.as_millis()).unwrap_or(u64::MAX);
        let blocks = self.shared.views().into_iter().map(|view| view.status.tip.time_ms);
        blocks.fold(clock_ms, u64::max)
    }
}

fn what_it_read(found: Found) -> Result<ManyValues, RpcError> {
    let TxStatusView { status: state, result, group, height, .. } = found.status;
    let result = result.unwrap_or_default();
    if state != TransactionState::Committed {
        return Err(no_snapshot(result.reason.as_deref()));
    }
    let decided = group.zip(height).ok_or_else(|| RpcError::internal("a read in no block"))?;
    let block_id = found.block_id.ok_or_else(|| RpcError::internal("a read in a block that is gone"))?;
    let at = ReadPoint { group: decided.0, height: decided.1, block_id };
    let item = |ReadView { key, value, version }| ScanItem { key, value, version };
    Ok(ManyValues { items: result.reads.into_iter().map(item).collect(), at: vec![at] })
}

/// Why a read did not commit. One that expired met what was in its way in the first group, or no block was made.
fn no_snapshot(reason: Option<&str>) -> RpcError {
    if reason == Some(FailureReason::ReadTooLarge.name()) {
        let expected =
            format!("keys with values of at most {MAX_READ_BYTES} bytes together for a strict read");
        return RpcError::parameter("keys", expected);
    }
    if reason == Some(AbortReason::Conflict.name()) {
        return RpcError::ReadAborted { reason: NoSnapshot::Conflict };
    }
    RpcError::ReadAborted { reason: NoSnapshot::Deadline }
}

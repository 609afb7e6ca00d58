//! What transactions across groups have locked.

use super::NodeBackend;
use witan_ledger::locks::{Delta, Mode};
use witan_ledger::records::reading::{self, LockPlace, StoredLock};
use witan_rpc::RpcError;
use witan_rpc::encoding::Blob;
use witan_rpc::server::{LockNext, LockSlice};
use witan_rpc::view::{LockMode, LockView};
use witan_types::{GroupId, Key};

/// A page of locks ends after so many transactions, though most of them may be over and hold none.
const MAX_RECORDS: usize = 1_024;

impl NodeBackend {
    pub(super) fn read_locks(
        &self,
        group: GroupId,
        from: Option<LockNext>,
        limit: usize,
    ) -> Result<LockSlice, RpcError> {
        let from = from.map(|LockNext { record, key }| LockPlace { record: Key(record), key: Key(key) });
        if from.as_ref().is_some_and(|from| !from.is_of_a_transaction()) {
            return Err(RpcError::CursorInvalid);
        }
        let owns = |key: &Key| self.group_of(key) == group;
        let (locks, next) = reading::locks(self.store(group)?, &owns, from.as_ref(), limit, MAX_RECORDS);
        let next = next.map(|LockPlace { record, key }| LockNext { record: record.0, key: key.0 });
        Ok(LockSlice { items: locks.into_iter().map(view).collect(), next })
    }
}

fn view(lock: StoredLock) -> LockView {
    let (mode, delta) = match lock.mode {
        Mode::Read => (LockMode::Read, None),
        Mode::Write => (LockMode::Write, None),
        Mode::Add(Delta::Up(amount)) => (LockMode::Add, Some(amount.to_string())),
        Mode::Add(Delta::Down(amount)) => (LockMode::Add, Some(format!("-{amount}"))),
    };
    LockView { key: Blob::from(lock.key.0), tx_id: lock.id, mode, delta, since_height: lock.since_height }
}

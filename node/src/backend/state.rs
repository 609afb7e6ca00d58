//! State: values, proofs, accounts.

use super::NodeBackend;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use witan_ledger::{Entry, PortableStateProof, Store as _, Value};
use witan_rpc::RpcError;
use witan_rpc::encoding::Blob;
use witan_rpc::parameter::At;
use witan_rpc::view::{AccountView, ManyValues, ProofView, ReadPoint, ScanItem, StateValue, ValueView};
use witan_types::{Account, GroupId, Key, SealedHeader, Wire};

impl NodeBackend {
    fn read_entry(&self, key: &Key, at: At) -> Result<(ReadPoint, Option<Entry>), RpcError> {
        let group = self.group_of(key);
        let point = self.point(group, at)?;
        Ok((point, self.store(group)?.entry_at(key, point.height)))
    }

    pub(super) fn read_state(&self, key: &Key, at: At) -> Result<StateValue, RpcError> {
        if at == At::Latest
            && let Some((at, entry)) = self.read_newest(key)
        {
            return Ok(state_value(key, Some(&entry), at));
        }
        let (at, entry) = self.read_entry(key, at)?;
        Ok(state_value(key, entry.as_ref(), at))
    }

    /// What most reads ask for, by one look at the disk: the newest entry of a key, if it was written no later than the newest
    /// block that was told of. Then it is what that block left: whatever is on disk beyond has not touched it.
    fn read_newest(&self, key: &Key) -> Option<(ReadPoint, Entry)> {
        let group = self.group_of(key);
        let point = self.shared.flushed(group)?;
        let entry = self.store(group).ok()?.entry(key)?;
        (entry.version.height() <= point.height).then_some((point, entry))
    }

    /// The value with its proof, which only a sealed block has: `latest` means the newest sealed one here.
    pub(super) fn read_proved(&self, key: &Key, at: At) -> Result<StateValue, RpcError> {
        let at = if at == At::Latest { At::Sealed } else { at };
        let (point, entry) = self.read_entry(key, at)?;
        let store = self.store(point.group)?;
        let sealed = store.sealed_tip();
        if point.height > sealed || sealed == 0 {
            return Err(RpcError::FutureHeight { height: sealed });
        }
        let proofs = &self.view(point.group)?.proofs;
        let oldest_height = proofs.oldest().unwrap_or(0).max(1);
        let pruned = RpcError::Pruned { oldest_height };
        let proof = proofs.prove(point.height, key).ok_or_else(|| pruned.clone())?;
        let (header, seal) = store.header(point.height).zip(store.seal(point.height)).ok_or(pruned)?;
        let mut value = state_value(key, entry.as_ref(), point);
        let header = SealedHeader { header, seal };
        let portable = PortableStateProof { header, key: key.clone(), entry, proof };
        value.proof = Some(ProofView::new(portable.encode()));
        Ok(value)
    }

    pub(super) async fn read_states(&self, keys: &[Key], at: At) -> Result<ManyValues, RpcError> {
        let found = self.read_all_elsewhere(keys, at).await?;
        // One height for all keys of a group, so that the values belong together.
        let mut points: BTreeMap<GroupId, ReadPoint> =
            found.iter().map(|(group, read)| (*group, read.point(*group))).collect();
        let mut entries: BTreeMap<GroupId, _> =
            found.into_iter().map(|(group, read)| (group, read.proofs.into_iter())).collect();
        let mut items = Vec::with_capacity(keys.len());
        for key in keys {
            let group = self.group_of(key);
            if let Some(proofs) = entries.get_mut(&group) {
                let entry = proofs.next().and_then(|proof| proof.entry);
                items.push(scan_item(key, entry.as_ref()));
                continue;
            }
            let point = match points.entry(group) {
                Slot::Occupied(known) => known.into_mut(),
                Slot::Vacant(new) => new.insert(self.point(group, at)?),
            };
            let entry = self.store(group)?.entry_at(key, point.height);
            items.push(scan_item(key, entry.as_ref()));
        }
        Ok(ManyValues { items, at: points.into_values().collect() })
    }

    pub(super) async fn read_account(&self, account: Account, at: At) -> Result<AccountView, RpcError> {
        let key = Key::balance_of(&account);
        let group = self.group_of(&key);
        let (at, entry) = if self.elsewhere.has(group) {
            self.read_entry_elsewhere(group, &key, at).await?
        } else {
            self.read_entry(&key, at)?
        };
        let balance = match entry.as_ref().map(|entry| &entry.value) {
            Some(Value::Balance(balance)) => *balance,
            Some(Value::Bytes(_) | Value::List(_) | Value::Counter(_) | Value::Record(_)) | None => 0,
        };
        Ok(AccountView { account, balance, version: version_of(entry.as_ref()), at })
    }
}

pub(super) fn value_view(value: &Value) -> ValueView {
    match value {
        Value::Bytes(bytes) => ValueView::Bytes(Blob::from(bytes.clone())),
        Value::List(items) => ValueView::List(items.iter().cloned().map(Blob::from).collect()),
        Value::Counter(count) => ValueView::Counter(*count),
        Value::Balance(balance) => ValueView::Balance(*balance),
        // Under reserved keys alone, which nobody can ask for.
        Value::Record(bytes) => ValueView::Bytes(Blob::from(bytes.clone())),
    }
}

pub(super) fn version_of(entry: Option<&Entry>) -> u128 {
    entry.map_or(0, |entry| entry.version.0)
}

pub(super) fn size_of_value(value: &Value) -> usize {
    match value {
        Value::Bytes(bytes) | Value::Record(bytes) => bytes.len(),
        Value::List(items) => items.iter().map(Vec::len).sum(),
        Value::Counter(_) | Value::Balance(_) => size_of::<u128>(),
    }
}

pub(super) fn state_value(key: &Key, entry: Option<&Entry>, at: ReadPoint) -> StateValue {
    let value = entry.map(|entry| value_view(&entry.value));
    StateValue { key: Blob::from(key.0.clone()), value, version: version_of(entry), at, proof: None }
}

pub(super) fn scan_item(key: &Key, entry: Option<&Entry>) -> ScanItem {
    let value = entry.map(|entry| value_view(&entry.value));
    ScanItem { key: Blob::from(key.0.clone()), value, version: version_of(entry) }
}

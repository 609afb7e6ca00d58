//! Scans: keys in order, group after group, page by page.

use super::NodeBackend;
use super::state::{scan_item, size_of_value};
use std::ops::{Bound, ControlFlow};
use witan_rpc::RpcError;
use witan_rpc::parameter::At;
use witan_rpc::server::{ScanNext, ScanRange, ScanSlice};
use witan_rpc::view::ReadPoint;
use witan_storage::LedgerStore;
use witan_types::{GroupId, Key};

/// A page of a scan stops growing past this many bytes of keys and values.
const SCAN_BYTES: usize = 1024 * 1024;
/// A page ends after so many places of the history, though it has few keys or none: those of keys that are gone, or came later,
/// count too. The fullest page takes three a key.
const SCAN_STEPS: usize = 8_192;
/// Where a scan starts: the root group has no keys of users.
const FIRST_WITH_KEYS: GroupId = GroupId(1);

impl NodeBackend {
    /// From where the scan stands on, or from the first group: the first stretch that has anything, of one group alone, so
    /// that it stands at one block; or where it stands once it has looked at enough. A scan of a part of the keys alone would
    /// say what is not so: this node has to host all groups.
    pub(super) fn read_scan(
        &self,
        from: Option<ScanNext>,
        range: &ScanRange,
        limit: usize,
        at: At,
    ) -> Result<ScanSlice, RpcError> {
        if let Some(group) = self.elsewhere.groups().next() {
            return Err(self.elsewhere.not_hosted(group));
        }
        let (group, key) = from.map_or((FIRST_WITH_KEYS, None), |from| (from.group, from.key));
        if group < FIRST_WITH_KEYS || !self.stores.contains_key(&group) {
            return Err(RpcError::CursorInvalid);
        }
        let mut groups = self.stores.range(group..).peekable();
        let start = key.as_ref().unwrap_or(&range.start).clone();
        let range = ScanRange { start, end: range.end.clone() };
        let mut steps = SCAN_STEPS;
        loop {
            let (group, store) = groups.next().ok_or(RpcError::CursorInvalid)?;
            let mut slice = scan(store, &range, limit, self.point(*group, at)?, &mut steps);
            let Some((other, _)) = groups.peek().filter(|_| slice.next.is_none()) else {
                return Ok(slice);
            };
            if key.is_some() || !slice.items.is_empty() || steps == 0 {
                slice.next = Some(ScanNext { group: **other, key: None });
                return Ok(slice);
            }
        }
    }
}

/// A page of one group: as many keys as it may have, or as are found within the steps.
fn scan(store: &LedgerStore, range: &ScanRange, limit: usize, at: ReadPoint, steps: &mut usize) -> ScanSlice {
    let end = range.end.clone().map_or(Bound::Unbounded, |end| Bound::Excluded(Key(end)));
    let bounds = (Bound::Included(Key(range.start.clone())), end);
    let (mut items, mut more, mut bytes) = (Vec::new(), None, 0);
    let unseen = store.visit_at(bounds, at.height, steps, |key, entry| {
        if items.len() == limit || bytes > SCAN_BYTES {
            more = Some(key);
            return ControlFlow::Break(());
        }
        bytes += key.0.len() + size_of_value(&entry.value);
        items.push(scan_item(&key, Some(&entry)));
        ControlFlow::Continue(())
    });
    let next = more.or(unseen).map(|key| ScanNext { group: at.group, key: Some(key.0) });
    ScanSlice { items, next, at }
}

#[cfg(test)]
mod tests;

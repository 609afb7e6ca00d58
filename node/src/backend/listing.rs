//! Lists, newest first: transactions, versions of a key; and what this node caught others signing.

use super::state::{size_of_value, value_view, version_of};
use super::{NodeBackend, not_started};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use witan_ledger::{AbortReason, Entry, FailureReason, Store as _};
use witan_rpc::RpcError;
use witan_rpc::parameter::At;
use witan_rpc::server::{EvidenceFrom, EvidenceSlice, HistoryFrom, HistorySlice, ListFrom, TransactionSlice};
use witan_rpc::view::{
    AccountRole, EvidenceView, HistoryItem, ListedTransaction, SignedMessageView, TransactionState,
};
use witan_storage::{
    ConsensusLog, Ended, EvidencePlace, LedgerStore, ListPlace, ListRole, SignedMessage, StoredEvidence,
};
use witan_types::{Account, Genesis, GroupId, Hash, Header, Height, Key};

/// A page of a history stops growing past this many bytes of values.
const HISTORY_BYTES: usize = 1024 * 1024;

impl NodeBackend {
    /// The newest of all groups by block time: within a group that is the order of its chain, since block time ascends.
    pub(super) fn list_transactions(
        &self,
        account: Option<Account>,
        group: Option<GroupId>,
        from: Option<Vec<ListFrom>>,
        limit: usize,
    ) -> Result<TransactionSlice, RpcError> {
        let from = match from {
            Some(from) if covers(&from, group, self.stores.keys()) => from,
            Some(_) => return Err(RpcError::CursorInvalid),
            None => self.newest_of(group)?,
        };
        let mut at = Vec::with_capacity(from.len());
        let mut found = Vec::new();
        for place in &from {
            let ListFrom { group, newest, next } = *place;
            at.push(self.point(group, At::Height(newest))?);
            if let Some((height, place)) = next {
                if height > newest {
                    return Err(RpcError::CursorInvalid);
                }
                let place = ListPlace { height, place };
                found.extend(list_of(self.store(group)?, group, account.as_ref(), place, limit));
            }
        }
        found.sort_by_key(|item| (Reverse(item.time_ms), item.group, Reverse((item.height, item.index))));
        let mut next: BTreeMap<GroupId, (Height, u32)> = BTreeMap::new();
        for item in found.iter().skip(limit) {
            next.entry(item.group).or_insert((item.height, item.index));
        }
        found.truncate(limit);
        let goes_on = |place: ListFrom| ListFrom { next: next.get(&place.group).copied(), ..place };
        let next = (!next.is_empty()).then(|| from.into_iter().map(goes_on).collect());
        Ok(TransactionSlice { items: found, next, at })
    }

    /// The newest blocks of a group, or of all that this node hosts.
    fn newest_of(&self, group: Option<GroupId>) -> Result<Vec<ListFrom>, RpcError> {
        let newest = |group: GroupId, store: &LedgerStore| {
            let newest = store.tip().ok_or_else(not_started)?;
            Ok(ListFrom { group, newest, next: Some((newest, u32::MAX)) })
        };
        match group {
            Some(group) => newest(group, self.store(group)?).map(|one| vec![one]),
            None => self.stores.iter().map(|(group, store)| newest(*group, store)).collect(),
        }
    }

    pub(super) fn read_history(
        &self,
        key: &Key,
        from: Option<HistoryFrom>,
        limit: usize,
    ) -> Result<HistorySlice, RpcError> {
        let group = self.group_of(key);
        let store = self.store(group)?;
        let point = self.point(group, from.map_or(At::Latest, |from| At::Height(from.newest)))?;
        let first = from.map_or(point.height, |from| from.next);
        let (mut items, mut next, mut bytes, mut missing) = (Vec::new(), None, 0, None);
        store.visit_versions(key, first, |height, entry| {
            if items.len() == limit || bytes > HISTORY_BYTES {
                next = Some(HistoryFrom { newest: point.height, next: height });
                return ControlFlow::Break(());
            }
            let Some(header) = store.header(height) else {
                missing = Some(height);
                return ControlFlow::Break(());
            };
            bytes += entry.as_ref().map_or(0, |entry| size_of_value(&entry.value));
            items.push(version_item(entry.as_ref(), &header));
            ControlFlow::Continue(())
        });
        match missing {
            Some(height) => Err(RpcError::internal(format!("block {height} of group {group} has no header"))),
            None => Ok(HistorySlice { items, next, at: point }),
        }
    }

    pub(super) fn read_evidence(
        &self,
        from: Option<EvidenceFrom>,
        limit: usize,
    ) -> Result<EvidenceSlice, RpcError> {
        evidence(&self.log, &self.genesis, from, limit)
    }
}

/// What the log has, from this piece on.
fn evidence(
    log: &ConsensusLog,
    genesis: &Genesis,
    from: Option<EvidenceFrom>,
    limit: usize,
) -> Result<EvidenceSlice, RpcError> {
    let from = from.map(|EvidenceFrom { group, epoch, validator, conflict }| EvidencePlace {
        group,
        epoch,
        validator,
        conflict,
    });
    let found = log.evidence(from.as_ref(), limit.saturating_add(1));
    let mut found = found.map_err(|error| RpcError::internal(error.to_string()))?;
    let next = found.get(limit).map(|first| EvidenceFrom {
        group: first.group,
        epoch: first.epoch,
        validator: first.validator,
        conflict: first.conflict.clone(),
    });
    found.truncate(limit);
    let items = found.into_iter().map(|evidence| evidence_view(genesis, evidence)).collect();
    Ok(EvidenceSlice { items, next })
}

fn evidence_view(genesis: &Genesis, evidence: StoredEvidence) -> EvidenceView {
    let StoredEvidence { group, epoch, validator, conflict, key, first, second, seen_ms } = evidence;
    let members = genesis.members(group);
    let name = members.get(usize::from(validator.0)).map(|member| member.name.clone());
    EvidenceView {
        group,
        epoch,
        validator,
        name: name.unwrap_or_default(),
        key: Hash(key.0),
        conflict,
        first: signed_view(first),
        second: signed_view(second),
        seen_ms,
    }
}

/// Whether a list goes on in the groups that it is of, each once and in order: in one, or in all that are hosted here.
fn covers<'a>(from: &[ListFrom], group: Option<GroupId>, hosted: impl Iterator<Item = &'a GroupId>) -> bool {
    let named = from.iter().map(|place| place.group);
    match group {
        Some(group) => named.eq([group]),
        None => named.eq(hosted.copied()),
    }
}

/// One more than `limit` of a group's, so that it shows whether there are more.
fn list_of(
    store: &LedgerStore,
    group: GroupId,
    account: Option<&Account>,
    from: ListPlace,
    limit: usize,
) -> Vec<ListedTransaction> {
    let sealed_tip = store.sealed_tip();
    let mut block: Option<(Height, u64)> = None;
    let listed = store.transactions(account, from, limit.saturating_add(1)).into_iter();
    let item = |listed: witan_storage::ListedTransaction| {
        let ListPlace { height, place } = listed.at;
        let time_ms = match block {
            Some((same, time_ms)) if same == height => time_ms,
            _ => store.header(height).map_or(0, |header| header.time_ms),
        };
        block = Some((height, time_ms));
        let (status, reason) = how(listed.ended);
        ListedTransaction {
            tx_id: listed.id,
            status,
            reason: reason.map(str::to_owned),
            signer: listed.signer,
            group,
            height,
            index: place,
            time_ms,
            sealed: height <= sealed_tip,
            role: listed.role.map(|role| match role {
                ListRole::Signer => AccountRole::Signer,
                ListRole::Recipient => AccountRole::Recipient,
            }),
        }
    };
    listed.map(item).collect()
}

pub(super) fn how(ended: Ended) -> (TransactionState, Option<&'static str>) {
    match ended {
        Ended::Applied => (TransactionState::Committed, None),
        Ended::Failed(reason) => (TransactionState::Failed, Some(FailureReason::name(reason))),
        Ended::Aborted(reason) => (TransactionState::Aborted, Some(AbortReason::name(reason))),
    }
}

fn version_item(entry: Option<&Entry>, header: &Header) -> HistoryItem {
    HistoryItem {
        value: entry.map(|entry| value_view(&entry.value)),
        version: version_of(entry),
        height: header.height,
        block_id: header.id(),
        time_ms: header.time_ms,
    }
}

fn signed_view(signed: SignedMessage) -> SignedMessageView {
    SignedMessageView { message: signed.message, signature: signed.signature.0.to_vec() }
}

#[cfg(test)]
mod tests;

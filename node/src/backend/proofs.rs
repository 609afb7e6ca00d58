//! Proofs of more than one key: whole slots, how transactions ended, light blocks, epochs. All of them are checked against the
//! seal before they are handed out.

use super::NodeBackend;
use super::state::scan_item;
use super::status::Executed;
use crate::epoch_view::epoch_view;
use std::ops::{Bound, ControlFlow};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use witan_ledger::configuration::reading as configuration;
use witan_ledger::records::{Record, reading};
use witan_ledger::{
    Entry, EpochLink, EpochRecord, MAX_LINKS, MAX_SLOT_BYTES, MAX_SLOT_ENTRIES, PortableEpoch,
    PortableOutcome, PortablePart, PortableSlotProof, PortableStateProof, SlotEntry, StateProof, Store as _,
    Told, first_owner, slot_of,
};
use witan_rpc::parameter::At;
use witan_rpc::view::{
    EPOCH_PROOF_FORMAT, EpochView, LightBlockView, OUTCOME_PROOF_FORMAT, ProofView, ReadPoint,
    SLOT_PROOF_FORMAT, SlotView, TransactionState, TxStatusView,
};
use witan_rpc::{NotReady, RpcError};
use witan_storage::LedgerStore;
use witan_types::codec::encode;
use witan_types::{Epoch, GroupId, Height, Key, SealedHeader, SignedTransaction, TxId, Wire as _};

/// The walk over all keys of a group that finds those of a slot: one at a time in this process, since it reads as much as
/// there is.
static WALKS: Semaphore = Semaphore::const_new(1);
/// How long one request waits for the walks before its own.
const WALK_AFTER: Duration = Duration::from_secs(20);
/// How long a walk may take.
const WALK_WITHIN: Duration = Duration::from_secs(60);
/// After how many places of the history a walk looks at the clock: also those of keys that are gone or came later.
const WALK_STEPS: usize = 4_096;
/// How long the seal of a block is waited for that changed what is to be proved.
const SEAL_WITHIN: Duration = Duration::from_secs(3);
/// How far below its receipt the block with a transaction's bytes is looked for.
const MAX_SEARCHED: u64 = 4_096;

/// What stands under a reserved key in a sealed state.
struct ProvedRecord {
    header: SealedHeader,
    entry: Entry,
    proof: StateProof,
}

/// Why a walk found less than a whole slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Walked {
    TooMuch,
    TooLong,
}

fn not_yet(detail: String) -> RpcError {
    RpcError::NotReady { reason: NotReady::Unproved, detail }
}

fn disagree(what: &str) -> RpcError {
    RpcError::internal(format!("the proof of {what} does not lead to the sealed root"))
}

impl NodeBackend {
    fn sealed_header(&self, group: GroupId, height: Height) -> Result<SealedHeader, RpcError> {
        let store = self.store(group)?;
        let found = store.header(height).zip(store.seal(height));
        let (header, seal) =
            found.ok_or_else(|| RpcError::not_found(format!("seal of block {height} of group {group}")))?;
        Ok(SealedHeader { header, seal })
    }

    /// Where a proof of what users can read stands: at a block that has a seal.
    fn sealed_point(&self, group: GroupId, at: At) -> Result<ReadPoint, RpcError> {
        let point = self.point(group, if at == At::Latest { At::Sealed } else { at })?;
        let sealed = self.store(group)?.sealed_tip();
        if point.height > sealed || sealed == 0 {
            return Err(RpcError::FutureHeight { height: sealed });
        }
        Ok(point)
    }

    pub(super) fn read_light_block(&self, group: GroupId, at: At) -> Result<LightBlockView, RpcError> {
        let point = self.sealed_point(group, at)?;
        let sealed = self.sealed_header(group, point.height)?;
        let links = self.root_links()?;
        Ok(LightBlockView::new(&sealed, links.iter().map(EpochLink::encode).collect()))
    }

    /// From each epoch of the root group to the next, the newest [`MAX_LINKS`] of them.
    fn root_links(&self) -> Result<Vec<EpochLink>, RpcError> {
        let store = self.store(GroupId::ROOT)?;
        let epochs = configuration::epochs(store, GroupId::ROOT);
        let mut links = Vec::new();
        for (over, next) in epochs.iter().zip(epochs.iter().skip(1)).rev().take(MAX_LINKS) {
            let Some((height, _)) = over.closed else { continue };
            let closing = self.sealed_header(GroupId::ROOT, height)?;
            // As it opened: that is what the seal names.
            links.push(EpochLink { closing, record: EpochRecord { closed: None, ..next.clone() } });
        }
        links.reverse();
        Ok(links)
    }

    pub(super) async fn read_epoch(
        &self,
        group: GroupId,
        epoch: Option<Epoch>,
        prove: bool,
    ) -> Result<EpochView, RpcError> {
        let store = self.store(GroupId::ROOT)?;
        let missing = || match epoch {
            Some(epoch) => RpcError::not_found(format!("epoch {epoch} of group {group}")),
            None => RpcError::not_found(format!("group {group}")),
        };
        if !prove {
            let at = self.point(GroupId::ROOT, At::Latest)?;
            let found = match epoch {
                Some(epoch) => configuration::epoch(store, group, epoch),
                None => configuration::epochs(store, group).pop(),
            };
            return Ok(epoch_view(self.chain, &found.ok_or_else(missing)?, at, None));
        }
        let newest = || configuration::epochs(store, group).pop().map(|record| record.epoch);
        let key = Record::Epoch(group, epoch.or_else(newest).ok_or_else(missing)?).key();
        let proved = self.prove_record(GroupId::ROOT, &key).await?.ok_or_else(missing)?;
        let record = configuration::epoch_of(&proved.entry).ok_or_else(missing)?;
        let ProvedRecord { header, entry, proof } = proved;
        let (height, block_id) = (header.header.height, header.header.id());
        let at = ReadPoint { group: GroupId::ROOT, height, block_id };
        let root_epoch = header.header.epoch;
        let links = self.costly.run(|| self.root_links()).await?;
        let links = links.into_iter().filter(|link| link.record.epoch <= root_epoch).collect();
        let record_proof = PortableStateProof { header, key, entry: Some(entry), proof };
        let portable = PortableEpoch { links, record: record_proof };
        Ok(epoch_view(self.chain, &record, at, Some(ProofView::of(EPOCH_PROOF_FORMAT, portable.encode()))))
    }

    /// What stands under a reserved key, in the newest sealed state that has it as it stands now. Such keys have no history: if
    /// the block that wrote it has no seal yet, that seal is waited for. None if nothing stands there.
    async fn prove_record(&self, group: GroupId, key: &Key) -> Result<Option<ProvedRecord>, RpcError> {
        let store = self.store(group)?;
        let mut seals = self.shared.sealed();
        // Looked at before the entry: what was written up to there, and is the newest, stood so at that block.
        let sealed = store.sealed_tip();
        let Some(entry) = store.entry(key) else { return Ok(None) };
        let height = entry.version.height().max(sealed);
        if height > sealed {
            let reached = seals.wait_for(|heights| heights.get(&group).is_some_and(|it| *it >= height));
            drop(tokio::time::timeout(SEAL_WITHIN, reached).await);
        }
        if height == 0 || store.sealed_tip() < height {
            return Err(not_yet(format!("block {height} of group {group} has no seal yet")));
        }
        let header = self.sealed_header(group, height)?;
        let Some(proof) = self.view(group)?.proofs.prove(height, key) else {
            // After a start only states from there on are at hand.
            return Err(not_yet(format!("no state of group {group} that proofs are kept of has a seal yet")));
        };
        if !proof.verify(&header.seal.outcome.state_root, key, Some(entry.hash())) {
            return Err(disagree("a record"));
        }
        Ok(Some(ProvedRecord { header, entry, proof }))
    }

    /// A transaction's status with the proof of how it ended everywhere.
    pub(super) async fn prove_transaction(&self, id: TxId) -> Result<TxStatusView, RpcError> {
        let status = self.read_transaction(id).await?;
        match status.status {
            TransactionState::Unknown => return Err(RpcError::not_found(format!("transaction {id}"))),
            TransactionState::Expired => {
                return Err(RpcError::not_found(format!(
                    "a block with transaction {id}: it expired before any executed it, which nothing proves, so a proof is"
                )));
            }
            TransactionState::Accepted | TransactionState::Pending => {
                let how = status.status.name();
                return Err(not_yet(format!("transaction {id} is {how}, and no block has decided it yet")));
            }
            TransactionState::Committed | TransactionState::Failed | TransactionState::Aborted => {}
        }
        let Some(Executed { group, height, receipt, .. }) = self.find(&id) else {
            let group = status.group.ok_or_else(|| RpcError::not_found(format!("transaction {id}")))?;
            return Err(self.elsewhere.not_hosted(group));
        };
        let told = receipt.told.clone();
        let Some(proved) = self.prove_receipt(group, height, receipt) else {
            return Err(not_yet(format!("block {height} of group {group} has no seal yet")));
        };
        let mut parts = Vec::with_capacity(told.len());
        for told in &told {
            parts.push(self.prove_part(group, told).await?);
        }
        let transaction = self.find_bytes(group, id, height).await?;
        let bytes = PortableOutcome { transaction, receipt: proved, parts }.encode();
        // Every group has obeyed: what was read before it did is old. In which block each did is not proved, so not said.
        let mut status = self.executed(&id).unwrap_or(status);
        for phase in status.phases.iter_mut().skip(1) {
            phase.height = None;
        }
        Ok(TxStatusView { proof: Some(ProofView::of(OUTCOME_PROOF_FORMAT, bytes)), ..status })
    }

    /// That a group has consumed a decision.
    async fn prove_part(&self, coordinator: GroupId, told: &Told) -> Result<PortablePart, RpcError> {
        let group = told.group;
        let unheard =
            || not_yet(format!("group {group} has not executed the decision of group {coordinator} yet"));
        let proved = self.prove_record(group, &Record::Incoming(coordinator).key()).await?;
        let ProvedRecord { header, entry, proof } = proved.ok_or_else(unheard)?;
        match reading::consumed(&entry) {
            Some(consumed) if consumed > told.place => Ok(PortablePart { header, cursor: entry, proof }),
            _ => Err(unheard()),
        }
    }

    /// A transaction's bytes, from the newest block up to its receipt's that carries it: across groups it is decided some blocks
    /// later than it came in.
    async fn find_bytes(
        &self,
        group: GroupId,
        id: TxId,
        height: Height,
    ) -> Result<Option<SignedTransaction>, RpcError> {
        let store = self.store(group)?;
        let search = || {
            let heights = (height.saturating_sub(MAX_SEARCHED)..=height).rev();
            let mut blocks = heights.map_while(|height| store.block(height));
            blocks.find_map(|block| {
                block
                    .payload
                    .transactions()
                    .find(|known| known.id() == id)
                    .map(|known| SignedTransaction::clone(known))
            })
        };
        self.costly.run(|| Ok(search())).await
    }

    /// All keys of a slot.
    pub(super) async fn read_slot(&self, slot: u16, at: At, prove: bool) -> Result<SlotView, RpcError> {
        let group = first_owner(&self.genesis, slot);
        let store = self.store(group)?.clone();
        let at = if prove { self.sealed_point(group, at)? } else { self.point(group, at)? };
        // Taken before the walk, which may outlast the window.
        let proofs = self.view(group)?.proofs.clone();
        let count = proofs.keys_in(at.height, slot, MAX_SLOT_ENTRIES);
        if count.is_some_and(|count| count > MAX_SLOT_ENTRIES) {
            return Err(too_large(slot));
        }
        let path = match prove {
            false => None,
            true => {
                let pruned = RpcError::Pruned { oldest_height: proofs.oldest().unwrap_or(0).max(1) };
                let proof = proofs.prove_slot(at.height, slot).ok_or(pruned)?;
                Some((proof, self.sealed_header(group, at.height)?))
            }
        };
        let turn = tokio::time::timeout(WALK_AFTER, WALKS.acquire()).await;
        let Ok(Ok(turn)) = turn else { return Err(RpcError::RateLimited { retry_after_ms: 1_000 }) };
        let walked = tokio::task::spawn_blocking(move || {
            let found = walk(&store, slot, at.height, count, Instant::now() + WALK_WITHIN);
            drop(turn);
            found
        })
        .await;
        let entries = match walked.map_err(|error| RpcError::internal(error.to_string()))? {
            Ok(entries) => entries,
            Err(Walked::TooMuch) => return Err(too_large(slot)),
            Err(Walked::TooLong) => return Err(too_long(slot)),
        };
        let items = entries.iter().map(|it| scan_item(&it.key, Some(&it.entry))).collect();
        let proof = match path {
            None => None,
            Some((proof, header)) => {
                let portable = PortableSlotProof { header, slot, entries, proof };
                if portable.root() != Some(portable.header.seal.outcome.state_root) {
                    return Err(disagree("a slot"));
                }
                Some(ProofView::of(SLOT_PROOF_FORMAT, portable.encode()))
            }
        };
        Ok(SlotView { slot, items, at, proof })
    }
}

fn too_large(slot: u16) -> RpcError {
    RpcError::parameter(
        "slot",
        format!(
            "a slot of at most {MAX_SLOT_ENTRIES} keys and {MAX_SLOT_BYTES} bytes; slot {slot} holds more: read it with \
             state_scan, or prove its keys one by one with state_get"
        ),
    )
}

fn too_long(slot: u16) -> RpcError {
    let within = WALK_WITHIN.as_secs();
    RpcError::parameter(
        "slot",
        format!(
            "a slot of a group whose keys can be walked over within {within} s, and those around slot {slot} can't be: prove \
             keys one by one with state_get"
        ),
    )
}

/// Every key of a slot as of a height, ascending; it ends early once there are `count`.
fn walk(
    store: &LedgerStore,
    slot: u16,
    height: Height,
    count: Option<usize>,
    deadline: Instant,
) -> Result<Vec<SlotEntry>, Walked> {
    let (mut found, mut bytes, mut is_too_much) = (Vec::new(), 0_usize, false);
    if count == Some(0) {
        return Ok(found);
    }
    // Reserved keys are of no slot, and come before all others.
    let mut next = Some(Key(vec![1]));
    while let Some(from) = next {
        let mut steps = WALK_STEPS;
        next = store.visit_at((Bound::Included(from), Bound::Unbounded), height, &mut steps, |key, entry| {
            if slot_of(&key) != slot {
                return ControlFlow::Continue(());
            }
            let one = SlotEntry { key, entry };
            bytes = bytes.saturating_add(encode(&one).len());
            is_too_much = bytes > MAX_SLOT_BYTES || found.len() == MAX_SLOT_ENTRIES;
            if is_too_much {
                return ControlFlow::Break(());
            }
            found.push(one);
            if count == Some(found.len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if is_too_much {
            return Err(Walked::TooMuch);
        }
        if next.is_some() && Instant::now() > deadline {
            return Err(Walked::TooLong);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;

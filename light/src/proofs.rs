//! What follows from a sealed block: what state holds, and how transactions ended.

use crate::error::LightError;
use crate::{VerifiedBlock, VerifiedEntry, Verifier};
use witan_ledger::records::{Record, reading};
use witan_ledger::{
    Entry, PortableOutcome, PortablePart, PortableReceipt, PortableSlotProof, PortableStateProof, Receipt,
    SlotEntry, SlotState,
};
use witan_types::{GroupId, Key, Scheme, SealedHeader, SignedTransaction, TxId};

/// A proved fact: all that a slot held after this block. What is not among the entries was absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedSlot {
    /// After which block.
    pub at: VerifiedBlock,
    /// Which slot.
    pub slot: u16,
    /// Every key in it, ascending, with what it held.
    pub entries: Vec<SlotEntry>,
}

/// A proved fact: how a transaction ended, and that every group it touches has heard so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedOutcome {
    /// The block that it ended in, of the group that coordinated it or alone executed it.
    pub at: VerifiedBlock,
    /// How it ended there. If it was applied, it was in every group; else in none.
    pub receipt: Receipt,
    /// The transaction, with its signer's signature checked, if the proof shows it.
    pub transaction: Option<SignedTransaction>,
    /// For each other group a block by which it had obeyed: its part is visible after that block, or was dropped by then.
    pub parts: Vec<VerifiedBlock>,
}

impl Verifier {
    /// Checks how a transaction ended: the receipt is one of the sealed block.
    ///
    /// # Errors
    /// If the header is not proved, or the path does not lead to its receipts root.
    pub fn verify_receipt(&self, portable: &PortableReceipt) -> Result<(), LightError> {
        self.verify_header(&portable.header)?;
        let root = portable.proof.root(&portable.receipt.hash());
        match root == Some(portable.header.seal.outcome.receipts_root) {
            true => Ok(()),
            false => Err(LightError::WrongReceipt(portable.receipt.id)),
        }
    }

    /// Checks what a group's state holds at one key. That the group owns the key's slot is part of its sealed state, so
    /// no map of slots is needed to know it.
    ///
    /// # Errors
    /// If the header is not proved, the group does not serve the key's slot, or the path does not lead to the state
    /// root.
    pub fn verify_state(&self, portable: &PortableStateProof) -> Result<VerifiedEntry, LightError> {
        let PortableStateProof { header: SealedHeader { header, seal }, key, entry, proof } = portable;
        if header.group == GroupId::ROOT {
            return Err(LightError::RootGroup);
        }
        self.verify_header(&portable.header)?;
        let marker = proof.marker.ok_or_else(|| LightError::SlotNotOwned(header.group, key.clone()))?;
        if !proof.verify(&seal.outcome.state_root, key, entry.as_ref().map(Entry::hash)) {
            return Err(LightError::WrongPath(key.clone()));
        }
        // The marker is part of the path, so only now can it be believed.
        if marker.state == SlotState::Frozen {
            return Err(LightError::SlotFrozen(header.group, key.clone()));
        }
        Ok(VerifiedEntry {
            group: header.group,
            epoch: header.epoch,
            height: header.height,
            block_id: header.id(),
            time_ms: header.time_ms,
            key: key.clone(),
            entry: entry.clone(),
        })
    }

    /// Checks all that a group's state holds in one slot: the slot's tree is made again from the entries, so none can be
    /// left out.
    ///
    /// # Errors
    /// If the header is not proved, the slot is frozen, or the entries do not lead to the state root.
    pub fn verify_slot(&self, portable: &PortableSlotProof) -> Result<VerifiedSlot, LightError> {
        let SealedHeader { header, seal } = &portable.header;
        if header.group == GroupId::ROOT {
            return Err(LightError::RootGroup);
        }
        self.verify_header(&portable.header)?;
        if portable.root() != Some(seal.outcome.state_root) {
            return Err(LightError::WrongSlot(portable.slot));
        }
        if portable.proof.marker.state == SlotState::Frozen {
            return Err(LightError::WholeSlotFrozen(header.group, portable.slot));
        }
        let (at, slot, entries) = (VerifiedBlock::of(header), portable.slot, portable.entries.clone());
        Ok(VerifiedSlot { at, slot, entries })
    }

    /// Checks how a transaction ended in every group it touches. Its coordinator's receipt says how, and where in the channel to
    /// each other group the decision stands; each group's own sealed state says that it has consumed it, and consuming a
    /// decision is obeying it.
    ///
    /// # Errors
    /// If the receipt is not proved, the transaction shown is another or nobody's, the parts are of other groups than the
    /// receipt names, or one of them had not heard the decision.
    pub fn verify_outcome(&self, portable: &PortableOutcome) -> Result<VerifiedOutcome, LightError> {
        let PortableOutcome { transaction, receipt: proved, parts } = portable;
        self.verify_receipt(proved)?;
        let (header, receipt) = (&proved.header.header, &proved.receipt);
        if let Some(signed) = transaction {
            self.verify_transaction(signed, receipt.id)?;
        }
        let shown = parts.iter().map(|part| part.header.header.group);
        if !shown.eq(receipt.told.iter().map(|told| told.group)) {
            return Err(LightError::WrongParts(receipt.id));
        }
        for (part, told) in parts.iter().zip(&receipt.told) {
            self.verify_part(part, header.group, told.place)?;
        }
        Ok(VerifiedOutcome {
            at: VerifiedBlock::of(header),
            receipt: receipt.clone(),
            transaction: transaction.clone(),
            parts: parts.iter().map(|part| VerifiedBlock::of(&part.header.header)).collect(),
        })
    }

    fn verify_transaction(&self, signed: &SignedTransaction, proved: TxId) -> Result<(), LightError> {
        let shown = signed.id();
        if shown != proved {
            return Err(LightError::AnotherTransaction { shown, proved });
        }
        let (expected, found) = (self.chain(), signed.transaction.chain);
        if expected != found {
            return Err(LightError::WrongChain { expected, found });
        }
        if signed.verify(Scheme::Ed25519) { Ok(()) } else { Err(LightError::NotSigned(shown)) }
    }

    /// Whether a group has consumed what stands at a place of the channel from the coordinator.
    fn verify_part(&self, part: &PortablePart, coordinator: GroupId, place: u64) -> Result<(), LightError> {
        self.verify_header(&part.header)?;
        let (header, root) = (&part.header.header, &part.header.seal.outcome.state_root);
        let key: Key = Record::Incoming(coordinator).key();
        if !part.proof.verify(root, &key, Some(part.cursor.hash())) {
            return Err(LightError::WrongPath(key));
        }
        match reading::consumed(&part.cursor) {
            Some(consumed) if consumed > place => Ok(()),
            _ => Err(LightError::NotHeard { group: header.group, height: header.height }),
        }
    }
}

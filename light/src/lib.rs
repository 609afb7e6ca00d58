//! Verifies blocks, seals, receipts and state proofs from genesis alone, and trusts no node. Pure.
//!
//! What it rests on: the genesis, which the user brings, and the keys it names. From genesis alone nobody can tell when
//! a signature was made, so everything here holds as long as **no quorum of the keys named there ever leaked**, long
//! after their validators have left too. In a group whose engine withstands crashes only (Raft), members are trusted
//! not to lie, and one quorum of liars can seal anything.
//!
//! What it does not say: that a result is the newest. Each verified result names its height and block time.

use std::collections::BTreeMap;
use witan_ledger::{PortableReceipt, SlotState};
use witan_types::{
    BlockId, CertificateError, ChainId, Committee, Epoch, Genesis, GenesisError, GroupId, Height, Key, Seal,
    SealedBlock, SealedHeader, TxId,
};

/// What a proved key holds.
pub use witan_ledger::{Entry, PortableStateProof, Value};

/// The epoch whose committees genesis names.
const FIRST_EPOCH: Epoch = Epoch(1);

/// Why something is not proved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LightError {
    /// The genesis contradicts itself.
    #[error("the genesis is refused: {0}")]
    Genesis(#[from] GenesisError),
    /// About another network.
    #[error("it is about chain {found}, and this genesis starts chain {expected}")]
    WrongChain {
        /// The chain of the genesis.
        expected: ChainId,
        /// The chain it names.
        found: ChainId,
    },
    /// A group that genesis does not name.
    #[error("genesis names no group {0}")]
    UnknownGroup(GroupId),
    /// An epoch whose committee does not follow from genesis.
    #[error("epoch {0}: genesis names the validators of epoch {FIRST_EPOCH} only")]
    UnknownEpoch(Epoch),
    /// No quorum signed.
    #[error("the seal proves nothing: {0}")]
    Seal(#[from] CertificateError),
    /// Seal and header are about different blocks.
    #[error("the seal is about another block than the header")]
    SealOfAnotherBlock,
    /// The payload is not the one that the header commits to.
    #[error("the payload is not the one the header names")]
    PayloadOfAnotherBlock,
    /// The root group has no keys of users.
    #[error("the root group holds no keys of users")]
    RootGroup,
    /// The group does not own the key's slot, so it can prove nothing there.
    #[error("group {0} does not own the slot of key {1:?}")]
    SlotNotOwned(GroupId, Key),
    /// The key's slot is on its way to another group.
    #[error("the slot of key {1:?} is frozen in group {0}: it moves to another group")]
    SlotFrozen(GroupId, Key),
    /// The path does not lead from this key and entry to the sealed state root.
    #[error("the proof does not lead from key {0:?} to the sealed state root")]
    WrongPath(Key),
    /// The path does not lead from this receipt to the sealed receipts root.
    #[error("the proof does not lead from the receipt of transaction {0} to the sealed receipts root")]
    WrongReceipt(TxId),
}

/// A proved fact: at this height of this group the key held this entry, or nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedEntry {
    /// The group that owns the key.
    pub group: GroupId,
    /// The height after which it held.
    pub height: Height,
    /// The block at that height.
    pub block_id: BlockId,
    /// The block's time, Unix milliseconds.
    pub time_ms: u64,
    /// Which key.
    pub key: Key,
    /// What it held; `None` is proved absence.
    pub entry: Option<Entry>,
}

/// Judges what nodes say by a genesis.
#[derive(Clone, Debug)]
pub struct Verifier {
    chain: ChainId,
    committees: BTreeMap<GroupId, Committee>,
}

impl Verifier {
    /// A verifier for the network that `genesis` starts.
    ///
    /// # Errors
    /// If the genesis breaks a rule.
    pub fn new(genesis: &Genesis) -> Result<Verifier, LightError> {
        genesis.check()?;
        let committee = |id: GroupId| genesis.committee(id).map(|committee| (id, committee));
        let committees = genesis.groups.iter().filter_map(|group| committee(group.id)).collect();
        Ok(Verifier { chain: genesis.chain(), committees })
    }

    /// The network it judges for.
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// Checks that a quorum of the group's validators signed the result.
    ///
    /// # Errors
    /// If it is about another chain or an unknown group or epoch, or is not signed by a quorum.
    pub fn verify_seal(&self, seal: &Seal) -> Result<(), LightError> {
        let outcome = &seal.outcome;
        if outcome.chain != self.chain {
            return Err(LightError::WrongChain { expected: self.chain, found: outcome.chain });
        }
        let committee = self.committees.get(&outcome.group).ok_or(LightError::UnknownGroup(outcome.group))?;
        if outcome.epoch != FIRST_EPOCH {
            return Err(LightError::UnknownEpoch(outcome.epoch));
        }
        Ok(seal.verify(committee)?)
    }

    /// Checks a header: it is final, and the seal says what its execution led to.
    ///
    /// # Errors
    /// If the seal is about another block or does not count.
    pub fn verify_header(&self, sealed: &SealedHeader) -> Result<(), LightError> {
        if !sealed.is_consistent() {
            return Err(LightError::SealOfAnotherBlock);
        }
        self.verify_seal(&sealed.seal)
    }

    /// Checks a whole block: its header is final and its payload is the one that was agreed on.
    ///
    /// # Errors
    /// If the header is not proved or the payload is another's.
    pub fn verify_block(&self, sealed: &SealedBlock) -> Result<(), LightError> {
        self.verify_header(&SealedHeader { header: sealed.block.header.clone(), seal: sealed.seal.clone() })?;
        if sealed.block.is_consistent() { Ok(()) } else { Err(LightError::PayloadOfAnotherBlock) }
    }

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
            height: header.height,
            block_id: header.id(),
            time_ms: header.time_ms,
            key: key.clone(),
            entry: entry.clone(),
        })
    }
}

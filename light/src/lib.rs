//! Verifies blocks, seals, epochs, state and the outcome of transactions, and trusts no node. Pure.
//!
//! What it rests on is what the user brings, one of two:
//!
//! - **genesis** ([`Verifier::new`]), and the keys it names. From genesis alone nobody can tell when a signature was made, so
//!   everything here holds as long as **no quorum of the keys of any epoch so far ever leaked**, long after their validators
//!   have left too: old keys could end an old epoch in another way.
//! - a **checkpoint** ([`Verifier::from_checkpoint`]): an epoch of the root group, named by somebody whom the user believes. Keys
//!   of the root group's earlier epochs, those of genesis included, count for nothing then. Whoever names a false one can have anything believed.
//!
//! From there, the last block of each epoch of the root group names the record of the next in its seal
//! ([`Verifier::learn_root_epoch`]), and a sealed state of the root group holds the records of all groups
//! ([`Verifier::learn_epoch`]): who seals in which epoch is never taken from a node.
//!
//! In a group whose engine withstands crashes only (Raft), members are trusted not to lie, and one quorum of liars can seal
//! anything. A statement about several groups is as strong as the weakest of them.
//!
//! What it does not say: that a result is the newest. Each verified result names its height and block time.

mod epochs;
mod error;
mod proofs;

pub use epochs::{Checkpoint, MAX_EPOCHS, VerifiedEpoch};
pub use error::{Bound, LightError};
pub use proofs::{VerifiedOutcome, VerifiedSlot};

use epochs::Eras;
use witan_types::{
    BlockId, ChainId, Epoch, Genesis, GroupId, Header, Height, Key, Seal, SealedBlock, SealedHeader,
};

/// What a proved key holds.
pub use witan_ledger::{Entry, PortableStateProof, Value};

/// A block whose outcome a quorum of its group signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerifiedBlock {
    /// The group.
    pub group: GroupId,
    /// Its epoch.
    pub epoch: Epoch,
    /// The block's height.
    pub height: Height,
    /// The block.
    pub block_id: BlockId,
    /// Its time, Unix milliseconds.
    pub time_ms: u64,
}

impl VerifiedBlock {
    fn of(header: &Header) -> VerifiedBlock {
        let Header { group, epoch, height, time_ms, .. } = *header;
        VerifiedBlock { group, epoch, height, block_id: header.id(), time_ms }
    }
}

/// A proved fact: at this height of this group the key held this entry, or nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedEntry {
    /// The group that owns the key.
    pub group: GroupId,
    /// Its epoch then.
    pub epoch: Epoch,
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

/// Judges what nodes say by a genesis or a checkpoint, and by the epochs that were proved to it since.
#[derive(Clone, Debug)]
pub struct Verifier {
    chain: ChainId,
    eras: Eras,
}

impl Verifier {
    /// A verifier for the network that `genesis` starts: it knows the first epoch of every group.
    ///
    /// # Errors
    /// If the genesis breaks a rule.
    pub fn new(genesis: &Genesis) -> Result<Verifier, LightError> {
        genesis.check()?;
        Ok(Verifier { chain: genesis.chain(), eras: Eras::of_genesis(genesis)? })
    }

    /// The network it judges for.
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// Checks that a quorum of the validators of the seal's group and epoch signed the result, and that the block may be one
    /// of that epoch as far as its bounds are known.
    ///
    /// # Errors
    /// If it is about another chain or an unknown group or epoch, or is not signed by a quorum.
    pub fn verify_seal(&self, seal: &Seal) -> Result<(), LightError> {
        let (expected, found) = (self.chain, seal.outcome.chain);
        if found != expected {
            return Err(LightError::WrongChain { expected, found });
        }
        self.eras.verify(seal)
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
        if sealed.block.is_whole() { Ok(()) } else { Err(LightError::PayloadOfAnotherBlock) }
    }
}

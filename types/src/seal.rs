//! Seals: what came out of executing a decided block, signed by a quorum.
//!
//! A seal has one form under every engine. Whatever needs trust (sync, light clients, messages between groups)
//! checks seals and nothing else.

use crate::block::{Block, Header};
use crate::codec::Wire;
use crate::committee::{CertificateError, Committee, QuorumSignatures};
use crate::crypto::{Domain, Role, SecretKey, Signature};
use crate::hash::Hash;
use crate::ids::{BlockId, ChainId, Epoch, GroupId, Height, ValidatorIndex};
use borsh::{BorshDeserialize, BorshSerialize};

/// The result of executing one block: the statement a validator signs.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Outcome {
    /// The network.
    pub chain: ChainId,
    /// The group.
    pub group: GroupId,
    /// The epoch.
    pub epoch: Epoch,
    /// The block's height.
    pub height: Height,
    /// The block.
    pub block_id: BlockId,
    /// Root of the state after the block.
    pub state_root: Hash,
    /// Merkle list root of the block's receipts.
    pub receipts_root: Hash,
    /// Merkle list root of the block's outbox.
    pub outbox_root: Hash,
    /// Hash of the next epoch's record if this block ends the epoch.
    pub next_epoch: Option<Hash>,
}

impl Outcome {
    /// The bytes that a validator signs.
    pub fn signing_bytes(&self) -> Vec<u8> {
        let domain = Domain { chain: self.chain, group: self.group, epoch: self.epoch, role: Role::Seal };
        domain.signing_bytes(self)
    }
}

impl Wire for Outcome {
    const MAX_BYTES: usize = 320;
}

/// One validator's signature on a result.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SealShare {
    /// What came out.
    pub outcome: Outcome,
    /// Who says so.
    pub validator: ValidatorIndex,
    /// Its signature.
    pub signature: Signature,
}

impl SealShare {
    /// Signs a result.
    pub fn sign(outcome: Outcome, validator: ValidatorIndex, key: &SecretKey) -> SealShare {
        let signature = key.sign_bytes(&outcome.signing_bytes());
        SealShare { outcome, validator, signature }
    }

    /// Whether the named member signed it.
    pub fn verify(&self, committee: &Committee) -> bool {
        committee
            .key(self.validator)
            .is_some_and(|key| committee.scheme().verify(key, &self.outcome.signing_bytes(), &self.signature))
    }
}

impl Wire for SealShare {
    const MAX_BYTES: usize = 400;
}

/// A quorum's signatures on a result: proof that the block is final and what came out of it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Seal {
    /// What came out.
    pub outcome: Outcome,
    /// Who signed it.
    pub signatures: QuorumSignatures,
}

impl Seal {
    /// Checks that a quorum of `committee` signed. That it is the committee of the seal's chain, group and epoch is
    /// for the caller to know.
    ///
    /// # Errors
    /// If the signatures are not a quorum's.
    pub fn verify(&self, committee: &Committee) -> Result<(), CertificateError> {
        let message = self.outcome.signing_bytes();
        self.signatures.verify(committee, |_| message.clone())
    }
}

impl Wire for Seal {
    const MAX_BYTES: usize = Outcome::MAX_BYTES + 32 + 64 * crate::committee::MAX_VALIDATORS;
}

/// A header with the seal of its block.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SealedHeader {
    /// The header.
    pub header: Header,
    /// Its seal.
    pub seal: Seal,
}

impl SealedHeader {
    /// Whether the seal is about this header.
    pub fn is_consistent(&self) -> bool {
        let (header, outcome) = (&self.header, &self.seal.outcome);
        outcome.block_id == header.id()
            && outcome.chain == header.chain
            && outcome.group == header.group
            && outcome.epoch == header.epoch
            && outcome.height == header.height
    }
}

impl Wire for SealedHeader {
    const MAX_BYTES: usize = Header::MAX_BYTES + Seal::MAX_BYTES;
}

/// A whole block with its seal: what a node that catches up fetches.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SealedBlock {
    /// The block.
    pub block: Block,
    /// Its seal.
    pub seal: Seal,
}

impl Wire for SealedBlock {
    const MAX_BYTES: usize = Block::MAX_BYTES + Seal::MAX_BYTES;
}

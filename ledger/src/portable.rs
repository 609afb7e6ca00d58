//! Proofs that stand alone: what a node hands out, and what is judged from genesis without any node.

use crate::tree::StateProof;
use crate::value::{Entry, Receipt};
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::merkle_list::ListProof;
use witan_types::transaction::MAX_KEY_BYTES;
use witan_types::{Key, SealedHeader, Wire};

/// What the state of a group holds at one key, with all that is needed to prove it: the format of `witan verify`.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct PortableStateProof {
    /// The block whose execution led to the state.
    pub header: SealedHeader,
    /// Which key.
    pub key: Key,
    /// What it holds, or `None` if nothing.
    pub entry: Option<Entry>,
    /// The way from there to the state root in the seal.
    pub proof: StateProof,
}

impl Wire for PortableStateProof {
    const MAX_BYTES: usize =
        SealedHeader::MAX_BYTES + (4 + MAX_KEY_BYTES) + (1 + Entry::MAX_BYTES) + StateProof::MAX_BYTES;
}

/// How a transaction ended, with all that is needed to prove it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct PortableReceipt {
    /// The block that it ended in.
    pub header: SealedHeader,
    /// Its receipt.
    pub receipt: Receipt,
    /// The way from there to the receipts root in the seal.
    pub proof: ListProof,
}

impl Wire for PortableReceipt {
    const MAX_BYTES: usize = SealedHeader::MAX_BYTES + Receipt::MAX_BYTES + ListProof::MAX_BYTES;
}

//! Blocks: a header that names its parent and the hash of its payload.

use crate::batch::{Batch, HeldBatch};
use crate::codec::{Wire, bounded, encode};
use crate::envelope::Envelope;
use crate::hash::{Hash, sha256};
use crate::identified::IdentifiedTransaction;
use crate::ids::{BlockId, ChainId, Epoch, GroupId, Height, ValidatorIndex};
use crate::merkle_list;
use borsh::{BorshDeserialize, BorshSerialize};

/// The most bytes a payload may take.
pub const MAX_PAYLOAD_BYTES: usize = 2 * 1024 * 1024;
/// The most batches one payload may hold.
pub const MAX_BATCHES: usize = 256;
/// The most envelopes one payload may hold.
pub const MAX_ENVELOPES: usize = 1024;

/// The part of a block that is hashed, chained and agreed on.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// The network.
    pub chain: ChainId,
    /// The group whose chain this is.
    pub group: GroupId,
    /// The group's epoch.
    pub epoch: Epoch,
    /// One above the parent's.
    pub height: Height,
    /// Fixed at first proposal and never changed: HotStuff's round, Raft's term, 0 under PBFT.
    pub tag: u64,
    /// The block before.
    pub parent: BlockId,
    /// Who made it.
    pub proposer: ValidatorIndex,
    /// Unix milliseconds, above the parent's.
    pub time_ms: u64,
    /// [`Payload::root`] of what it carries.
    pub payload_root: Hash,
}

impl Header {
    /// The block's id: the hash of this header.
    pub fn id(&self) -> BlockId {
        BlockId(sha256(&[b"witan block", &encode(self)]))
    }
}

impl Wire for Header {
    const MAX_BYTES: usize = 256;
}

/// What a block carries.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Payload {
    /// Transactions, in order.
    #[borsh(deserialize_with = "bounded::<MAX_BATCHES, _, _>")]
    pub batches: Vec<Batch>,
    /// What other groups say, in order, executed before the transactions.
    #[borsh(deserialize_with = "bounded::<MAX_ENVELOPES, _, _>")]
    pub envelopes: Vec<Envelope>,
}

impl Payload {
    /// The hash a header commits to: over both lists, each a Merkle list.
    pub fn root(&self) -> Hash {
        let batches: Vec<Hash> = self.batches.iter().map(Batch::digest).collect();
        let envelopes: Vec<Hash> =
            self.envelopes.iter().map(|envelope| sha256(&[b"witan envelope", &encode(envelope)])).collect();
        let (batches, envelopes) = (merkle_list::root(&batches), merkle_list::root(&envelopes));
        sha256(&[b"witan payload", batches.as_bytes(), envelopes.as_bytes()])
    }

    /// All transactions, in order of execution; none of batches that are only named.
    pub fn transactions(&self) -> impl Iterator<Item = &IdentifiedTransaction> {
        self.batches.iter().flat_map(Batch::transactions)
    }

    /// The batches that are only named, in order.
    pub fn named(&self) -> impl Iterator<Item = &HeldBatch> {
        self.batches.iter().filter_map(Batch::named)
    }

    /// Whether all that it carries is in it.
    pub fn is_whole(&self) -> bool {
        self.named().next().is_none()
    }

    /// Whether it carries nothing.
    pub fn is_empty(&self) -> bool {
        let is_empty = |batch: &Batch| batch.named().is_none() && batch.transactions().is_empty();
        self.batches.iter().all(is_empty) && self.envelopes.is_empty()
    }
}

impl Wire for Payload {
    const MAX_BYTES: usize = MAX_PAYLOAD_BYTES;
}

/// A header with its payload. Decoding does not prove that they belong together: [`Block::is_consistent`] does.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// What is agreed on.
    pub header: Header,
    /// What it commits to.
    pub payload: Payload,
}

impl Block {
    /// The block's id.
    pub fn id(&self) -> BlockId {
        self.header.id()
    }

    /// Whether the payload is the one the header commits to, some of its batches perhaps by name alone.
    pub fn is_consistent(&self) -> bool {
        self.payload.root() == self.header.payload_root
    }

    /// Whether it is all there, and what the header commits to.
    pub fn is_whole(&self) -> bool {
        self.payload.is_whole() && self.is_consistent()
    }
}

impl Wire for Block {
    const MAX_BYTES: usize = MAX_PAYLOAD_BYTES + Header::MAX_BYTES;
}

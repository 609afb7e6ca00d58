//! What replicas of a group tell each other.

use borsh::{BorshDeserialize, BorshSerialize};
use std::sync::Arc;
use witan_types::codec::{bounded, bounded_bytes, encode};
use witan_types::{
    BatchName, Envelope, Hash, Height, HeldBatch, IdentifiedTransaction, Seal, SealShare, SealedBlock,
    SealedHeader, Signature, ValidatorIndex, Wire,
};

/// The most bytes one message may take.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024 - 64;
/// The most transactions one message may carry.
pub const MAX_RELAYED: usize = 4096;
/// The most batches that are asked for at once.
pub const MAX_BATCHES_ASKED: usize = 64;
/// The most seal shares or seals one message may carry.
pub const MAX_SHARES: usize = 64;
/// The most blocks one answer may carry.
pub const MAX_BLOCKS: usize = 128;
/// An answer with blocks stops growing past this many bytes.
pub const BLOCKS_BYTES: usize = 2 * 1024 * 1024;

/// How a node stands; what peers need to notice that they are behind, and to agree on the time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Heartbeat {
    /// The sender's wall clock, Unix milliseconds.
    pub wall_ms: u64,
    /// Its newest executed height.
    pub executed: Height,
    /// Its newest sealed height.
    pub sealed: Height,
    /// Whether it votes: a validator that lost what it had signed follows without a vote.
    pub votes: bool,
}

/// A message between replicas of one group.
#[expect(
    clippy::large_enum_variant,
    reason = "messages are made and consumed one by one, never stored in numbers"
)]
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// The engine's, in its wire form.
    Engine(#[borsh(deserialize_with = "bounded_bytes::<MAX_MESSAGE_BYTES, _>")] Vec<u8>),
    /// Transactions to put into the mempool.
    Transactions(#[borsh(deserialize_with = "bounded::<MAX_RELAYED, _, _>")] Vec<IdentifiedTransaction>),
    /// The answer to a request that asks for nothing else: it arrived. Transactions handed over may still not have
    /// found room; whoever took them in from a client hands them on again until they are final or expired.
    Accepted,
    /// Seal shares.
    Shares {
        /// Whether they were sent before: whoever holds the seal answers with it.
        again: bool,
        /// The shares.
        #[borsh(deserialize_with = "bounded::<MAX_SHARES, _, _>")]
        shares: Vec<SealShare>,
    },
    /// Seals for someone who still collects shares.
    Seals(#[borsh(deserialize_with = "bounded::<MAX_SHARES, _, _>")] Vec<Seal>),
    /// How the sender stands. As a request it asks for the same.
    Heartbeat(Heartbeat),
    /// Asks for sealed blocks from this height on.
    BlocksRequest {
        /// The first height wanted.
        from: Height,
    },
    /// Sealed blocks, ascending without gaps; none if the sender has none.
    Blocks(#[borsh(deserialize_with = "bounded::<MAX_BLOCKS, _, _>")] Vec<SealedBlock>),
    /// A sealed header, gossiped to nodes outside the group.
    SealedHeader(SealedHeader),
    /// What another group says to this one, from a member of it to a member of this one that does not run it.
    Envelope(Arc<Envelope>),
    /// A batch that the sender made, to be held and acknowledged.
    Batch(#[borsh(deserialize_with = "bounded::<MAX_RELAYED, _, _>")] Vec<IdentifiedTransaction>),
    /// The sender holds a batch, to who made it.
    BatchHeld {
        /// Which one.
        name: BatchName,
        /// Who holds it.
        by: ValidatorIndex,
        /// Its signature on the name.
        signature: Signature,
    },
    /// A quorum holds a batch: blocks may name it.
    BatchReady(HeldBatch),
    /// Asks for batches by their digests.
    BatchesRequest(#[borsh(deserialize_with = "bounded::<MAX_BATCHES_ASKED, _, _>")] Vec<Hash>),
    /// Batches, as far as the sender has them.
    Batches(#[borsh(deserialize_with = "bounded::<MAX_BATCHES_ASKED, _, _>")] Vec<BatchContents>),
}

/// What is in a batch.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct BatchContents(
    #[borsh(deserialize_with = "bounded::<MAX_RELAYED, _, _>")] pub Vec<IdentifiedTransaction>,
);

/// The first bytes of the encodings of [`Message::Transactions`] and [`Message::Batch`].
const TRANSACTIONS: [u8; 2] = [1, 10];

impl Message {
    /// Whether these bytes, if they encode a message at all, are one of those that bring clients' transactions: they cost more
    /// than others to judge, and nothing waits for any single one.
    pub fn brings_transactions(bytes: &[u8]) -> bool {
        bytes.first().is_some_and(|first| TRANSACTIONS.contains(first))
    }

    /// The encoding, shared by all its recipients.
    pub fn bytes(&self) -> Arc<[u8]> {
        encode(self).into()
    }
}

impl Wire for Message {
    const MAX_BYTES: usize = MAX_MESSAGE_BYTES;
}

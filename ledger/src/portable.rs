//! Proofs that stand alone: what a node hands out, and what is judged from genesis without any node.

use crate::configuration::EpochRecord;
use crate::tree::{SlotProof, StateProof};
use crate::value::{Entry, Receipt};
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::codec::bounded;
use witan_types::genesis::MAX_GROUPS;
use witan_types::merkle_list::ListProof;
use witan_types::transaction::MAX_KEY_BYTES;
use witan_types::{Hash, Key, SealedHeader, SignedTransaction, Wire};

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

/// The most keys of a slot that can be proved as a whole.
pub const MAX_SLOT_ENTRIES: usize = 4_096;
/// The most bytes that the entries of such a proof may take: an answer that holds them twice as hex, once in the proof and once for
/// people, stays far below the 10 MiB that a response may have by default.
pub const MAX_SLOT_BYTES: usize = 1024 * 1024;

/// One key of a slot with what it holds.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SlotEntry {
    /// Which key.
    pub key: Key,
    /// What it holds.
    pub entry: Entry,
}

/// All that the state of a group holds in one slot, with all that is needed to prove it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct PortableSlotProof {
    /// The block whose execution led to the state.
    pub header: SealedHeader,
    /// Which slot.
    pub slot: u16,
    /// Every key in it, ascending.
    #[borsh(deserialize_with = "bounded::<MAX_SLOT_ENTRIES, _, _>")]
    pub entries: Vec<SlotEntry>,
    /// The way from the slot to the state root in the seal.
    pub proof: SlotProof,
}

impl PortableSlotProof {
    /// The state root that follows from the entries; none if they are no slot's.
    pub fn root(&self) -> Option<Hash> {
        let entries = self.entries.iter().map(|SlotEntry { key, entry }| (key, entry.hash()));
        self.proof.root(self.slot, entries)
    }
}

impl Wire for PortableSlotProof {
    const MAX_BYTES: usize = SealedHeader::MAX_BYTES + 2 + 4 + MAX_SLOT_BYTES + SlotProof::MAX_BYTES;
}

/// What a group that took part in a transaction did about it: its cursor in the channel from the coordinator, which has
/// passed the decision or not.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct PortablePart {
    /// A block of the group.
    pub header: SealedHeader,
    /// What stands there under [`Record::Incoming`](crate::records::Record::Incoming) of the coordinator.
    pub cursor: Entry,
    /// The way from there to the state root in the seal.
    pub proof: StateProof,
}

impl Wire for PortablePart {
    const MAX_BYTES: usize = SealedHeader::MAX_BYTES + 64 + StateProof::MAX_BYTES;
}

/// How a transaction ended in all groups it touches, with all that is needed to prove it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct PortableOutcome {
    /// The transaction: its id is the receipt's. None if whoever made the proof no longer finds its bytes, and then what it
    /// was to do is not told.
    pub transaction: Option<SignedTransaction>,
    /// Its receipt in the group that coordinated it, or that alone executed it.
    pub receipt: PortableReceipt,
    /// What the other groups did, in the order in which the receipt names them.
    #[borsh(deserialize_with = "bounded::<MAX_GROUPS, _, _>")]
    pub parts: Vec<PortablePart>,
}

impl Wire for PortableOutcome {
    const MAX_BYTES: usize = (1 + SignedTransaction::MAX_BYTES)
        + PortableReceipt::MAX_BYTES
        + (4 + MAX_GROUPS * PortablePart::MAX_BYTES);
}

/// The most epochs that one chain of links leads over; who has more to go takes several chains.
pub const MAX_LINKS: usize = 128;

/// From one epoch of the root group to the next.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct EpochLink {
    /// The last block of the one, whose seal names the hash of the other's record.
    pub closing: SealedHeader,
    /// The other's record.
    pub record: EpochRecord,
}

impl Wire for EpochLink {
    const MAX_BYTES: usize = SealedHeader::MAX_BYTES + EpochRecord::MAX_BYTES;
}

/// Who runs a group in an epoch, with all that is needed to prove it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct PortableEpoch {
    /// From the first epoch of the root group, or from one that the reader knows, to that of the block below, ascending.
    #[borsh(deserialize_with = "bounded::<MAX_LINKS, _, _>")]
    pub links: Vec<EpochLink>,
    /// The epoch's record in the state of the root group.
    pub record: PortableStateProof,
}

impl Wire for PortableEpoch {
    const MAX_BYTES: usize = (4 + MAX_LINKS * EpochLink::MAX_BYTES) + PortableStateProof::MAX_BYTES;
}

//! The ledger: what blocks do to state. Values and versions, the store it reads, the Merkle tree and its proofs,
//! execution with its receipts, channels between groups, two-phase commit and its locks, and the mempool. Pure: the store is an argument.

mod channels;
pub mod clock;
pub mod configuration;
mod dealings;
pub mod error;
pub mod execute;
#[cfg(test)]
mod fixtures;
pub mod ledger;
pub mod locks;
pub mod memory_store;
pub mod mempool;
pub mod portable;
pub mod records;
pub mod slots;
pub mod store;
pub mod tree;
pub mod two_phase;
pub mod value;

pub use clock::{TimeVerdict, judge_time, median, propose_time};
pub use configuration::{EpochRecord, Member, UnsoundEpoch, ValidatorRecord};
pub use error::LedgerError;
pub use execute::{Execution, StateView, Stopped};
pub use ledger::{
    Executed, Ledger, MAX_BLOCK_MESSAGES, MAX_ENVELOPES_BYTES, PROOF_WINDOW, ProofWindow, StateTrees,
    Validity,
};
pub use memory_store::MemoryStore;
pub use mempool::{Limits, Mempool, Refusal};
pub use portable::{
    EpochLink, MAX_LINKS, MAX_SLOT_BYTES, MAX_SLOT_ENTRIES, PortableEpoch, PortableOutcome, PortablePart,
    PortableReceipt, PortableSlotProof, PortableStateProof, SlotEntry,
};
pub use slots::{SLOTS, SlotMap, first_owner, first_slots, slot_of};
pub use store::{BlockCommit, Store};
pub use tree::{SlotMarker, SlotProof, SlotState, StateProof, Tree};
pub use value::{
    AbortReason, Entry, FailureReason, Parties, Read, Receipt, Told, TransactionOutcome, Value, Version,
};

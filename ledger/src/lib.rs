//! The ledger: what blocks do to state. Values and versions, the store it reads, the Merkle tree and its proofs,
//! execution with its receipts, the locks of two-phase commit, and the mempool. Pure: the store is an argument.

pub mod clock;
pub mod error;
pub mod execute;
#[cfg(test)]
mod fixtures;
pub mod ledger;
pub mod locks;
pub mod memory_store;
pub mod mempool;
pub mod portable;
pub mod slots;
pub mod store;
pub mod tree;
pub mod value;

pub use clock::{TimeVerdict, judge_time, median, propose_time};
pub use error::LedgerError;
pub use execute::{Execution, StateView, execute_block};
pub use ledger::{Executed, Ledger, PROOF_WINDOW, ProofWindow, Validity};
pub use memory_store::MemoryStore;
pub use mempool::{Limits, Mempool, Pooled, Refusal};
pub use portable::PortableStateProof;
pub use slots::{SLOTS, first_owner, first_slots, slot_of};
pub use store::{BlockCommit, Store};
pub use tree::{SlotMarker, SlotState, StateProof, Tree};
pub use value::{Entry, FailureReason, Read, Receipt, TransactionOutcome, Value, Version};

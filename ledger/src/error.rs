//! Why a stored ledger can't be opened.

use witan_types::{ChainId, GroupId, Hash, Height, Key};

/// Why a ledger can't be opened. Each is a fault of this node's disk or set-up: the node stops and says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The stored state is not the one that was signed for the stored block.
    #[error(
        "the stored state at height {height} has the root {found}, but its block's outcome says {expected}"
    )]
    Corrupt {
        /// Height of the newest stored block.
        height: Height,
        /// The root in the stored outcome.
        expected: Hash,
        /// The root of the stored entries.
        found: Hash,
    },
    /// A block that must be stored is not.
    #[error("the store lacks the {what} at height {height}, below its tip at {tip}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// Where.
        height: Height,
        /// Height of the newest stored block.
        tip: Height,
    },
    /// A record of dealings with other groups that can't be read.
    #[error("the record under the reserved key {key:?} can't be read: {why}")]
    Record {
        /// Which.
        key: Key,
        /// What is wrong with it.
        why: String,
    },
    /// The stored ledger belongs to another network or group.
    #[error("the store holds chain {chain}, group {group}, which is not what this node runs")]
    OtherChain {
        /// The stored chain.
        chain: ChainId,
        /// The stored group.
        group: GroupId,
    },
    /// The genesis has no such group.
    #[error("genesis has no group {0}")]
    UnknownGroup(GroupId),
}

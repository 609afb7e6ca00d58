//! Why something is not proved.

use witan_ledger::UnsoundEpoch;
use witan_types::{CertificateError, ChainId, Epoch, GenesisError, GroupId, Hash, Height, Key, TxId};

/// Why something is not proved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LightError {
    /// The genesis contradicts itself.
    #[error("the genesis is refused: {0}")]
    Genesis(#[from] GenesisError),
    /// About another network.
    #[error("it is about chain {found}, and what is trusted here is of chain {expected}")]
    WrongChain {
        /// The chain of the genesis or checkpoint.
        expected: ChainId,
        /// The chain it names.
        found: ChainId,
    },
    /// A group of which no epoch is known.
    #[error(
        "no validators of group {0} are known: genesis does not name it, or, from a checkpoint, the record of its epoch \
         has to be proved first"
    )]
    UnknownGroup(GroupId),
    /// An epoch whose committee is not known.
    #[error(
        "the validators of epoch {1} of group {0} are not known: the record of that epoch has to be proved first"
    )]
    UnknownEpoch(GroupId, Epoch),
    /// A block outside the epoch whose validators sealed it.
    #[error("block {height} of group {group} is sealed by epoch {epoch}, which {bound}")]
    OutsideEpoch {
        /// The group.
        group: GroupId,
        /// The epoch it names.
        epoch: Epoch,
        /// Its height.
        height: Height,
        /// What is known of the epoch that it breaks.
        bound: Bound,
    },
    /// A chain of epochs with one missing.
    #[error("epoch {found} of the root group does not follow: the newest one known is {known}")]
    EpochSkipped {
        /// The newest one known.
        known: Epoch,
        /// The one that was to be learned.
        found: Epoch,
    },
    /// An epoch whose keys count for nothing.
    #[error("epoch {0} of the root group is older than the one that is trusted here from the start")]
    BeforeTheStart(Epoch),
    /// A block that is said to end an epoch, and whose seal does not.
    #[error("block {0} of the root group does not end its epoch: its seal names no next one")]
    NotTheEnd(Height),
    /// A record that is not the one the epoch before names.
    #[error("the seal that ends the epoch before names the record {named}, and this one is {found}")]
    ForgedEpoch {
        /// Named in the seal.
        named: Hash,
        /// The hash of the record that is given.
        found: Hash,
    },
    /// A record of a known epoch that says something else.
    #[error("another record of epoch {1} of group {0} is known")]
    ConflictingEpoch(GroupId, Epoch),
    /// A record that makes no committee.
    #[error("the record of epoch {1} of group {0} is refused: {2}")]
    UnsoundEpoch(GroupId, Epoch, UnsoundEpoch),
    /// Not about an epoch of the root group.
    #[error("it is about group {0}: only epochs of the root group follow from each other")]
    NotTheRoot(GroupId),
    /// A record that the checkpoint does not name.
    #[error(
        "the record of epoch {epoch} of group {group} with the hash {found} is not the one that the checkpoint names"
    )]
    NotTheCheckpoint {
        /// Its group.
        group: GroupId,
        /// Its epoch.
        epoch: Epoch,
        /// Its hash.
        found: Hash,
    },
    /// No record of an epoch.
    #[error("what is proved is no record of an epoch")]
    NotAnEpoch,
    /// The root group's state holds no such epoch.
    #[error("there is no epoch {1} of group {0} after block {2} of the root group")]
    NoSuchEpoch(GroupId, Epoch, Height),
    /// As many epochs are known as may be.
    #[error("{} epochs are known, and no more are taken in", crate::MAX_EPOCHS)]
    TooManyEpochs,
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
    /// The slot is on its way to another group.
    #[error("slot {1} is frozen in group {0}: it moves to another group")]
    WholeSlotFrozen(GroupId, u16),
    /// The path does not lead from this key and entry to the sealed state root.
    #[error("the proof does not lead from key {0:?} to the sealed state root")]
    WrongPath(Key),
    /// The entries are not all that the slot holds.
    #[error(
        "the entries shown of slot {0} do not lead to the sealed state root: one is missing, added or another"
    )]
    WrongSlot(u16),
    /// The path does not lead from this receipt to the sealed receipts root.
    #[error("the proof does not lead from the receipt of transaction {0} to the sealed receipts root")]
    WrongReceipt(TxId),
    /// The transaction shown is another one than the receipt's.
    #[error("the transaction shown is {shown}, and the receipt is of {proved}")]
    AnotherTransaction {
        /// The transaction's id.
        shown: TxId,
        /// The receipt's.
        proved: TxId,
    },
    /// The transaction shown is not its signer's.
    #[error("transaction {0} does not carry its signer's signature")]
    NotSigned(TxId),
    /// Parts of other groups than those that took part, or of too few.
    #[error("the receipt of transaction {0} names other groups than those whose parts are shown")]
    WrongParts(TxId),
    /// The group's cursor is before the decision.
    #[error("group {group} had not heard the decision after its block {height}")]
    NotHeard {
        /// Which group.
        group: GroupId,
        /// The block.
        height: Height,
    },
}

/// What is known of where an epoch begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Its first block comes after this height.
    After(Height),
    /// Its last block has this height, and is a certain one.
    Last(Height),
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bound::After(height) => write!(f, "begins after block {height}"),
            Bound::Last(height) => write!(f, "ended with another block, at height {height}"),
        }
    }
}

//! What a node asks the members of a group that it does not host, and what they answer. Nothing final is believed because
//! one member said it: values and receipts come with proofs, all else is a hint or counts once enough members say it.

use borsh::{BorshDeserialize, BorshSerialize};
use witan_ledger::{PortableReceipt, PortableStateProof, Told};
use witan_replica::Admission;
use witan_types::codec::bounded;
use witan_types::{GroupId, Height, IdentifiedTransaction, Key, TxId, Wire};

/// The most transactions that one question may hand over.
pub(crate) const MAX_HANDED: usize = 256;
/// The most bytes of transactions that one question hands over, unless a single one is larger.
pub(crate) const HANDED_BYTES: usize = 128 * 1024;
/// The most keys that one question may read.
pub(crate) const MAX_KEYS: usize = 128;
/// The most groups that a transaction may wait for.
const MAX_PARTICIPANTS: usize = witan_types::genesis::MAX_GROUPS;
/// An answer with values stops growing past this many bytes.
pub(crate) const ANSWER_BYTES: usize = 2 * 1024 * 1024;

/// A question about a group, to one of its members.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Question {
    /// Which group.
    pub(crate) group: GroupId,
    /// What is asked.
    pub(crate) what: What,
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) enum What {
    /// To take these transactions in, as from a client.
    Submit(#[borsh(deserialize_with = "bounded::<MAX_HANDED, _, _>")] Vec<IdentifiedTransaction>),
    /// How a transaction stands that the group coordinates.
    Transaction(TxId),
    /// How far the group is with its part of a transaction that another one coordinates.
    Part {
        /// The coordinator.
        coordinator: GroupId,
        /// Which transaction.
        id: TxId,
        /// Where in the coordinator's channel the decision is, and whether it is to commit; none if there is none.
        decided: Option<(Told, bool)>,
    },
    /// What keys hold, with proofs.
    State {
        /// Which keys, all of the group.
        #[borsh(deserialize_with = "bounded::<MAX_KEYS, _, _>")]
        keys: Vec<Key>,
        /// After which sealed block; none for the newest.
        at: Option<Height>,
        /// The newest one must not be below this: the asker knows of it.
        at_least: Height,
    },
}

/// What a member answers.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[expect(clippy::large_enum_variant, reason = "answers are made and consumed one by one")]
pub(crate) enum Answer {
    /// What became of each transaction, in their order.
    Admitted(#[borsh(deserialize_with = "bounded::<MAX_HANDED, _, _>")] Vec<Admission>),
    /// How the transaction stands.
    Stands(Standing),
    /// How far the group is.
    Part {
        /// Whether it has obeyed the decision.
        heard: bool,
        /// Its newest step.
        step: PartStep,
    },
    /// The values of the first keys, all at one height.
    State(#[borsh(deserialize_with = "bounded::<MAX_KEYS, _, _>")] Vec<PortableStateProof>),
    /// It keeps proofs from this height on.
    Pruned(Height),
    /// It has sealed blocks up to this height only.
    Future(Height),
    /// It can't answer now.
    Busy,
}

/// How a transaction stands at a member of its coordinator.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[expect(clippy::large_enum_variant, reason = "answers are made and consumed one by one")]
pub(crate) enum Standing {
    /// Not known.
    Unknown,
    /// In the mempool, or in a block that is not sealed yet.
    Accepted,
    /// Pending since this block, with the other groups that take part.
    Pending {
        /// The block of its first execution.
        since: Height,
        /// The others.
        #[borsh(deserialize_with = "bounded::<MAX_PARTICIPANTS, _, _>")]
        participants: Vec<GroupId>,
    },
    /// Void, and in no block of the member.
    Expired,
    /// Ended, in a sealed block.
    Ended(PortableReceipt),
}

/// The newest step of a transaction in a group that takes part: [`witan_ledger::records::reading::Step`] on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) enum PartStep {
    /// Asked, and not answered.
    Asked,
    /// Voted yes in this block.
    Prepared(Height),
    /// Voted no in this block.
    Refused(Height),
    /// Visible since this block, if that is remembered.
    Applied(Option<Height>),
    /// Given up, likewise.
    Released(Option<Height>),
}

impl Wire for Question {
    const MAX_BYTES: usize = witan_p2p::MAX_REQUEST_BYTES;
}

impl Wire for Answer {
    const MAX_BYTES: usize = witan_p2p::MAX_RESPONSE_BYTES;
}

//! What goes into a replica and what comes out.

use crate::message::Message;
use crate::verify::VerifiedMessage;
use borsh::{BorshDeserialize, BorshSerialize};
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{Evidence, Seq, Tick};
use witan_ledger::BlockCommit;
use witan_types::{Envelope, GroupId, Height, IdentifiedTransaction, NodeId, Seal, SealedHeader, TxId};

/// The host's clocks at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// Monotonic time since the host started.
    pub tick: Tick,
    /// Wall clock, Unix milliseconds.
    pub wall_ms: u64,
}

/// Names an open question of the host, to be answered once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ticket(pub u64);

/// The order of ledger writes, ascending by one from 1 since the replica was opened.
pub type WriteSeq = u64;

/// How a message came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// One way, or as the answer to a request of ours.
    Node(NodeId),
    /// As a request: exactly one [`Effects::replies`] with this ticket is due, in the same step.
    Request(NodeId, Ticket),
}

impl Source {
    /// Who sent it.
    pub fn node(&self) -> NodeId {
        match self {
            Source::Node(node) | Source::Request(node, _) => *node,
        }
    }
}

/// Wakes the replica at a moment it chose. Setting one again replaces its earlier setting.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Timer {
    /// One of the engine's, in wire form.
    Engine(Vec<u8>),
    /// Tell peers how we stand, and look at what has waited too long.
    Heartbeat,
    /// Transactions have waited long enough for others to travel with.
    Gather,
    /// Look again whether the leader's turn can be answered.
    Propose,
    /// Look again at blocks that came too early.
    Revalidate,
    /// Something is due by block time, for a transaction across groups or for one that waits.
    Due,
}

/// What happens to a replica.
#[derive(Debug)]
pub enum Event {
    /// A peer's message, judged by [`crate::MessageVerifier`].
    Message(Source, VerifiedMessage),
    /// Clients' transactions, their form, chain and signatures judged. Answered by [`Effects::admissions`].
    Submit(Ticket, Vec<IdentifiedTransaction>),
    /// A timer fired.
    Timer(Timer),
    /// Every consensus record up to this one is durable.
    Durable(Seq),
    /// Every batch up to this number is durable.
    BatchesDurable(u64),
    /// Every ledger write up to this one can be read from the store, and survives an end of the process.
    Written(WriteSeq),
    /// Every ledger write up to this one is durable: it survives a loss of power, too.
    LedgerDurable(WriteSeq),
    /// A peer can be reached.
    PeerUp(NodeId),
    /// A peer can't be reached any more.
    PeerDown(NodeId),
    /// A request of ours was not answered.
    RequestFailed(NodeId),
    /// What another group says to this one, from its replica on this node. From other nodes it comes as a message.
    Envelope(Arc<Envelope>),
    /// From now on blocks and batches wait so many times as long as usual for more to carry; 1 is as usual. A host whose processor is short says
    /// so, since each costs every member the same, whatever it carries.
    Stretch(u32),
    /// The host stops soon: what is sent in this step still leaves.
    Leaving,
}

/// What became of one submitted transaction.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Admission {
    /// In the mempool now, or was already.
    Pending,
    /// Begun before: it spans groups, and its outcome is open.
    Started,
    /// Executed before, in the block at this height.
    Final(Height),
    /// It expires at or before the newest block's time.
    Expired,
    /// It expires later than the network remembers ids; the latest possible expiry in Unix milliseconds.
    ExpiryTooFar(u64),
    /// It touches a key that is another group's.
    Elsewhere,
    /// The mempool is full.
    MempoolFull,
    /// The signer has as many transactions waiting as one may have.
    SignerFull,
}

/// How urgent a message is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// Consensus messages and seal shares.
    Consensus,
    /// Transactions.
    Transactions,
    /// Anything that helps a peer catch up.
    Sync,
}

/// To whom a one-way message goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recipient {
    /// Every other validator of the group.
    Validators,
    /// One validator of the group.
    Node(NodeId),
}

/// A one-way message, encoded once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// To whom.
    pub to: Recipient,
    /// How urgent.
    pub class: Class,
    /// The encoded [`Message`].
    pub bytes: Arc<[u8]>,
}

/// What a sealed block of this group says to another one: for that one's replica on this node, if there is one, and for
/// these nodes, to which it goes as a one-way message of the receiving group, in the class of all that helps to catch up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Relay {
    /// The receiving group.
    pub to: GroupId,
    /// What is said, and its proof.
    pub envelope: Arc<Envelope>,
    /// The nodes that get it over the network; none where every node runs every group.
    pub nodes: Vec<NodeId>,
}

impl Relay {
    /// The encoded [`Message`] for the nodes.
    pub fn bytes(&self) -> Arc<[u8]> {
        Message::Envelope(Arc::clone(&self.envelope)).bytes()
    }
}

/// One write to the ledger's store; writes happen in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LedgerWrite {
    /// A block with all that came of it, atomically.
    Block(Arc<BlockCommit>),
    /// A block's seal.
    Seal(Box<Seal>),
}

/// What the host's users may want to know. It is in the store when it is said. A loss of power may take it from there, but not from the
/// group: what decided it is durable at a quorum, and executing it again gives the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A block was executed and can be read.
    Committed(Arc<BlockCommit>),
    /// A block is sealed: provable.
    Sealed(Box<SealedHeader>),
    /// Transactions that left the mempool because they expired.
    Expired(Vec<TxId>),
}

/// What the host must do, field by field in this order.
#[derive(Debug, Default)]
#[must_use]
pub struct Effects {
    /// Consensus records to make durable, in one synced write with those of other groups; then say `Durable`.
    pub persist: Vec<(Seq, Vec<u8>)>,
    /// Consensus records before this one may be deleted, once `persist` is durable.
    pub truncate: Option<Seq>,
    /// Batches to make durable, in the same write, each under its number, ascending; then say `BatchesDurable`.
    pub batches: Vec<(u64, Vec<u8>)>,
    /// The numbers of batches that may be deleted.
    pub forget_batches: Vec<u64>,
    /// Ledger writes; then say `Written`, and once they are durable `LedgerDurable`.
    pub writes: Vec<(WriteSeq, LedgerWrite)>,
    /// Messages to send now: what had to wait for durability has waited.
    pub send: Vec<Outgoing>,
    /// Requests to other nodes; the answer comes as a message, its absence as `RequestFailed`.
    pub requests: Vec<(NodeId, Message)>,
    /// Answers to requests.
    pub replies: Vec<(Ticket, Message)>,
    /// What this group says to others. What is lost is offered again.
    pub relays: Vec<Relay>,
    /// Sealed headers for nodes outside the group, and transactions from there: only ever a way to be faster.
    pub gossip: Vec<Message>,
    /// Timers to set.
    pub timers: Vec<(Timer, Duration)>,
    /// Answers to submissions, in the order of their transactions.
    pub admissions: Vec<(Ticket, Vec<Admission>)>,
    /// News for users.
    pub notices: Vec<Notice>,
    /// Members caught signing what honest ones never sign.
    pub accuse: Vec<Evidence>,
}

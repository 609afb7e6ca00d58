//! The one interface of all engines: an input in, its outputs out.
//!
//! The host obeys the fields of [`Outputs`] in their order and releases what engines say first in, first out: nothing
//! of a later step leaves before every record of an earlier one is durable, a re-sent vote included.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use witan_types::{
    Block, BlockId, ChainId, Committee, Domain, EngineKind, Epoch, FaultModel, GroupId, Header, Height,
    Payload, PublicKey, Role, Seal, SealedHeader, SecretKey, ValidatorIndex, Wire,
};

/// A record's place in the consensus log: ascending by one from the first record an epoch ever wrote.
pub type Seq = u64;

/// For each member, an engine is told who made so many of the newest stable blocks.
pub const PROPOSERS_A_MEMBER: usize = 2;

/// A monotonic reading of the host's clock since it started: only differences mean anything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Tick(pub Duration);

/// Where an engine instance's signatures count: one group in one epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instance {
    /// The network.
    pub chain: ChainId,
    /// The group.
    pub group: GroupId,
    /// The epoch.
    pub epoch: Epoch,
}

impl Instance {
    /// The signing domain of one kind of message of engine `E`.
    pub fn domain<E: Engine>(&self, message: u8) -> Domain {
        let role = Role::Engine { engine: E::KIND, version: E::VERSION, message };
        Domain { chain: self.chain, group: self.group, epoch: self.epoch, role }
    }
}

/// What an engine starts from.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where its signatures count.
    pub instance: Instance,
    /// Who votes.
    pub committee: Committee,
    /// This validator's place.
    pub me: ValidatorIndex,
    /// This validator's key.
    pub key: SecretKey,
    /// The block the epoch starts from: counts as round, view and term 0 whatever its tag.
    pub base: Header,
    /// The newest block that is sealed and durable here; `base` at first. The root of the engine's block tree.
    pub stable: Header,
    /// The seal of `stable`, by which an engine proves it to others; none for the base of the epoch.
    pub stable_seal: Option<Seal>,
    /// Who made `stable` and the blocks below it, newest first: as many as the epoch has, up to [`PROPOSERS_A_MEMBER`] for
    /// each member.
    pub proposers: Vec<ValidatorIndex>,
    /// Height of the newest block whose execution is durable here; at least `stable.height`.
    pub durable: Height,
    /// The first time-out of a view.
    pub base_timeout: Duration,
    /// The longest time-out of a view.
    pub max_timeout: Duration,
    /// Where jitter comes from.
    pub seed: u64,
}

/// A message that [`Engine::verify`] accepted, and from whom. Nothing else makes one.
#[derive(Clone, Debug)]
pub struct Verified<M> {
    from: ValidatorIndex,
    message: M,
}

impl<M> Verified<M> {
    /// For engines alone: what their `verify` returns once it has checked everything.
    pub(crate) fn new(from: ValidatorIndex, message: M) -> Verified<M> {
        Verified { from, message }
    }

    /// Who sent it: authenticated by the link, and by a signature where the message has an author.
    pub fn from(&self) -> ValidatorIndex {
        self.from
    }

    /// The message.
    pub fn message(&self) -> &M {
        &self.message
    }

    /// The message, taken out.
    pub fn into_message(self) -> M {
        self.message
    }
}

/// Why a message is refused. The sender, or whoever signed the part named, did not follow the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The sender is no member.
    #[error("validator {0} is no member")]
    NotAMember(ValidatorIndex),
    /// A signature or certificate does not verify.
    #[error("{0} does not verify")]
    BadSignature(&'static str),
    /// Parts of the message contradict each other.
    #[error("inconsistent: {0}")]
    Inconsistent(&'static str),
}

/// A place in the chain for which a leader asks the host for a payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Turn {
    /// The block's height.
    pub height: Height,
    /// The header tag it will have.
    pub tag: u64,
    /// Its parent.
    pub parent: BlockId,
    /// The parent's time, Unix milliseconds; the block's is above it.
    pub parent_time_ms: u64,
    /// Undecided ancestors, parent first: their transactions must not be repeated. Whole blocks, since after a restart
    /// the engine alone still has them.
    pub ancestors: Vec<Arc<Block>>,
    /// An undecided ancestor needs this block to be decided: answer at once, with an empty payload if need be.
    pub at_once: bool,
}

impl Turn {
    /// The block that `proposer` makes of the host's answer.
    pub(crate) fn block(&self, instance: &Instance, proposer: ValidatorIndex, draft: Draft) -> Arc<Block> {
        let Instance { chain, group, epoch } = *instance;
        let header = Header {
            chain,
            group,
            epoch,
            height: self.height,
            tag: self.tag,
            parent: self.parent,
            proposer,
            time_ms: draft.time_ms.max(self.parent_time_ms.saturating_add(1)),
            payload_root: draft.payload.root(),
        };
        Arc::new(Block { header, payload: draft.payload })
    }

    /// Whether it is the same place, whatever became of its ancestors meanwhile.
    pub(crate) fn is_place_of(&self, other: &Turn) -> bool {
        (self.height, self.tag, self.parent) == (other.height, other.tag, other.parent)
    }
}

/// A host's answer to a [`Turn`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// The block's time, Unix milliseconds, above the parent's.
    pub time_ms: u64,
    /// What it carries.
    pub payload: Payload,
}

/// The host's word on a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It may be voted for.
    Valid,
    /// It must never be voted for.
    Never,
}

/// To whom a message goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum To {
    /// Every other member. An engine never sends to itself.
    All,
    /// One member.
    One(ValidatorIndex),
}

/// Two messages that no honest validator signs both of, in a form a third party can check: what was signed (domain
/// included) and the signatures, in wire form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evidence {
    /// Who signed both.
    pub validator: ValidatorIndex,
    /// Its key.
    pub key: PublicKey,
    /// What kind of conflict, e.g. "two votes in a round".
    pub conflict: &'static str,
    /// The first signed bytes and signature.
    pub first: witan_types::Signed,
    /// The second.
    pub second: witan_types::Signed,
}

/// What goes into an engine.
#[expect(clippy::large_enum_variant, reason = "inputs are consumed one by one, never stored in numbers")]
#[derive(Clone, Debug)]
pub enum Input<E: Engine> {
    /// A peer's message.
    Message(Verified<E::Message>),
    /// A timer fired. A stale one is ignored.
    Timeout(E::Timer),
    /// The answer to `want`. A stale one is ignored.
    Payload(Turn, Draft),
    /// The answer to `validate`. No answer means "not known yet".
    Validated(BlockId, Verdict),
    /// Every record up to this one is on disk.
    Durable(Seq),
    /// This block is sealed, and it and its state are durable here. The only thing that truncates. Said of every block of
    /// the epoch, ascending.
    Stable(SealedHeader),
    /// Whether work waits. View timers run only while it does, or while the engine itself has an undecided block.
    Pending(bool),
    /// This node is about to stop. Whoever leads may hand that over, so that nobody has to wait for a time-out.
    Leaving,
}

/// What comes out of an engine. Field order is the order of obedience.
#[derive(Clone, Debug)]
#[must_use]
pub struct Outputs<E: Engine> {
    /// Durable before anything below is released.
    pub persist: Vec<(Seq, E::Record)>,
    /// Records before this one will never be needed again, once `persist` is durable.
    pub truncate: Option<Seq>,
    /// Messages to other members.
    pub send: Vec<(To, E::Message)>,
    /// Timers to set. A timer set again replaces its earlier setting; none is ever cancelled.
    pub timers: Vec<(E::Timer, Duration)>,
    /// The leader asks for a payload. A later turn replaces an earlier one.
    pub want: Option<Turn>,
    /// Ask the ledger before voting.
    pub validate: Vec<Arc<Block>>,
    /// Final: ascending, gap-free, each once; after a restart again from above the ledger's durable height.
    pub decided: Vec<Arc<Block>>,
    /// Needs blocks up to this height that peers have truncated: fetch sealed blocks, then say `Stable`.
    pub behind: Option<Height>,
    /// Conflicting signed messages.
    pub accuse: Vec<Evidence>,
}

impl<E: Engine> Default for Outputs<E> {
    fn default() -> Self {
        Outputs {
            persist: Vec::new(),
            truncate: None,
            send: Vec::new(),
            timers: Vec::new(),
            want: None,
            validate: Vec::new(),
            decided: Vec::new(),
            behind: None,
            accuse: Vec::new(),
        }
    }
}

/// What an engine tells about itself, for `consensus_status`, metrics and explanations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EngineStatus {
    /// The current round, view or term.
    pub view: u64,
    /// Who leads it.
    pub leader: Option<ValidatorIndex>,
    /// Height of the newest decided block.
    pub decided: Height,
    /// Height of the newest certified block.
    pub certified: Height,
    /// Views that ended by time-out since the last one that did not.
    pub consecutive_timeouts: u32,
    /// Validators heard to have given up the current view.
    pub timed_out: Vec<ValidatorIndex>,
    /// Whether the view's timer runs.
    pub timer_running: bool,
}

/// A consensus engine.
pub trait Engine: Sized + Debug {
    /// What members tell each other; opaque to the host.
    type Message: Wire + Clone + Debug + Send + 'static;
    /// What must survive a crash.
    type Record: Wire + Clone + Debug;
    /// Names its view, so that a stale one is ignored, never cancelled.
    type Timer: Wire + Copy + Ord + Debug + Send;
    /// Which engine; part of the signing domain.
    const KIND: EngineKind;
    /// Its wire version; part of the signing domain.
    const VERSION: u16;
    /// What its members may do wrong.
    const FAULTS: FaultModel;

    /// Starts, or restarts from every record that was durable before the crash and not truncated.
    fn open(setup: Setup, records: Vec<(Seq, Self::Record)>) -> (Self, Outputs<Self>);

    /// Judges a message: membership, signatures, quorums, inner consistency. Stateless, so it runs on any core.
    ///
    /// # Errors
    /// What is wrong with the message; the host holds it against the sender.
    fn verify(
        instance: &Instance,
        committee: &Committee,
        from: ValidatorIndex,
        message: Self::Message,
    ) -> Result<Verified<Self::Message>, Rejected>;

    /// The blocks that a message carries: the host checks their payload (client signatures) before `step` sees them.
    fn blocks(message: &Self::Message) -> Vec<&Arc<Block>>;

    /// Takes one input. Total: no input makes it fail or panic.
    fn step(&mut self, now: Tick, input: Input<Self>) -> Outputs<Self>;

    /// How it stands.
    fn status(&self) -> EngineStatus;

    /// The timer that gives the current view up when it fires; none while it does not run.
    fn view_timer(&self) -> Option<Self::Timer>;
}

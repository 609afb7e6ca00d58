//! What the simulator has to know of each engine by name: how its messages and timers read, what on disk they rest on,
//! and how an attacker lies in them. An engine costs a file here and one arm in [`speech`].

mod hotstuff;
mod pbft;
#[cfg(feature = "planted-faults")]
mod planted;
mod raft;
#[cfg(test)]
mod tests;

#[cfg(feature = "planted-faults")]
pub use planted::RuleFault;
#[cfg(feature = "planted-faults")]
pub(super) use planted::{open_with_fault, open_with_ledger_fault};

use super::random::Random;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;
use witan_consensus::engine::{Engine, Instance};
use witan_consensus::fetch::Blocks;
use witan_consensus::hotstuff::HotStuff;
use witan_consensus::pbft::Pbft;
use witan_consensus::raft::Raft;
use witan_types::{Block, EngineKind, Hash, Height, SecretKey, Wire};

/// How an engine speaks.
pub(super) fn speech(engine: EngineKind) -> &'static dyn Speech {
    match engine {
        EngineKind::HotStuff => &Erased::<HotStuff>(PhantomData),
        EngineKind::Pbft => &Erased::<Pbft>(PhantomData),
        EngineKind::Raft => &Erased::<Raft>(PhantomData),
    }
}

/// Whose key signs a lie, and where the signature counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signer<'a> {
    pub(super) instance: &'a Instance,
    pub(super) key: &'a SecretKey,
}

/// What the simulator has to know of one engine.
pub(super) trait Dialect: Engine {
    /// What is read from the records on one disk: all that the node may have said.
    type Promises: Default + Debug + Send + 'static;

    /// A record became durable.
    fn remember(promises: &mut Self::Promises, record: Self::Record);

    /// Whether the disk knows of everything that the message promises: the records it rests on are there.
    fn rests_on(promises: &Self::Promises, message: &Self::Message) -> bool;

    /// Whether the message brings a new block to be voted on.
    fn is_proposal(message: &Self::Message) -> bool;

    /// Another message of the same kind for the same place, which no honest author of `message` signs too. None if
    /// there is none to this kind.
    fn conflicting(message: &Self::Message, signer: Signer<'_>) -> Option<Self::Message>;

    /// A message that misleads whoever catches up. None if `message` does not help anyone to.
    fn misleading(message: &Self::Message, random: &mut Random) -> Option<Self::Message>;
}

/// A [`Dialect`] in bytes, for engines chosen at run time.
pub(super) trait Speech: Debug + Sync {
    /// A message in words.
    fn message(&self, bytes: &[u8]) -> String;
    /// A timer in words.
    fn timer(&self, bytes: &[u8]) -> String;
    /// A disk that holds nothing yet.
    fn disk(&self) -> Box<dyn Promised>;
    /// [`Dialect::is_proposal`].
    fn is_proposal(&self, bytes: &[u8]) -> bool;
    /// [`Dialect::conflicting`].
    fn conflicting(&self, bytes: &[u8], signer: Signer<'_>) -> Option<Vec<u8>>;
    /// [`Dialect::misleading`].
    fn misleading(&self, bytes: &[u8], random: &mut Random) -> Option<Vec<u8>>;
}

/// What one node's disk holds of its promises.
pub(super) trait Promised: Debug + Send {
    /// A record became durable.
    fn remember(&mut self, record: &[u8]);
    /// Whether this may be said. In words what it is, if not.
    fn allows(&self, message: &[u8]) -> Result<(), String>;
}

#[derive(Debug)]
struct Erased<E>(PhantomData<fn() -> E>);

#[derive(Debug)]
struct Disk<E: Dialect>(E::Promises);

impl<E: Dialect + 'static> Speech for Erased<E> {
    fn message(&self, bytes: &[u8]) -> String {
        in_words(E::Message::decode(bytes))
    }

    fn timer(&self, bytes: &[u8]) -> String {
        in_words(E::Timer::decode(bytes))
    }

    fn disk(&self) -> Box<dyn Promised> {
        Box::new(Disk::<E>(E::Promises::default()))
    }

    fn is_proposal(&self, bytes: &[u8]) -> bool {
        E::Message::decode(bytes).is_ok_and(|message| E::is_proposal(&message))
    }

    fn conflicting(&self, bytes: &[u8], signer: Signer<'_>) -> Option<Vec<u8>> {
        let message = E::Message::decode(bytes).ok()?;
        E::conflicting(&message, signer).map(|message| message.encode())
    }

    fn misleading(&self, bytes: &[u8], random: &mut Random) -> Option<Vec<u8>> {
        let message = E::Message::decode(bytes).ok()?;
        E::misleading(&message, random).map(|message| message.encode())
    }
}

impl<E: Dialect> Promised for Disk<E> {
    fn remember(&mut self, record: &[u8]) {
        if let Ok(record) = E::Record::decode(record) {
            E::remember(&mut self.0, record);
        }
    }

    fn allows(&self, message: &[u8]) -> Result<(), String> {
        let Ok(message) = E::Message::decode(message) else { return Ok(()) };
        if E::rests_on(&self.0, &message) { Ok(()) } else { Err(format!("{message:?}")) }
    }
}

fn in_words<T: Debug, E: ToString>(decoded: Result<T, E>) -> String {
    decoded.map_or_else(|error| error.to_string(), |value| format!("{value:?}"))
}

/// A block that stands in the same place as `block`, a little later: consistent, and another.
fn beside(block: &Block) -> Block {
    let mut other = block.clone();
    other.header.time_ms = other.header.time_ms.saturating_add(1);
    other
}

/// What misleads whoever asked for `blocks`: other blocks, or the height from which the liar says it still has them.
fn misleading_answer(blocks: &Blocks, random: &mut Random) -> Result<Blocks, Height> {
    match (random.below(3), blocks.0.first()) {
        (0, _) | (_, None) => Err(Height::MAX),
        (1, Some(first)) => Err(first.header.height),
        (_, Some(first)) => Ok(Blocks(vec![Arc::new(beside(first))])),
    }
}

/// An id that names nothing.
fn nothing(random: &mut Random) -> Hash {
    let mut bytes = [0; 32];
    bytes.iter_mut().for_each(|byte| *byte = u8::try_from(random.below(256)).unwrap_or(0));
    Hash(bytes)
}

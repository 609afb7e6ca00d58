//! What the simulator has to know of each engine by name: how its messages and timers read, and what on disk they
//! rest on. An engine costs a file here and one arm in [`speech`].

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
pub(super) use planted::{open_with_fault, open_with_ledger_fault, open_with_replica_fault};

use std::fmt::Debug;
use std::marker::PhantomData;
use witan_consensus::engine::Engine;
use witan_consensus::hotstuff::HotStuff;
use witan_consensus::pbft::Pbft;
use witan_consensus::raft::Raft;
use witan_types::{EngineKind, Wire};

/// How an engine speaks.
pub(super) fn speech(engine: EngineKind) -> &'static dyn Speech {
    match engine {
        EngineKind::HotStuff => &Erased::<HotStuff>(PhantomData),
        EngineKind::Pbft => &Erased::<Pbft>(PhantomData),
        EngineKind::Raft => &Erased::<Raft>(PhantomData),
    }
}

/// What the simulator has to know of one engine.
pub(super) trait Dialect: Engine {
    /// What is read from the records on one disk: all that the node may have said.
    type Promises: Default + Debug + Send + 'static;

    /// A record became durable.
    fn remember(promises: &mut Self::Promises, record: Self::Record);

    /// Whether the disk knows of everything that the message promises: the records it rests on are there.
    fn rests_on(promises: &Self::Promises, message: &Self::Message) -> bool;
}

/// A [`Dialect`] in bytes, for engines chosen at run time.
pub(super) trait Speech: Debug + Sync {
    /// A message in words.
    fn message(&self, bytes: &[u8]) -> String;
    /// A timer in words.
    fn timer(&self, bytes: &[u8]) -> String;
    /// A disk that holds nothing yet.
    fn disk(&self) -> Box<dyn Promised>;
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

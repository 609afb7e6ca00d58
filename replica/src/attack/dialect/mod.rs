//! How the messages of each engine are lied about. An engine costs a file here and one arm in [`lies`].

mod hotstuff;
mod pbft;
mod raft;

use super::{Chance, Signer};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;
use witan_consensus::engine::Engine;
use witan_consensus::fetch::Blocks;
use witan_consensus::hotstuff::HotStuff;
use witan_consensus::pbft::Pbft;
use witan_consensus::raft::Raft;
use witan_types::{Block, EngineKind, Hash, Height, Wire};

/// How an engine's messages are lied about.
pub(super) fn lies(engine: EngineKind) -> &'static dyn Lies {
    match engine {
        EngineKind::HotStuff => &Erased::<HotStuff>(PhantomData),
        EngineKind::Pbft => &Erased::<Pbft>(PhantomData),
        EngineKind::Raft => &Erased::<Raft>(PhantomData),
    }
}

/// Another block in the place of one; none if it stays.
pub(super) type Change<'a> = &'a dyn Fn(&Block) -> Option<Block>;

/// What a liar has to know of one engine.
trait Dialect: Engine {
    /// Whether the message brings a new block to be voted on.
    fn is_proposal(message: &Self::Message) -> bool;

    /// Another message of the same kind for the same place, which no honest author of `message` signs too. None if
    /// there is none to this kind.
    fn conflicting(message: &Self::Message, signer: Signer<'_>) -> Option<Self::Message>;

    /// The same proposal of another block. None if it is none, or the block stays as it is.
    fn changed(message: &Self::Message, change: Change<'_>, signer: Signer<'_>) -> Option<Self::Message>;

    /// A message that misleads whoever catches up. None if `message` does not help anyone to.
    fn misleading(message: &Self::Message, chance: &mut dyn Chance) -> Option<Self::Message>;
}

/// A [`Dialect`] in bytes, for engines chosen at run time.
pub(super) trait Lies: Debug + Sync {
    /// [`Dialect::is_proposal`].
    fn is_proposal(&self, bytes: &[u8]) -> bool;
    /// [`Dialect::conflicting`].
    fn conflicting(&self, bytes: &[u8], signer: Signer<'_>) -> Option<Vec<u8>>;
    /// [`Dialect::changed`].
    fn changed(&self, bytes: &[u8], change: Change<'_>, signer: Signer<'_>) -> Option<Vec<u8>>;
    /// [`Dialect::misleading`].
    fn misleading(&self, bytes: &[u8], chance: &mut dyn Chance) -> Option<Vec<u8>>;
}

#[derive(Debug)]
struct Erased<E>(PhantomData<fn() -> E>);

impl<E: Dialect + 'static> Lies for Erased<E> {
    fn is_proposal(&self, bytes: &[u8]) -> bool {
        E::Message::decode(bytes).is_ok_and(|message| E::is_proposal(&message))
    }

    fn conflicting(&self, bytes: &[u8], signer: Signer<'_>) -> Option<Vec<u8>> {
        let message = E::Message::decode(bytes).ok()?;
        E::conflicting(&message, signer).map(|message| message.encode())
    }

    fn changed(&self, bytes: &[u8], change: Change<'_>, signer: Signer<'_>) -> Option<Vec<u8>> {
        let message = E::Message::decode(bytes).ok()?;
        E::changed(&message, change, signer).map(|message| message.encode())
    }

    fn misleading(&self, bytes: &[u8], chance: &mut dyn Chance) -> Option<Vec<u8>> {
        let message = E::Message::decode(bytes).ok()?;
        E::misleading(&message, chance).map(|message| message.encode())
    }
}

/// A block that stands in the same place as `block`, a little later: consistent, and another.
fn beside(block: &Block) -> Block {
    let mut other = block.clone();
    other.header.time_ms = other.header.time_ms.saturating_add(1);
    other
}

/// What misleads whoever asked for `blocks`: other blocks, or the height from which the liar says it still has them.
fn misleading_answer(blocks: &Blocks, chance: &mut dyn Chance) -> Result<Blocks, Height> {
    match (chance.below(3), blocks.0.first()) {
        (0, _) | (_, None) => Err(Height::MAX),
        (1, Some(first)) => Err(first.header.height),
        (_, Some(first)) => Ok(Blocks(vec![Arc::new(beside(first))])),
    }
}

/// An id that names nothing.
fn nothing(chance: &mut dyn Chance) -> Hash {
    let mut bytes = [0; 32];
    bytes.iter_mut().for_each(|byte| *byte = u8::try_from(chance.below(256)).unwrap_or(0));
    Hash(bytes)
}

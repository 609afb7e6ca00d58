//! What an engine must say about itself for its stories to be told.

use super::command::Command;
use crate::common::base;
use crate::common::stage::{Stage, Staged};
use std::collections::BTreeMap;
use std::time::Duration;
use witan_consensus::engine::{EngineStatus, Seq};
use witan_types::{BlockId, Header, Height};

/// An engine whose messages, records and timers can be read, and whose liars can be told what to say.
pub trait Told: Staged {
    /// The letter for its views: `r` for rounds, `v`, `t`. Also the option that selects messages by view.
    const VIEW: &'static str;

    /// A block's name before primes tell apart those that would share it.
    fn block_name(header: &Header) -> String {
        format!("{}@{}", header.height, header.tag)
    }

    /// One word for the kind of a message.
    fn kind(message: &Self::Message) -> &'static str;

    /// The view a message is of.
    fn view(message: &Self::Message) -> Option<u64>;

    /// The height a message is about, where it says so.
    fn height(_message: &Self::Message) -> Option<Height> {
        None
    }

    /// A message in a short line, its kind first.
    fn message(message: &Self::Message, names: &Names) -> String;

    /// What new records tell beyond those before, a few words each.
    fn records(before: &[(Seq, Self::Record)], new: &[(Seq, Self::Record)], names: &Names) -> Vec<String>;

    /// The block that a record holds, if blocks go to disk before anyone hears of them.
    fn recorded(_record: &Self::Record) -> Option<&Header> {
        None
    }

    /// The timers that `timeout`, `resend` or another word fires, given how the engine stands and which it ever set for
    /// how long; each with the time that passes before it fires, where the engine's rules look at the clock.
    fn timers(
        name: &str,
        status: &EngineStatus,
        set: &[(Self::Timer, Duration)],
    ) -> Vec<(Self::Timer, Duration)>;

    /// What a liar says: the rest of a `forge` command, signed with its own key alone.
    fn forge(scene: &mut Scene<Self>, liar: usize, command: &mut Command) -> Result<Self::Message, String>;
}

/// Blocks by short names, in the order of their first appearance.
pub struct Names {
    by_id: BTreeMap<BlockId, String>,
    by_name: BTreeMap<String, Header>,
}

impl Default for Names {
    fn default() -> Names {
        let (by_id, by_name) = ([(base().id(), "base".to_owned())], [("base".to_owned(), base())]);
        Names { by_id: by_id.into(), by_name: by_name.into() }
    }
}

impl Names {
    /// Gives a block its name, unless it has one.
    pub fn learn<E: Told>(&mut self, header: &Header) {
        let id = header.id();
        if self.by_id.contains_key(&id) {
            return;
        }
        let mut name = E::block_name(header);
        while self.by_name.contains_key(&name) {
            name.push('\'');
        }
        self.by_id.insert(id, name.clone());
        self.by_name.insert(name, header.clone());
    }

    /// A block's name.
    pub fn of(&self, id: BlockId) -> &str {
        self.by_id.get(&id).map_or("?", String::as_str)
    }

    /// A block's name, and the round or view that a certificate claims for it if that is not the block's own.
    pub fn claimed(&self, id: BlockId, view: u64) -> String {
        let name = self.of(id);
        let own = self.by_name.get(name).filter(|_| name != "base").map_or(0, |header| header.tag);
        if own == view { name.to_owned() } else { format!("{name} as of {view}") }
    }

    /// The block of a name.
    pub fn header(&self, name: &str) -> Result<&Header, String> {
        self.by_name.get(name).ok_or_else(|| format!("no block {name} appeared"))
    }
}

/// The stage and what happened on it.
pub struct Scene<E: Told> {
    /// The members.
    pub stage: Stage<E>,
    /// The blocks.
    pub names: Names,
    /// Everything that was ever said, and by whom: where a liar finds others' signatures.
    pub said: Vec<(usize, E::Message)>,
}

//! Attackers: validators that run the production replica and say something else than it does. Up to as many as the
//! group withstands; they never heal. What they do follows from the seed.

mod holding;
mod lying;
#[cfg(test)]
mod tests;
mod twins;

pub(super) use twins::Twins;

use super::engines::{Signer, Speech};
use super::random::Random;
use super::world::How;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use witan_consensus::engine::Instance;
use witan_types::{SecretKey, ValidatorIndex};

/// What an attacker does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attack {
    /// Says nothing.
    Mute,
    /// Tells some one thing and others another: two proposals, two votes.
    Equivocate,
    /// Holds what it says back, often for longer than a time-out.
    Delay,
    /// Sends its proposals to some only.
    Withhold,
    /// Runs twice with one key and one name, each half heard by a part of the group.
    Twin,
    /// Comes back again and again without its consensus records, and votes on.
    Forget,
    /// Sends old messages again.
    Replay,
    /// Changes bytes of what it sends.
    Corrupt,
    /// Answers whoever catches up with lies, and lies about how it stands.
    MisleadSync,
    /// Signs results that nobody has.
    FalseShares,
}

impl Attack {
    /// All there are.
    pub const ALL: [Attack; 10] = [
        Attack::Mute,
        Attack::Equivocate,
        Attack::Delay,
        Attack::Withhold,
        Attack::Twin,
        Attack::Forget,
        Attack::Replay,
        Attack::Corrupt,
        Attack::MisleadSync,
        Attack::FalseShares,
    ];
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Attack::Mute => "mute",
            Attack::Equivocate => "equivocate",
            Attack::Delay => "delay",
            Attack::Withhold => "withhold",
            Attack::Twin => "twin",
            Attack::Forget => "forget",
            Attack::Replay => "replay",
            Attack::Corrupt => "corrupt",
            Attack::MisleadSync => "mislead-sync",
            Attack::FalseShares => "false-shares",
        })
    }
}

impl FromStr for Attack {
    type Err = String;

    fn from_str(text: &str) -> Result<Attack, String> {
        let names = || Attack::ALL.map(|attack| attack.to_string()).join(", ");
        let found = Attack::ALL.into_iter().find(|attack| attack.to_string() == text);
        found.ok_or_else(|| format!("{text:?} is no attack: expected one of {}", names()))
    }
}

/// A message that the wrapped replica sends to one node.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) to: usize,
    pub(super) how: How,
    pub(super) bytes: Arc<[u8]>,
}

/// What an attacker says in its stead.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) after_us: u64,
    pub(super) how: How,
    pub(super) bytes: Arc<[u8]>,
}

impl Letter {
    /// Unchanged.
    fn truly(&self) -> Said {
        Said { after_us: 0, how: self.how, bytes: Arc::clone(&self.bytes) }
    }

    /// In other words.
    fn saying(&self, bytes: impl Into<Arc<[u8]>>) -> Said {
        Said { bytes: bytes.into(), ..self.truly() }
    }
}

/// What a lie is made with.
#[derive(Debug)]
pub(super) struct Means<'a> {
    pub(super) random: &'a mut Random,
    pub(super) speech: &'static dyn Speech,
    pub(super) instance: &'a Instance,
}

/// One attacker.
#[derive(Debug)]
struct Attacker {
    /// None while it follows the protocol.
    attack: Option<Attack>,
    place: ValidatorIndex,
    key: SecretKey,
    /// What was said before, for [`Attack::Replay`].
    said: Vec<Arc<[u8]>>,
}

/// The attackers of a run, by place.
#[derive(Debug)]
pub(super) struct Attackers {
    attackers: BTreeMap<usize, Attacker>,
    twins: Twins,
}

impl Attackers {
    /// These, with their keys; `nodes` is how many nodes run without twins.
    pub(super) fn new(attackers: Vec<(usize, Attack, SecretKey)>, seed: u64, nodes: usize) -> Attackers {
        let doubled = attackers.iter().filter(|(_, attack, _)| *attack == Attack::Twin);
        let twins = Twins::new(seed, doubled.map(|(place, ..)| *place), nodes);
        let attacker = |(at, attack, key): (usize, Attack, SecretKey)| {
            let place = ValidatorIndex(u16::try_from(at).unwrap_or(u16::MAX));
            (at, Attacker { attack: Some(attack), place, key, said: Vec::new() })
        };
        Attackers { attackers: attackers.into_iter().map(attacker).collect(), twins }
    }

    /// The same, who follow the protocol until they are told to attack.
    pub(super) fn honest_at_first(mut self) -> Attackers {
        self.attackers.values_mut().for_each(|attacker| attacker.attack = None);
        self.twins = self.twins.alone();
        self
    }

    /// An attacker attacks in another way from now on, or not at all.
    pub(super) fn turn(&mut self, at: usize, attack: Option<Attack>) {
        self.attackers.get_mut(&at).into_iter().for_each(|attacker| attacker.attack = attack);
    }

    /// A second begins to run, heard by these nodes; or, if by none, ends.
    pub(super) fn double(&mut self, first: usize, audience: BTreeSet<usize>) {
        self.twins.double(first, audience);
    }

    /// Whether a node is there at all: a second may come later.
    pub(super) fn is_there(&self, at: usize) -> bool {
        self.twins.is_there(at)
    }

    /// Who runs twice.
    pub(super) fn twins(&self) -> &Twins {
        &self.twins
    }

    /// Whether the node at this place follows the protocol.
    pub(super) fn is_honest(&self, at: usize) -> bool {
        !self.attackers.contains_key(&self.twins.home(at))
    }

    /// Whether the node loses its consensus records with every crash.
    pub(super) fn forgets(&self, at: usize) -> bool {
        self.attackers.get(&at).is_some_and(|attacker| attacker.attack == Some(Attack::Forget))
    }

    /// The places of those who do.
    pub(super) fn forgetful(&self) -> Vec<usize> {
        self.attackers.keys().copied().filter(|at| self.forgets(*at)).collect()
    }

    /// What leaves when the replica at a place sends a letter.
    pub(super) fn say(&mut self, from: usize, letter: Letter, means: &mut Means<'_>) -> Vec<Said> {
        match self.attackers.get_mut(&from) {
            None => vec![letter.truly()],
            Some(attacker) => attacker.say(&letter, means),
        }
    }
}

impl Attacker {
    fn say(&mut self, letter: &Letter, means: &mut Means<'_>) -> Vec<Said> {
        let signer = Signer { instance: means.instance, key: &self.key };
        let Some(attack) = self.attack else { return vec![letter.truly()] };
        match attack {
            Attack::Mute => Vec::new(),
            Attack::Delay => holding::delay(letter, means.random),
            Attack::Withhold => holding::withhold(letter, means.speech),
            Attack::Replay => holding::replay(letter, &mut self.said, means.random),
            Attack::Equivocate => lying::equivocate(letter, signer, means.speech, means.random),
            Attack::Corrupt => lying::corrupt(letter, means.random),
            Attack::MisleadSync => lying::mislead_sync(letter, means.speech, means.random),
            Attack::FalseShares => lying::false_shares(letter, self.place, &self.key, means.random),
            Attack::Twin | Attack::Forget => vec![letter.truly()],
        }
    }
}

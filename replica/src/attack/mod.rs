//! Validators that lie: an attacker runs the production replica and says something else than it does. For the simulator,
//! and for rehearsals on networks whose genesis says `devnet`.

mod batches;
mod dialect;
mod holding;
mod lying;
#[cfg(test)]
mod tests;

use dialect::{Lies, lies};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use witan_consensus::engine::Instance;
use witan_types::{EngineKind, HeldBatch, SecretKey, ValidatorIndex, Wire as _};

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
    /// Keeps its batches from many, gives none to who asks, and as a leader names what nobody has or what is done.
    WithholdBatches,
}

impl Attack {
    /// All there are.
    pub const ALL: [Attack; 11] = [
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
        Attack::WithholdBatches,
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
            Attack::WithholdBatches => "withhold-batches",
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

/// Whether an encoded [`crate::Message`] of a group under this engine brings a new block to be voted on.
pub fn is_proposal(engine: EngineKind, bytes: &[u8]) -> bool {
    match crate::Message::decode(bytes) {
        Ok(crate::Message::Engine(bytes)) => lies(engine).is_proposal(&bytes),
        _ => false,
    }
}

/// Where an attacker's chance comes from: a seed, or the machine.
pub trait Chance {
    /// Any number.
    fn number(&mut self) -> u64;

    /// A number below `end`; 0 if there is none. The bias of the remainder is no matter here.
    fn below(&mut self, end: u64) -> u64 {
        self.number().checked_rem(end).unwrap_or(0)
    }

    /// A place in a list of this length.
    fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// True this many times out of a hundred.
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A message that the wrapped replica sends to one node.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The receiver's place among the nodes: some of them hear one thing, the others another.
    pub to: usize,
    /// An encoded [`crate::Message`].
    pub bytes: Arc<[u8]>,
}

/// What an attacker says in its stead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// How many microseconds later.
    pub after_us: u64,
    /// Whether it comes by itself, even where the letter was a request or an answer.
    pub unasked: bool,
    /// The message.
    pub bytes: Arc<[u8]>,
}

impl Letter {
    /// Unchanged.
    pub fn truly(&self) -> Said {
        Said { after_us: 0, unasked: false, bytes: Arc::clone(&self.bytes) }
    }

    /// In other words.
    fn saying(&self, bytes: impl Into<Arc<[u8]>>) -> Said {
        Said { bytes: bytes.into(), ..self.truly() }
    }
}

/// Whose key signs a lie, and where the signature counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signer<'a> {
    instance: &'a Instance,
    key: &'a SecretKey,
}

/// One validator that lies in one group.
#[derive(Debug)]
pub struct Attacker {
    attack: Attack,
    instance: Instance,
    lies: &'static dyn Lies,
    place: ValidatorIndex,
    key: SecretKey,
    /// What was said before, for [`Attack::Replay`].
    said: Vec<Arc<[u8]>>,
    /// Batches that a quorum said it holds, for [`Attack::WithholdBatches`].
    named: Vec<HeldBatch>,
}

impl Attacker {
    /// A member of the group of `instance`, whose engine this is.
    pub fn new(
        attack: Attack,
        instance: Instance,
        engine: EngineKind,
        place: ValidatorIndex,
        key: SecretKey,
    ) -> Attacker {
        Attacker { attack, instance, lies: lies(engine), place, key, said: Vec::new(), named: Vec::new() }
    }

    /// What it does.
    pub fn attack(&self) -> Attack {
        self.attack
    }

    /// What leaves when the replica sends a letter. [`Attack::Twin`] and [`Attack::Forget`] change no words: whoever runs
    /// the replica stages them.
    pub fn say(&mut self, letter: &Letter, chance: &mut dyn Chance) -> Vec<Said> {
        let signer = Signer { instance: &self.instance, key: &self.key };
        match self.attack {
            Attack::Mute => Vec::new(),
            Attack::Delay => holding::delay(letter, chance),
            Attack::Withhold => holding::withhold(letter, self.lies),
            Attack::Replay => holding::replay(letter, &mut self.said, chance),
            Attack::Equivocate => lying::equivocate(letter, signer, self.lies, chance),
            Attack::Corrupt => lying::corrupt(letter, chance),
            Attack::MisleadSync => lying::mislead_sync(letter, self.lies, chance),
            Attack::FalseShares => lying::false_shares(letter, self.place, &self.key, chance),
            Attack::WithholdBatches => {
                batches::withhold_batches(letter, &mut self.named, signer, self.lies, chance)
            }
            Attack::Twin | Attack::Forget => vec![letter.truly()],
        }
    }
}

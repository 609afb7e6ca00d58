//! What a node says otherwise than its replicas want, while that is rehearsed: on development networks alone.

use crate::writers::FIRST_EPOCH;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use witan_consensus::engine::Instance;
use witan_replica::attack::{Attack, Attacker, Chance, Letter, Said, is_proposal};
use witan_types::{EngineKind, Genesis, GroupId, SecretKey, ValidatorIndex};

/// What is rehearsed now. Set by those who stage faults, looked at by the loop, which pays no more than a look at a flag
/// while there is nothing.
#[derive(Debug, Default)]
pub(crate) struct Script {
    any: AtomicBool,
    part: Mutex<Part>,
}

/// A node's part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Part {
    /// How it lies, if it does.
    pub(crate) attack: Option<Attack>,
    /// How much later than it should it proposes, by group.
    pub(crate) proposals: BTreeMap<GroupId, Duration>,
    /// What no group says to which other one.
    pub(crate) channels: BTreeSet<(GroupId, GroupId)>,
}

impl Script {
    pub(crate) fn set(&self, part: Part) {
        let mut now = self.lock();
        self.any.store(part != Part::default(), Ordering::Release);
        *now = part;
    }

    /// How the node lies now.
    pub(crate) fn attack(&self) -> Option<Attack> {
        self.any.load(Ordering::Acquire).then(|| self.lock().attack).flatten()
    }

    /// Whether what one group says to another stays here.
    pub(crate) fn silences(&self, from: GroupId, to: GroupId) -> bool {
        self.any.load(Ordering::Acquire) && self.lock().channels.contains(&(from, to))
    }

    /// How long a proposal in this group is held back, if it is.
    pub(crate) fn proposes_late(&self, group: GroupId) -> Option<Duration> {
        self.any.load(Ordering::Acquire).then(|| self.lock().proposals.get(&group).copied()).flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Part> {
        self.part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This node as the validator that it is, should it have to lie.
#[derive(Debug)]
pub(crate) struct Liar {
    genesis: Genesis,
    key: SecretKey,
    /// Those that lied last, by group.
    attackers: BTreeMap<GroupId, Attacker>,
}

impl Liar {
    /// None for a network that is no development network: there nobody rehearses anything.
    pub(crate) fn new(genesis: &Genesis, key: SecretKey) -> Option<Liar> {
        genesis.devnet.then(|| Liar { genesis: genesis.clone(), key, attackers: BTreeMap::new() })
    }

    /// What leaves in the stead of a message to the member of a group at this place.
    pub(crate) fn say(&mut self, attack: Attack, group: GroupId, to: usize, bytes: &Arc<[u8]>) -> Vec<Said> {
        let letter = Letter { to, bytes: Arc::clone(bytes) };
        if self.attackers.get(&group).is_none_or(|attacker| attacker.attack() != attack) {
            let Some(attacker) = self.attacker(attack, group) else { return vec![letter.truly()] };
            self.attackers.insert(group, attacker);
        }
        let attacker = self.attackers.get_mut(&group);
        attacker.map_or_else(Vec::new, |attacker| attacker.say(&letter, &mut Machine))
    }

    fn attacker(&self, attack: Attack, group: GroupId) -> Option<Attacker> {
        let (engine, place) = self.membership(group)?;
        let instance = Instance { chain: self.genesis.chain(), group, epoch: FIRST_EPOCH };
        Some(Attacker::new(attack, instance, engine, place, self.key.clone()))
    }

    /// Whether a message of a group brings a new block to be voted on.
    pub(crate) fn proposes(&self, group: GroupId, bytes: &[u8]) -> bool {
        self.membership(group).is_some_and(|(engine, _)| is_proposal(engine, bytes))
    }

    fn membership(&self, group: GroupId) -> Option<(EngineKind, ValidatorIndex)> {
        let engine = self.genesis.groups.iter().find(|entry| entry.id == group)?.engine;
        let members = self.genesis.members(group);
        let place = members.iter().position(|member| member.key == self.key.public())?;
        Some((engine, ValidatorIndex(u16::try_from(place).ok()?)))
    }
}

/// Chance as the machine has it: a rehearsal on real processes is no run to be repeated bit for bit.
struct Machine;

impl Chance for Machine {
    fn number(&mut self) -> u64 {
        rand::random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::tests::{genesis, key};

    #[test]
    fn a_script_says_what_is_rehearsed_until_it_is_over() {
        let script = Script::default();
        let (one, other) = (GroupId(1), GroupId(2));
        assert_eq!((script.attack(), script.silences(one, other)), (None, false));
        script.set(Part {
            attack: Some(Attack::Mute),
            proposals: BTreeMap::from([(one, Duration::from_secs(3))]),
            channels: BTreeSet::from([(one, other)]),
        });
        assert_eq!(script.proposes_late(one), Some(Duration::from_secs(3)));
        assert_eq!(script.proposes_late(other), None);
        assert_eq!((script.attack(), script.silences(one, other)), (Some(Attack::Mute), true));
        assert!(!script.silences(other, one), "one way alone");
        script.set(Part::default());
        assert_eq!((script.attack(), script.silences(one, other)), (None, false));
    }

    #[test]
    fn a_node_lies_in_the_groups_that_it_is_a_member_of() {
        let bytes: Arc<[u8]> = vec![1, 2, 3].into();
        let mut liar = Liar::new(&genesis(), key(0)).unwrap();
        assert_eq!(liar.say(Attack::Mute, GroupId(1), 1, &bytes), []);
        let says = liar.say(Attack::Mute, GroupId(2), 0, &bytes);
        assert_eq!(says.len(), 1, "where it has no vote it has nothing to lie about");
        let of_no_devnet = Genesis { devnet: false, ..genesis() };
        assert!(Liar::new(&of_no_devnet, key(0)).is_none());
    }
}

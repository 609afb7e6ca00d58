//! Who attacks in a run: up to as many validators as the group withstands; they never heal. What they do follows from the
//! seed.

#[cfg(test)]
mod tests;
mod twins;

pub(super) use twins::Twins;

use super::random::Random;
use super::scenario::Scenario;
use std::collections::{BTreeMap, BTreeSet};
use witan_consensus::engine::Instance;
use witan_replica::attack::{Attack, Attacker, Letter, Said};
use witan_types::{Epoch, Genesis, GroupId, ValidatorIndex};

/// What a node says in each of its groups instead of what its replica does.
pub(super) type Lies = BTreeMap<GroupId, Attacker>;

/// The attackers of a run, by place.
#[derive(Debug)]
pub(super) struct Attackers {
    /// What each does in each of its groups; nothing while it follows the protocol.
    attackers: BTreeMap<usize, Lies>,
    twins: Twins,
}

impl Attackers {
    /// These; `nodes` is how many nodes run without twins.
    pub(super) fn new(attackers: BTreeMap<usize, Lies>, seed: u64, nodes: usize) -> Attackers {
        let doubled = attackers.iter().filter(|(_, lies)| plays(lies, Attack::Twin));
        let twins = Twins::new(seed, doubled.map(|(place, _)| *place), nodes);
        Attackers { attackers, twins }
    }

    /// The same, who follow the protocol until they are told to attack.
    pub(super) fn honest_at_first(mut self) -> Attackers {
        self.attackers.values_mut().for_each(Lies::clear);
        self.twins = self.twins.alone();
        self
    }

    /// An attacker says this from now on; nothing else than its replica if it is empty.
    pub(super) fn turn(&mut self, at: usize, lies: Lies) {
        self.attackers.insert(at, lies);
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
        self.attackers.get(&at).is_some_and(|lies| plays(lies, Attack::Forget))
    }

    /// The places of those who do.
    pub(super) fn forgetful(&self) -> Vec<usize> {
        self.attackers.keys().copied().filter(|at| self.forgets(*at)).collect()
    }

    /// What leaves when the replica of a group at a place sends a letter; none if it is honest.
    pub(super) fn say(
        &mut self,
        (from, group): (usize, GroupId),
        letter: &Letter,
        random: &mut Random,
    ) -> Option<Vec<Said>> {
        Some(self.attackers.get_mut(&from)?.get_mut(&group)?.say(letter, random))
    }
}

impl Scenario {
    /// What an attacker at a place says in each of its groups.
    pub(super) fn lies(&self, at: usize, attack: Attack, genesis: &Genesis) -> Lies {
        let lie = |group| {
            let instance = Instance { chain: genesis.chain(), group, epoch: Epoch(1) };
            let place = ValidatorIndex(self.place_in(group, at)?);
            Some((
                group,
                Attacker::new(attack, instance, self.engine_of(group), place, self.validator_key(at)),
            ))
        };
        self.running().filter_map(lie).collect()
    }
}

fn plays(lies: &Lies, attack: Attack) -> bool {
    lies.values().any(|attacker| attacker.attack() == attack)
}

//! Who attacks in a run: up to as many validators as the group withstands; they never heal. What they do follows from the
//! seed.

#[cfg(test)]
mod tests;
mod twins;

pub(super) use twins::Twins;

use super::random::Random;
use std::collections::BTreeMap;
use witan_replica::attack::{Attack, Attacker, Letter, Said};

/// The attackers of a run, by place.
#[derive(Debug)]
pub(super) struct Attackers {
    attackers: BTreeMap<usize, Attacker>,
    twins: Twins,
}

impl Attackers {
    /// These; `nodes` is how many nodes run without twins.
    pub(super) fn new(attackers: BTreeMap<usize, Attacker>, seed: u64, nodes: usize) -> Attackers {
        let doubled = attackers.iter().filter(|(_, attacker)| attacker.attack() == Attack::Twin);
        let twins = Twins::new(seed, doubled.map(|(place, _)| *place), nodes);
        Attackers { attackers, twins }
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
        self.attackers.get(&at).is_some_and(|attacker| attacker.attack() == Attack::Forget)
    }

    /// The places of those who do.
    pub(super) fn forgetful(&self) -> Vec<usize> {
        self.attackers.keys().copied().filter(|at| self.forgets(*at)).collect()
    }

    /// What leaves when the replica at a place sends a letter; none if it is honest.
    pub(super) fn say(&mut self, from: usize, letter: &Letter, random: &mut Random) -> Option<Vec<Said>> {
        Some(self.attackers.get_mut(&from)?.say(letter, random))
    }
}

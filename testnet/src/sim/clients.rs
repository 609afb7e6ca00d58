//! Clients: what they want done, drawn from the seed.

use super::random::Random;
use super::scenario::Scenario;
use std::collections::BTreeMap;
use witan_ledger::{first_owner, slot_of};
use witan_types::{
    Account, ChainId, Check, Genesis, GroupId, Key, Op, SecretKey, SignedTransaction, Transaction,
};

/// The most that a transaction lives, in milliseconds; below what genesis allows by more than clocks differ.
const LIFETIME_MS: u64 = 14_000;

/// What one group holds of what clients use: a transaction keeps to one group.
#[derive(Debug)]
struct Holdings {
    signers: Vec<SecretKey>,
    keys: Vec<Key>,
    counters: Vec<Key>,
    lists: Vec<Key>,
}

impl Holdings {
    fn new(scenario: &Scenario, genesis: &Genesis, group: GroupId) -> Holdings {
        let named = |name: &str, count: usize| {
            let keys = (0..).map(|number| Key(format!("{name}-{number}").into_bytes()));
            keys.filter(|key| first_owner(genesis, slot_of(key)) == group).take(count).collect()
        };
        Holdings {
            signers: scenario.client_keys(genesis, group),
            keys: named("key", 20),
            counters: named("counter", 4),
            lists: named("list", 4),
        }
    }

    fn wish(&self, random: &mut Random) -> Option<(Vec<Check>, Vec<Op>)> {
        let key = drawn(&self.keys, random)?;
        let counter = drawn(&self.counters, random)?;
        let list = drawn(&self.lists, random)?;
        let value = random.number().to_le_bytes().to_vec();
        let put = Op::Put { key: key.clone(), value: value.clone() };
        Some(match random.below(12) {
            0 | 1 => (vec![], vec![put]),
            2 | 3 => (vec![], vec![Op::Add { key: counter, delta: 1 }]),
            4..=6 => (vec![], vec![self.transfer(random), Op::Add { key: counter, delta: -1 }]),
            7 => (vec![], vec![Op::Delete { key }]),
            8 => (vec![], vec![Op::Append { key: list, item: value }]),
            9 => (vec![Check::Exists { key: key.clone() }], vec![put, Op::Get { key }]),
            10 => (vec![Check::Absent { key: key.clone() }], vec![put, Op::Add { key, delta: 1 }]),
            _ => (vec![Check::Version { key, version: 0 }], vec![put, self.transfer(random)]),
        })
    }

    /// To anyone here, the signer included; now and then of more than anyone has.
    fn transfer(&self, random: &mut Random) -> Op {
        let to = drawn(&self.signers, random).map(|key| Account(key.public()));
        let most = if random.chance(10) { 100_000 } else { 300 };
        Op::Transfer {
            to: to.unwrap_or(Account(witan_types::PublicKey([0; 32]))),
            amount: u128::from(random.within(1..=most)),
        }
    }
}

fn drawn<T: Clone>(list: &[T], random: &mut Random) -> Option<T> {
    list.get(random.place(list.len())).cloned()
}

/// Everyone who submits transactions.
#[derive(Debug)]
pub(super) struct Clients {
    chain: ChainId,
    holdings: BTreeMap<GroupId, Holdings>,
    salt: u64,
}

impl Clients {
    pub(super) fn new(scenario: &Scenario, genesis: &Genesis) -> Clients {
        let holdings = scenario.groups().map(|group| (group, Holdings::new(scenario, genesis, group)));
        Clients { chain: genesis.chain(), holdings: holdings.collect(), salt: 0 }
    }

    /// The next transaction, signed at this wall-clock time. Some live briefly, and some will fail.
    pub(super) fn next(&mut self, random: &mut Random, wall_ms: u64) -> Option<SignedTransaction> {
        let group = self.draw(random)?;
        let lives = if random.chance(10) { random.within(1..=500) } else { LIFETIME_MS };
        self.sign(random, wall_ms.saturating_add(lives), group)
    }

    /// One for this group that lives long enough to be committed by whoever is well.
    pub(super) fn lasting(
        &mut self,
        random: &mut Random,
        wall_ms: u64,
        group: GroupId,
    ) -> Option<SignedTransaction> {
        self.sign(random, wall_ms.saturating_add(LIFETIME_MS), group)
    }

    /// Any group; where there is only one, nothing is drawn.
    fn draw(&self, random: &mut Random) -> Option<GroupId> {
        let several = self.holdings.len() > 1;
        let place = if several { random.place(self.holdings.len()) } else { 0 };
        self.holdings.keys().nth(place).copied()
    }

    fn sign(&mut self, random: &mut Random, expires_at_ms: u64, group: GroupId) -> Option<SignedTransaction> {
        let holdings = self.holdings.get(&group)?;
        let signer = drawn(&holdings.signers, random)?;
        let (checks, ops) = holdings.wish(random)?;
        self.salt += 1;
        let transaction = Transaction {
            chain: self.chain,
            signer: Account(signer.public()),
            salt: self.salt,
            expires_at_ms,
            checks,
            ops,
        };
        Some(transaction.sign(&signer))
    }
}

#[cfg(test)]
mod tests;

//! Clients: what they want done, drawn from the seed. Where there are several groups, half of the transactions span some.

use super::random::Random;
use super::scenario::{LIFETIME_MS, Scenario};
use std::collections::BTreeMap;
use witan_ledger::{first_owner, slot_of};
use witan_types::{
    Account, ChainId, Check, Genesis, GroupId, Key, Op, SecretKey, SignedTransaction, Transaction,
};

/// The share of transactions that span groups, where there are several; in percent.
const ACROSS: u64 = 35;

/// What one group holds of what clients use.
#[derive(Debug)]
struct Holdings {
    signers: Vec<SecretKey>,
    keys: Vec<Key>,
    counters: Vec<Key>,
    lists: Vec<Key>,
}

/// What a client wants: checks and ops.
type Wish = (Vec<Check>, Vec<Op>);

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

    fn wish(&self, random: &mut Random) -> Option<Wish> {
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
    /// The share of transactions that span groups, in percent.
    across: u64,
    salt: u64,
}

impl Clients {
    pub(super) fn new(scenario: &Scenario, genesis: &Genesis) -> Clients {
        let holdings = scenario.groups().map(|group| (group, Holdings::new(scenario, genesis, group)));
        let across = scenario.across_percent().unwrap_or(ACROSS);
        Clients { chain: genesis.chain(), holdings: holdings.collect(), across, salt: 0 }
    }

    /// The next transaction, signed at this wall-clock time. Some live briefly, and some will fail.
    pub(super) fn next(&mut self, random: &mut Random, wall_ms: u64) -> Option<SignedTransaction> {
        let group = self.draw(random)?;
        let lives = if random.chance(10) { random.within(1..=500) } else { LIFETIME_MS };
        let across = self.holdings.len() > 1 && random.chance(self.across);
        let wish =
            if across { self.wish_across(random, group) } else { self.holdings.get(&group)?.wish(random) };
        self.sign(random, wall_ms.saturating_add(lives), group, wish?)
    }

    /// One for this group that lives long enough to be committed by whoever is well; where there are several groups, one
    /// that reads every list, if that is wanted.
    pub(super) fn lasting(
        &mut self,
        random: &mut Random,
        wall_ms: u64,
        group: GroupId,
        reads_all: bool,
    ) -> Option<SignedTransaction> {
        let wish = if self.holdings.len() > 1 && reads_all {
            self.append_and_read_all(random, group)
        } else {
            self.holdings.get(&group)?.wish(random)
        };
        self.sign(random, wall_ms.saturating_add(LIFETIME_MS), group, wish?)
    }

    /// Something that several groups have to do together, this one first.
    fn wish_across(&self, random: &mut Random, group: GroupId) -> Option<Wish> {
        let (here, there) = (self.holdings.get(&group)?, self.other(random, group)?);
        Some(match random.below(20) {
            0..=8 => (vec![], self.on_lists(random, group)?),
            9..=13 => (vec![], vec![there.transfer(random)]),
            14 | 15 => {
                let counter = drawn(&there.counters, random)?;
                (vec![], vec![there.transfer(random), Op::Add { key: counter, delta: 1 }])
            }
            16..=18 => {
                let (key, value) = (drawn(&there.keys, random)?, random.number().to_le_bytes().to_vec());
                let put = |key: Key| Op::Put { key, value: value.clone() };
                (
                    vec![Check::Absent { key: drawn(&here.keys, random)? }],
                    vec![put(drawn(&here.keys, random)?), put(key)],
                )
            }
            _ => (vec![], self.balances().map(|key| Op::Get { key }).collect()),
        })
    }

    fn other(&self, random: &mut Random, group: GroupId) -> Option<&Holdings> {
        let others: Vec<&Holdings> =
            self.holdings.iter().filter(|(id, _)| **id != group).map(|(_, holdings)| holdings).collect();
        others.get(random.place(others.len())).copied()
    }

    /// Appends to lists and reads of them, of any groups, this one first.
    fn on_lists(&self, random: &mut Random, group: GroupId) -> Option<Vec<Op>> {
        let mut ops = Vec::new();
        let mut holdings = self.holdings.get(&group)?;
        for _ in 0..random.within(2..=3) {
            let key = drawn(&holdings.lists, random)?;
            let item = random.number().to_le_bytes().to_vec();
            ops.push(if random.chance(50) { Op::Append { key, item } } else { Op::Get { key } });
            holdings = self.holdings.values().nth(random.place(self.holdings.len()))?;
        }
        Some(ops)
    }

    /// An append to a list of this group, and a read of every list there is.
    fn append_and_read_all(&self, random: &mut Random, group: GroupId) -> Option<Wish> {
        let key = drawn(&self.holdings.get(&group)?.lists, random)?;
        let append = Op::Append { key, item: random.number().to_le_bytes().to_vec() };
        let lists = self.holdings.values().flat_map(|holdings| holdings.lists.iter().cloned());
        Some((vec![], std::iter::once(append).chain(lists.map(|key| Op::Get { key })).collect()))
    }

    /// Where every balance stands.
    fn balances(&self) -> impl Iterator<Item = Key> {
        let signers = self.holdings.values().flat_map(|holdings| &holdings.signers);
        signers.map(|key| Key::balance_of(&Account(key.public())))
    }

    /// Whether a transaction reads every balance, and does nothing else.
    pub(super) fn reads_all_balances(&self, signed: &SignedTransaction) -> bool {
        let reads = |(key, op): (Key, &Op)| matches!(op, Op::Get { key: read } if *read == key);
        let ops = &signed.transaction.ops;
        ops.len() == self.balances().count() && self.balances().zip(ops).all(reads)
    }

    /// One that appends to a list of every group.
    pub(super) fn spanning(&mut self, wall_ms: u64) -> Option<SignedTransaction> {
        let first = self.holdings.values().next()?;
        let signer = first.signers.first()?.clone();
        self.salt += 1;
        let item = self.salt.to_le_bytes().to_vec();
        let append = |holdings: &Holdings| {
            Some(Op::Append { key: holdings.lists.first()?.clone(), item: item.clone() })
        };
        let ops: Option<Vec<Op>> = self.holdings.values().map(append).collect();
        let transaction = Transaction {
            chain: self.chain,
            signer: Account(signer.public()),
            salt: self.salt,
            expires_at_ms: wall_ms.saturating_add(LIFETIME_MS),
            checks: vec![],
            ops: ops?,
        };
        Some(transaction.sign(&signer))
    }

    /// Any group; where there is only one, nothing is drawn.
    fn draw(&self, random: &mut Random) -> Option<GroupId> {
        let several = self.holdings.len() > 1;
        let place = if several { random.place(self.holdings.len()) } else { 0 };
        self.holdings.keys().nth(place).copied()
    }

    fn sign(
        &mut self,
        random: &mut Random,
        expires_at_ms: u64,
        group: GroupId,
        (checks, ops): Wish,
    ) -> Option<SignedTransaction> {
        let holdings = self.holdings.get(&group)?;
        let signer = drawn(&holdings.signers, random)?;
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

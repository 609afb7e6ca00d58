//! Clients: what they want done, drawn from the seed.

use super::random::Random;
use super::scenario::{ACCOUNTS, Scenario};
use witan_types::{Account, ChainId, Check, Key, Op, SecretKey, SignedTransaction, Transaction};

/// The most that a transaction lives, in milliseconds; below what genesis allows by more than clocks differ.
const LIFETIME_MS: u64 = 14_000;

/// Everyone who submits transactions.
#[derive(Debug)]
pub(super) struct Clients {
    chain: ChainId,
    keys: Vec<SecretKey>,
    salt: u64,
}

impl Clients {
    pub(super) fn new(scenario: &Scenario, chain: ChainId) -> Clients {
        Clients { chain, keys: (0..ACCOUNTS).map(|place| scenario.client_key(place)).collect(), salt: 0 }
    }

    /// The next transaction, signed at this wall-clock time. Some live briefly, and some will fail.
    pub(super) fn next(&mut self, random: &mut Random, wall_ms: u64) -> Option<SignedTransaction> {
        let lives = if random.chance(10) { random.within(1..=500) } else { LIFETIME_MS };
        self.sign(random, wall_ms.saturating_add(lives))
    }

    /// One that lives long enough to be committed by whoever is well.
    pub(super) fn lasting(&mut self, random: &mut Random, wall_ms: u64) -> Option<SignedTransaction> {
        self.sign(random, wall_ms.saturating_add(LIFETIME_MS))
    }

    fn sign(&mut self, random: &mut Random, expires_at_ms: u64) -> Option<SignedTransaction> {
        let signer = self.keys.get(random.place(self.keys.len()))?.clone();
        let (checks, ops) = self.wish(random);
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

    fn wish(&self, random: &mut Random) -> (Vec<Check>, Vec<Op>) {
        let key = Key(format!("key-{}", random.below(20)).into_bytes());
        let counter = Key(format!("counter-{}", random.below(4)).into_bytes());
        let list = Key(format!("list-{}", random.below(4)).into_bytes());
        let value = random.number().to_le_bytes().to_vec();
        let put = Op::Put { key: key.clone(), value: value.clone() };
        match random.below(12) {
            0 | 1 => (vec![], vec![put]),
            2 | 3 => (vec![], vec![Op::Add { key: counter, delta: 1 }]),
            4..=6 => (vec![], vec![self.transfer(random), Op::Add { key: counter, delta: -1 }]),
            7 => (vec![], vec![Op::Delete { key }]),
            8 => (vec![], vec![Op::Append { key: list, item: value }]),
            9 => (vec![Check::Exists { key: key.clone() }], vec![put, Op::Get { key }]),
            10 => (vec![Check::Absent { key: key.clone() }], vec![put, Op::Add { key, delta: 1 }]),
            _ => (vec![Check::Version { key, version: 0 }], vec![put, self.transfer(random)]),
        }
    }

    /// To anyone, the signer included; now and then of more than anyone has.
    fn transfer(&self, random: &mut Random) -> Op {
        let to = self.keys.get(random.place(self.keys.len())).map(|key| Account(key.public()));
        let most = if random.chance(10) { 100_000 } else { 300 };
        Op::Transfer {
            to: to.unwrap_or(Account(witan_types::PublicKey([0; 32]))),
            amount: u128::from(random.within(1..=most)),
        }
    }
}

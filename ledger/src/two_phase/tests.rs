//! Two-phase commit among ledgers alone: blocks are made one at a time, and what they say to each other is carried by
//! hand, so that each story says exactly what happened when. Seals are not judged here, so none is signed.

mod bounds;
mod conflicts;
mod forgeries;
mod laws;
mod mutations;
mod simulated;
mod stories;

use super::*;
use crate::fixtures::{child, genesis, get, put, transaction};
use crate::ledger::{Executed, Ledger};
use crate::memory_store::MemoryStore;
use crate::slots::SlotMap;
use crate::value::{AbortReason, FailureReason, Receipt, TransactionOutcome, Value};
use std::sync::Arc;
use witan_types::genesis::GenesisGroup;
use witan_types::{
    Check, EngineKind, Envelope, Genesis, Op, Payload, QuorumSignatures, Scheme, Seal, SecretKey,
    SignedTransaction, Transaction,
};

/// Three user groups.
const GROUPS: u32 = 3;

/// The groups of a network, as their ledgers see it.
struct Network {
    genesis: Genesis,
    ledgers: BTreeMap<GroupId, Ledger<MemoryStore>>,
    /// What was said and not heard yet, oldest first.
    said: BTreeMap<(GroupId, GroupId), Vec<Envelope>>,
    salt: u64,
}

fn group(id: u32) -> GroupId {
    GroupId(id)
}

fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32]).under(Scheme::StandIn)
}

impl Network {
    fn start() -> Network {
        Network::with(None)
    }

    fn with(fault: Option<PlantedFault>) -> Network {
        let of = |id| GenesisGroup::of_all(GroupId(id), EngineKind::HotStuff);
        let balances = (1..=40).map(|number| witan_types::genesis::GenesisBalance {
            account: witan_types::Account(secret(number).public()),
            balance: 1_000,
        });
        let genesis =
            Genesis { groups: (0..=GROUPS).map(of).collect(), balances: balances.collect(), ..genesis() };
        let open = |id| {
            let (mut ledger, commit) = Ledger::open(MemoryStore::default(), &genesis, GroupId(id)).unwrap();
            ledger.store_mut().apply(&commit.unwrap());
            ledger.flushed(0);
            let ledger = ledger.under(Scheme::StandIn);
            (
                GroupId(id),
                match fault {
                    Some(fault) => ledger.planted(fault),
                    None => ledger,
                },
            )
        };
        let ledgers = (1..=GROUPS).map(open).collect();
        Network { genesis, ledgers, said: BTreeMap::new(), salt: 0 }
    }

    fn ledger(&self, id: u32) -> &Ledger<MemoryStore> {
        &self.ledgers[&GroupId(id)]
    }

    /// A key of a group; different names give different keys.
    fn key(&self, id: u32, name: &str) -> String {
        let slots = SlotMap::first(&self.genesis);
        let is_own = |key: &String| slots.owner(&Key::from(key.as_str())) == GroupId(id);
        (0..).map(|number: u32| format!("{name}{number}")).find(is_own).unwrap()
    }

    /// The number of the `place`-th account whose balance a group holds.
    fn holder(&self, id: u32, place: usize) -> u8 {
        let slots = SlotMap::first(&self.genesis);
        let account = |number: &u8| witan_types::Account(secret(*number).public());
        let is_own = |number: &u8| slots.owner(&Key::balance_of(&account(number))) == GroupId(id);
        (1..=40).filter(is_own).nth(place).unwrap()
    }

    fn balance_key(number: u8) -> String {
        String::from_utf8(Key::balance_of(&witan_types::Account(secret(number).public())).0).unwrap()
    }

    fn signed_by(&mut self, number: u8, checks: Vec<Check>, ops: Vec<Op>) -> SignedTransaction {
        self.salt += 1;
        let signer = witan_types::Account(secret(number).public());
        let chain = self.genesis.chain();
        Transaction { chain, signer, ..transaction(self.salt, checks, ops) }.sign(&secret(number))
    }

    fn signed(&mut self, ops: Vec<Op>) -> SignedTransaction {
        self.signed_by(1, vec![], ops)
    }

    /// A block of a group, some milliseconds after its last one, with these transactions and envelopes.
    fn block_of(
        &mut self,
        id: u32,
        after_ms: u64,
        list: Vec<SignedTransaction>,
        envelopes: Vec<Envelope>,
    ) -> Executed {
        let ledger = self.ledgers.get_mut(&GroupId(id)).unwrap();
        let time_ms = ledger.tip().time_ms + after_ms;
        let mut block = child(ledger.tip(), time_ms, vec![]);
        block.payload = Payload { batches: vec![witan_types::Batch::of(list)], envelopes };
        block.header.payload_root = block.payload.root();
        let executed = ledger.execute(Arc::new(block));
        let commit = executed.commit.clone();
        let (height, outcome) = (commit.outcome.height, commit.outcome.clone());
        ledger.store_mut().apply(&commit);
        ledger.flushed(height);
        let seal = Seal { outcome, signatures: QuorumSignatures::default() };
        let said: Vec<Envelope> =
            (1..=GROUPS).filter_map(|other| ledger.envelope(&seal, GroupId(other))).collect();
        for envelope in said {
            assert!(envelope.is_consistent());
            self.said.entry((GroupId(id), envelope.contents.destination)).or_default().push(envelope);
        }
        executed
    }

    /// A block of these transactions alone.
    fn block(&mut self, id: u32, list: Vec<SignedTransaction>) -> Executed {
        self.block_of(id, 10, list, vec![])
    }

    /// What one group said to another and that one has not heard.
    fn said(&mut self, from: u32, to: u32) -> Vec<Envelope> {
        self.said.remove(&(GroupId(from), GroupId(to))).unwrap_or_default()
    }

    /// A block that hears everything said to the group so far.
    fn hear(&mut self, id: u32) -> Executed {
        self.hear_after(id, 10)
    }

    fn hear_after(&mut self, id: u32, after_ms: u64) -> Executed {
        let envelopes = (1..=GROUPS).flat_map(|from| self.said(from, id)).collect();
        self.block_of(id, after_ms, vec![], envelopes)
    }

    /// Every group makes blocks until nothing is said and nothing is due any more.
    fn settle(&mut self) {
        for _ in 0..2_000 {
            let is_open = |ledger: &Ledger<_>| ledger.next_due_ms().is_some();
            if self.said.values().all(Vec::is_empty) && !self.ledgers.values().any(is_open) {
                return;
            }
            (1..=GROUPS).for_each(|id| {
                self.hear(id);
            });
        }
        panic!("the groups never come to rest");
    }

    fn receipt(&self, id: u32, transaction: &SignedTransaction) -> Option<Receipt> {
        self.ledger(id).find_transaction(&transaction.id()).map(|(_, receipt)| receipt)
    }

    fn outcome(&self, id: u32, transaction: &SignedTransaction) -> TransactionOutcome {
        self.receipt(id, transaction).expect("the transaction ended").outcome
    }

    fn value(&self, key: &str) -> Option<Value> {
        let key = Key::from(key);
        let owner = SlotMap::first(&self.genesis).owner(&key);
        self.ledgers[&owner].entry(&key).map(|entry| entry.value)
    }

    fn bytes(&self, key: &str) -> Option<String> {
        self.value(key).map(|value| match value {
            Value::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
            other => panic!("{other:?}"),
        })
    }

    fn balance(&self, number: u8) -> u128 {
        let key = Key::balance_of(&witan_types::Account(secret(number).public()));
        let owner = SlotMap::first(&self.genesis).owner(&key);
        match self.ledgers[&owner].entry(&key).map(|entry| entry.value) {
            Some(Value::Balance(balance)) => balance,
            other => panic!("{other:?}"),
        }
    }

    fn total(&self) -> u128 {
        (1..=40).map(|number| self.balance(number)).sum()
    }

    fn locks(&self) -> usize {
        self.ledgers.values().map(|ledger| ledger.locks().count()).sum()
    }
}

fn applied(outcome: &TransactionOutcome) -> bool {
    matches!(outcome, TransactionOutcome::Applied { .. })
}

fn transfer(to: u8, amount: u128) -> Op {
    Op::Transfer { to: witan_types::Account(secret(to).public()), amount }
}

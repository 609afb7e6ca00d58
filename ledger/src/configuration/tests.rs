//! What the root group's state says, how operators change it, and how other groups hear of that. Blocks are made one at a
//! time, and what groups say to each other is carried by hand. Nothing here judges signatures or seals, so none is real.

mod approvals;
mod genesis;
mod laws;
mod parameters;

use super::Configuration;
use crate::fixtures::{account, child, signed, transaction};
use crate::ledger::{Executed, Ledger};
use crate::memory_store::MemoryStore;
use crate::records::Record;
use crate::store::Store as _;
use crate::value::{FailureReason, TransactionOutcome, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use witan_types::genesis::{GenesisGroup, Parameters};
use witan_types::{
    Batch, Change, ChangeKind, EngineKind, Envelope, Genesis, GroupId, Op, Operators, Payload,
    QuorumSignatures, Seal, Transaction, TxId, Wire,
};

/// The root group and two others.
const GROUPS: std::ops::RangeInclusive<u32> = 0..=2;

/// The groups of a network with three operators, accounts 1 to 3, of whom two have to agree.
struct Network {
    genesis: Genesis,
    ledgers: BTreeMap<GroupId, Ledger<MemoryStore>>,
    /// What was said and not heard yet, oldest first.
    said: BTreeMap<(GroupId, GroupId), Vec<Envelope>>,
    salt: u64,
}

impl Network {
    fn start() -> Network {
        Network::with(Operators { accounts: (1..=3).map(account).collect(), threshold: 2 })
    }

    fn with(operators: Operators) -> Network {
        let of = |id| GenesisGroup::of_all(GroupId(id), EngineKind::HotStuff);
        let genesis = Genesis { groups: GROUPS.map(of).collect(), operators, ..crate::fixtures::genesis() };
        let open = |id| {
            let (mut ledger, commit) = Ledger::open(MemoryStore::default(), &genesis, GroupId(id)).unwrap();
            ledger.store_mut().apply(&commit.unwrap());
            ledger.flushed(0);
            (GroupId(id), ledger)
        };
        let ledgers = GROUPS.map(open).collect();
        Network { genesis, ledgers, said: BTreeMap::new(), salt: 0 }
    }

    /// An approval of a change by an account.
    fn approval(&mut self, number: u8, change: &Change) -> Transaction {
        self.salt += 1;
        let ops = vec![Op::Approve { change: change.clone() }];
        let chain = self.genesis.chain();
        Transaction { chain, signer: account(number), ..transaction(self.salt, vec![], ops) }
    }

    /// A block of a group with these transactions and envelopes.
    fn block(&mut self, id: u32, list: Vec<Transaction>, envelopes: Vec<Envelope>) -> Executed {
        let ledger = self.ledgers.get_mut(&GroupId(id)).unwrap();
        let mut block = child(ledger.tip(), ledger.tip().time_ms + 10, vec![]);
        let batches = vec![Batch::of(list.into_iter().map(signed))];
        block.payload = Payload { batches, envelopes };
        block.header.payload_root = block.payload.root();
        let executed = ledger.execute(Arc::new(block));
        let (height, outcome) = (executed.commit.outcome.height, executed.commit.outcome.clone());
        ledger.store_mut().apply(&executed.commit);
        ledger.flushed(height);
        let seal = Seal { outcome, signatures: QuorumSignatures::default() };
        for other in GROUPS.map(GroupId) {
            self.said.entry((GroupId(id), other)).or_default().extend(ledger.envelope(&seal, other));
        }
        executed
    }

    /// What a group said to another and that one has not heard.
    fn said(&mut self, from: u32, to: u32) -> Vec<Envelope> {
        self.said.remove(&(GroupId(from), GroupId(to))).unwrap_or_default()
    }

    /// An account approves a change in a block of its own; how that ended.
    fn approve(&mut self, number: u8, change: &Change) -> Result<(), FailureReason> {
        let approval = self.approval(number, change);
        let id = approval.id();
        self.block(0, vec![approval], vec![]);
        self.outcome(&id)
    }

    fn outcome(&self, id: &TxId) -> Result<(), FailureReason> {
        match self.root().find_transaction(id).expect("it ended").1.outcome {
            TransactionOutcome::Applied { .. } => Ok(()),
            TransactionOutcome::Failed { reason } => Err(reason),
            other => panic!("{other:?}"),
        }
    }

    fn root(&self) -> &Ledger<MemoryStore> {
        self.group(0)
    }

    fn group(&self, id: u32) -> &Ledger<MemoryStore> {
        &self.ledgers[&GroupId(id)]
    }

    fn configuration(&self) -> Configuration {
        super::reading::configuration(self.root().store()).unwrap()
    }

    /// The changes that operators approve, with how many do.
    fn approvals(&self) -> Vec<(Change, usize)> {
        let found = super::reading::approvals(self.root().store());
        found.into_iter().map(|(change, operators)| (change, operators.len())).collect()
    }

    /// The parameters, with this done to them.
    fn changed(&self, version: u64, change: impl FnOnce(&mut Parameters)) -> Change {
        let mut parameters = self.configuration().parameters;
        change(&mut parameters);
        Change { version, kind: ChangeKind::Parameters(parameters) }
    }

    /// Every ledger opened again from its store is as it was.
    fn restarts_as_it_was(&self) {
        for (id, ledger) in &self.ledgers {
            let (again, commit) = Ledger::open(ledger.store().clone(), &self.genesis, *id).unwrap();
            assert_eq!(commit, None);
            assert_eq!(again.tip_outcome(), ledger.tip_outcome(), "group {id}");
            assert_eq!(again.parameters(), ledger.parameters(), "group {id}");
            assert_eq!(again.dealings(), ledger.dealings(), "group {id}");
        }
    }
}

fn read<T: Wire>(store: &MemoryStore, record: Record) -> Option<T> {
    let Value::Record(bytes) = store.entry(&record.key())?.value else { return None };
    Some(T::decode(&bytes).unwrap())
}

/// A change of operators to these accounts.
fn operators(version: u64, numbers: &[u8], threshold: u16) -> Change {
    let accounts = numbers.iter().copied().map(account).collect();
    Change { version, kind: ChangeKind::Operators(Operators { accounts, threshold }) }
}

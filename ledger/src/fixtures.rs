//! What tests of this crate share: accounts, transactions and blocks. Nothing here judges signatures, so none is real.

use crate::execute::StateView;
use crate::value::{Entry, Value};
use std::collections::BTreeMap;
use witan_types::genesis::{GenesisBalance, GenesisGroup, GenesisValidator, Operators, Parameters};
use witan_types::{
    Account, Batch, Block, BlockId, ChainId, Check, EngineKind, Epoch, Genesis, GroupId, Hash, Header,
    Height, Key, NodeId, Op, Payload, PublicKey, Signature, SignedTransaction, Transaction, ValidatorIndex,
};

/// Base time of the tests' chains.
pub(crate) const GENESIS_MS: u64 = 1_000_000;

/// State that stands still.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MapView(pub(crate) BTreeMap<Key, Entry>);

impl StateView for MapView {
    fn entry(&self, key: &Key) -> Option<Entry> {
        self.0.get(key).cloned()
    }
}

impl MapView {
    pub(crate) fn apply(&mut self, changes: &[(Key, Option<Entry>)]) {
        for (key, entry) in changes {
            match entry {
                Some(entry) => self.0.insert(key.clone(), entry.clone()),
                None => self.0.remove(key),
            };
        }
    }

    /// The sum of all balances.
    pub(crate) fn total(&self) -> u128 {
        let balance = |entry: &Entry| if let Value::Balance(balance) = entry.value { balance } else { 0 };
        self.0.values().map(balance).sum()
    }
}

pub(crate) fn account(number: u8) -> Account {
    Account(PublicKey([number; 32]))
}

pub(crate) fn put(key: &str, value: &str) -> Op {
    Op::Put { key: Key::from(key), value: value.as_bytes().to_vec() }
}

pub(crate) fn get(key: &str) -> Op {
    Op::Get { key: Key::from(key) }
}

/// A transaction of account 1 that is valid for the first minute of the tests' chains.
pub(crate) fn transaction(salt: u64, checks: Vec<Check>, ops: Vec<Op>) -> Transaction {
    Transaction {
        chain: genesis().chain(),
        signer: account(1),
        salt,
        expires_at_ms: GENESIS_MS + 60_000,
        checks,
        ops,
    }
}

pub(crate) fn signed(transaction: Transaction) -> SignedTransaction {
    SignedTransaction { transaction, signature: Signature([0; 64]) }
}

/// A block of these transactions on any parent.
pub(crate) fn block_at(height: Height, time_ms: u64, transactions: Vec<Transaction>) -> Block {
    let batch = Batch::of(transactions.into_iter().map(signed));
    let payload = Payload { batches: vec![batch], envelopes: Vec::new() };
    let header = Header {
        chain: ChainId::default(),
        group: GroupId(1),
        epoch: Epoch(1),
        height,
        tag: height,
        parent: BlockId::default(),
        proposer: ValidatorIndex(0),
        time_ms,
        payload_root: payload.root(),
    };
    Block { header, payload }
}

/// A block of these transactions on `parent`.
pub(crate) fn child(parent: &Header, time_ms: u64, transactions: Vec<Transaction>) -> Block {
    let mut block = block_at(parent.height + 1, time_ms, transactions);
    (block.header.chain, block.header.group, block.header.parent) = (parent.chain, parent.group, parent.id());
    block
}

/// One validator, two groups, and 1,000 for each of the accounts 1 to 4.
pub(crate) fn genesis() -> Genesis {
    let group = |id| GenesisGroup::of_all(GroupId(id), EngineKind::HotStuff);
    Genesis {
        name: "test".into(),
        time_ms: GENESIS_MS,
        devnet: true,
        permissioned: false,
        validators: vec![GenesisValidator {
            name: "n0".into(),
            key: PublicKey([9; 32]),
            node: NodeId(Hash([9; 32])),
        }],
        followers: Vec::new(),
        operators: Operators::default(),
        groups: vec![group(0), group(1)],
        balances: (1..=4).map(|number| GenesisBalance { account: account(number), balance: 1_000 }).collect(),
        parameters: Parameters::default(),
    }
}

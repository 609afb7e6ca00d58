//! One group's ledger: executes decided blocks in order over what the store holds, and answers reads, blocks that are
//! not flushed yet included.

mod crossing;
mod proofs;
mod seen;
#[cfg(test)]
mod tests;
mod unflushed;
mod validate;

pub use proofs::{PROOF_WINDOW, ProofWindow, StateTrees};
pub use validate::{MAX_BLOCK_MESSAGES, MAX_ENVELOPES_BYTES, Validity};

use crate::configuration;
use crate::dealings::Dealings;
use crate::error::LedgerError;
use crate::execute::{Execution, StateView, Stopped, execute_block};
use crate::slots::{first_slots, slot_of};
use crate::store::{BlockCommit, Store};
use crate::tree::Tree;
use crate::two_phase::Place;
#[cfg(any(test, feature = "planted-faults"))]
use crate::two_phase::{Planted, PlantedFault};
use crate::value::{Entry, Receipt, Value, Version};
use seen::SeenSet;
use std::collections::BTreeSet;
use std::sync::Arc;
use unflushed::Unflushed;
use witan_types::genesis::Parameters;
use witan_types::{
    Block, Genesis, GroupId, Hash, Header, Height, IdentifiedTransaction, Key, Outcome, Payload, Scheme,
    Transaction, TxId, merkle_list,
};

/// What executing a block gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// What to write, atomically.
    pub commit: Arc<BlockCommit>,
    /// Transactions of the block that did not execute and may in a later one, and why.
    pub deferred: Vec<(TxId, Stopped)>,
    /// Transactions across groups that are pending from here on.
    pub started: Vec<TxId>,
    /// Keys that are free again, or freer than they were.
    pub freed: BTreeSet<Key>,
}

/// The ledger of one group on one node.
#[derive(Debug)]
pub struct Ledger<S> {
    store: S,
    /// Those of genesis. What voters judge by is in it and never changes, so that no vote depends on how far a voter has
    /// executed.
    genesis_parameters: Parameters,
    tip: Header,
    outcome: Outcome,
    trees: StateTrees,
    unflushed: Unflushed,
    seen: SeenSet,
    dealings: Dealings,
}

/// The state as the newest block left it.
struct Latest<'a, S> {
    store: &'a S,
    unflushed: &'a Unflushed,
}

impl<S: Store> StateView for Latest<'_, S> {
    fn entry(&self, key: &Key) -> Option<Entry> {
        self.unflushed.entry(key).map_or_else(|| self.store.entry(key), Option::clone)
    }
}

/// A tree without entries, of the slots that a group owns from the start.
fn empty_tree(genesis: &Genesis, group: GroupId) -> Tree {
    Tree::new(first_slots(genesis, group), 0)
}

impl<S: Store> Ledger<S> {
    /// Opens the ledger that `store` holds, or starts one from genesis; then the second part is the genesis commit,
    /// which the caller writes like any other.
    ///
    /// # Errors
    /// If what is stored is incomplete, damaged, or another network's.
    pub fn open(
        store: S,
        genesis: &Genesis,
        group: GroupId,
    ) -> Result<(Ledger<S>, Option<Arc<BlockCommit>>), LedgerError> {
        match store.tip() {
            None => {
                let (ledger, commit) = Ledger::start(store, genesis, group);
                Ok((ledger, Some(commit)))
            }
            Some(tip) => Ledger::resume(store, genesis, group, tip).map(|ledger| (ledger, None)),
        }
    }

    fn start(store: S, genesis: &Genesis, group: GroupId) -> (Ledger<S>, Arc<BlockCommit>) {
        let header = genesis.base_header(group);
        let block = Arc::new(Block { header: header.clone(), payload: Payload::default() });
        let changes = first_state(genesis, group);
        let tree = empty_tree(genesis, group).update(hashes(&changes));
        let outcome = outcome_of(&header, tree.root(), &[], merkle_list::root(&[]));
        let commit = Arc::new(BlockCommit {
            block,
            outcome: outcome.clone(),
            receipts: Vec::new(),
            parties: Vec::new(),
            changes,
        });
        let mut unflushed = Unflushed::default();
        unflushed.push(Arc::clone(&commit));
        let ledger = Ledger {
            store,
            genesis_parameters: genesis.parameters.clone(),
            tip: header,
            outcome,
            trees: StateTrees::new(0, tree),
            unflushed,
            seen: SeenSet::default(),
            dealings: Dealings::start(genesis, group, Scheme::Ed25519),
        };
        (ledger, commit)
    }

    fn resume(store: S, genesis: &Genesis, group: GroupId, tip: Height) -> Result<Ledger<S>, LedgerError> {
        let missing = |what| LedgerError::Missing { what, height: tip, tip };
        let outcome = store.outcome(tip).ok_or_else(|| missing("outcome"))?;
        let header = store.block(tip).ok_or_else(|| missing("block"))?.header.clone();
        if (outcome.chain, outcome.group) != (genesis.chain(), group) {
            return Err(LedgerError::OtherChain { chain: outcome.chain, group: outcome.group });
        }
        let mut dealings = Dealings::start(genesis, group, Scheme::Ed25519);
        let tree = rebuild(&store, empty_tree(genesis, group), &mut dealings)?;
        if tree.root() != outcome.state_root {
            let (expected, found) = (outcome.state_root, tree.root());
            return Err(LedgerError::Corrupt { height: tip, expected, found });
        }
        let genesis_parameters = genesis.parameters.clone();
        let seen = SeenSet::rebuild(&store, &header, genesis_parameters.max_tx_lifetime_ms)?;
        let unflushed = Unflushed::default();
        Ok(Ledger {
            store,
            genesis_parameters,
            tip: header,
            outcome,
            trees: StateTrees::new(tip, tree),
            unflushed,
            seen,
            dealings,
        })
    }

    /// Executes the next decided block.
    ///
    /// # Panics
    /// If the block is not the child of the tip: engines decide in order and without gaps.
    pub fn execute(&mut self, block: Arc<Block>) -> Executed {
        let header = &block.header;
        assert_eq!(header.height, self.tip.height + 1, "blocks execute in order");
        assert_eq!(header.parent, self.outcome.block_id, "a block executes on its parent's state");
        let Ledger { store, unflushed, seen, dealings, genesis_parameters, .. } = self;
        let view = Latest { store: &*store, unflushed };
        let is_seen =
            |known: &IdentifiedTransaction| seen.contains(&known.id(), known.transaction.expires_at_ms);
        let execution =
            execute_block(&view, &block, &is_seen, genesis_parameters.max_tx_lifetime_ms, dealings);
        let Execution { receipts, parties, changes, deferred, started, freed, outbox_root, skipped: _ } =
            execution;
        let root = self.trees.advance(hashes(&changes));
        self.seen.advance(header.time_ms);
        self.seen.extend(&receipts);
        self.outcome = outcome_of(header, root, &receipts, outbox_root);
        self.tip = header.clone();
        let outcome = self.outcome.clone();
        let commit = Arc::new(BlockCommit { block, outcome, receipts, parties, changes });
        self.unflushed.push(Arc::clone(&commit));
        Executed { commit, deferred, started, freed }
    }

    /// The store holds every block up to this height now: they are read there from here on.
    pub fn flushed(&mut self, height: Height) {
        self.unflushed.drop_up_to(height);
    }

    /// The header of the newest executed block.
    pub fn tip(&self) -> &Header {
        &self.tip
    }

    /// What came out of the newest executed block.
    pub fn tip_outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// What came out of the block at a height.
    pub fn outcome(&self, height: Height) -> Option<Outcome> {
        let unflushed = self.unflushed.commit(height).map(|commit| commit.outcome.clone());
        unflushed.or_else(|| self.store.outcome(height))
    }

    /// The executed block at a height.
    pub fn block(&self, height: Height) -> Option<Arc<Block>> {
        let unflushed = self.unflushed.commit(height).map(|commit| Arc::clone(&commit.block));
        unflushed.or_else(|| self.store.block(height))
    }

    /// What the group goes by from the next block on.
    pub fn parameters(&self) -> &Parameters {
        self.dealings.agreed.parameters()
    }

    /// The version of the configuration that made these parameters what they are.
    pub fn parameters_version(&self) -> u64 {
        self.dealings.agreed.version()
    }

    /// Whether a transaction executed already, or is pending, and could otherwise execute again.
    pub fn is_seen(&self, known: &IdentifiedTransaction) -> bool {
        self.seen.contains(&known.id(), known.transaction.expires_at_ms)
            || self.dealings.coordinated(&known.id()).is_some()
    }

    /// The same of a transaction of which nothing is known but its id.
    pub fn remembers(&self, id: &TxId) -> bool {
        self.seen.contains_whenever_it_expires(id) || self.dealings.coordinated(id).is_some()
    }

    /// Whether a transaction is for another group to take in: that of its first key.
    pub fn is_elsewhere(&self, transaction: &Transaction) -> bool {
        self.dealings.place(transaction) == Place::Elsewhere
    }

    /// The same, judging users' signatures under another scheme: for the simulator.
    #[must_use]
    pub fn under(mut self, scheme: Scheme) -> Ledger<S> {
        self.dealings.scheme = scheme;
        self
    }

    /// The dealings, to be compared.
    #[cfg(test)]
    pub(crate) fn dealings(&self) -> &Dealings {
        &self.dealings
    }

    /// The same with a mistake planted, which tests have to find.
    #[cfg(any(test, feature = "planted-faults"))]
    #[must_use]
    pub fn planted(mut self, fault: PlantedFault) -> Ledger<S> {
        self.dealings.planted = Planted::one(fault);
        self
    }

    /// What a key holds after the newest executed block.
    pub fn entry(&self, key: &Key) -> Option<Entry> {
        self.unflushed.entry(key).map_or_else(|| self.store.entry(key), Option::clone)
    }

    /// Where a transaction executed, and its receipt.
    pub fn find_transaction(&self, id: &TxId) -> Option<(Height, Receipt)> {
        self.unflushed.find_transaction(id).or_else(|| self.store.find_transaction(id))
    }

    /// Makes proofs of what the state held at the newest heights, on any thread.
    pub fn proofs(&self) -> ProofWindow {
        self.trees.window().clone()
    }

    /// The store below.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The store below, to write to.
    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }
}

/// What a group holds from the start: the root group the configuration, every other one its balances.
fn first_state(genesis: &Genesis, group: GroupId) -> Vec<(Key, Option<Entry>)> {
    if group == GroupId::ROOT {
        return configuration::at_genesis(genesis).into_changes(0);
    }
    issue(genesis, group)
}

/// The balances of genesis that are this group's. Their versions count from 1, since version 0 stands for absent.
fn issue(genesis: &Genesis, group: GroupId) -> Vec<(Key, Option<Entry>)> {
    let slots = first_slots(genesis, group);
    let mut changes: Vec<(Key, Option<Entry>)> = (1..)
        .zip(&genesis.balances)
        .map(|(index, issued)| {
            let entry = Entry { value: Value::Balance(issued.balance), version: Version::new(0, 0, index) };
            (Key::balance_of(&issued.account), Some(entry))
        })
        .filter(|(key, _)| slots.contains(&slot_of(key)))
        .collect();
    changes.sort_by(|(one, _), (other, _)| one.cmp(other));
    changes
}

fn hashes(changes: &[(Key, Option<Entry>)]) -> impl Iterator<Item = (&Key, Option<Hash>)> {
    changes.iter().map(|(key, entry)| (key, entry.as_ref().map(Entry::hash)))
}

fn outcome_of(header: &Header, state_root: Hash, receipts: &[Receipt], outbox_root: Hash) -> Outcome {
    let receipts: Vec<Hash> = receipts.iter().map(Receipt::hash).collect();
    Outcome {
        chain: header.chain,
        group: header.group,
        epoch: header.epoch,
        height: header.height,
        block_id: header.id(),
        state_root,
        receipts_root: merkle_list::root(&receipts),
        outbox_root,
        next_epoch: None,
    }
}

/// How many entries of the store go to the tree at once, when it is rebuilt.
const REBUILT_AT_ONCE: usize = 1 << 16;

/// The tree of what the store holds, from one without entries; the records in it go to the dealings.
fn rebuild<S: Store>(store: &S, empty: Tree, dealings: &mut Dealings) -> Result<Tree, LedgerError> {
    let (mut tree, mut read, mut result) = (empty, Vec::with_capacity(REBUILT_AT_ONCE), Ok(()));
    store.visit_entries(&mut |key, entry| {
        if key.is_reserved() && result.is_ok() {
            result = dealings.restore(&key, &entry);
        }
        read.push((key, Some(entry.hash())));
        if read.len() == REBUILT_AT_ONCE {
            tree.apply(read.iter().map(|(key, hash)| (key, *hash)));
            read.clear();
        }
    });
    result?;
    dealings.restored();
    Ok(tree.update(read.iter().map(|(key, hash)| (key, *hash))))
}

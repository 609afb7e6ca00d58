//! One group's ledger: executes decided blocks in order over what the store holds, and answers reads, blocks that are
//! not flushed yet included.

mod proofs;
mod seen;
#[cfg(test)]
mod tests;
mod unflushed;
mod validate;

pub use proofs::{PROOF_WINDOW, ProofWindow};
pub use validate::Validity;

use crate::error::LedgerError;
use crate::execute::{Execution, StateView, execute_block, keys};
use crate::slots::{first_slots, slot_of};
use crate::store::{BlockCommit, Store};
use crate::tree::Tree;
use crate::value::{Entry, Receipt, Value, Version};
use seen::SeenSet;
use std::sync::Arc;
use unflushed::Unflushed;
use witan_types::genesis::Parameters;
use witan_types::{
    Block, Genesis, GroupId, Hash, Header, Height, Key, Outcome, Payload, Transaction, TxId, merkle_list,
};

/// What executing a block gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// What to write, atomically.
    pub commit: BlockCommit,
    /// Transactions of the block that did not execute and may in a later one.
    pub deferred: Vec<TxId>,
}

/// The ledger of one group on one node.
#[derive(Clone, Debug)]
pub struct Ledger<S> {
    store: S,
    parameters: Parameters,
    tip: Header,
    outcome: Outcome,
    tree: Tree,
    proofs: ProofWindow,
    unflushed: Unflushed,
    seen: SeenSet,
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
    ) -> Result<(Ledger<S>, Option<BlockCommit>), LedgerError> {
        match store.tip() {
            None => {
                let (ledger, commit) = Ledger::start(store, genesis, group);
                Ok((ledger, Some(commit)))
            }
            Some(tip) => Ledger::resume(store, genesis, group, tip).map(|ledger| (ledger, None)),
        }
    }

    fn start(store: S, genesis: &Genesis, group: GroupId) -> (Ledger<S>, BlockCommit) {
        let header = genesis.base_header(group);
        let block = Arc::new(Block { header: header.clone(), payload: Payload::default() });
        let changes = issue(genesis, group);
        let tree = empty_tree(genesis, group).update(hashes(&changes));
        let outcome = outcome_of(&header, tree.root(), &[]);
        let commit = BlockCommit { block, outcome: outcome.clone(), receipts: Vec::new(), changes };
        let mut unflushed = Unflushed::default();
        unflushed.push(commit.clone());
        let ledger = Ledger {
            store,
            parameters: genesis.parameters.clone(),
            proofs: ProofWindow::starting_with(0, &tree),
            tip: header,
            outcome,
            tree,
            unflushed,
            seen: SeenSet::default(),
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
        let tree = rebuild(&store, empty_tree(genesis, group));
        if tree.root() != outcome.state_root {
            let (expected, found) = (outcome.state_root, tree.root());
            return Err(LedgerError::Corrupt { height: tip, expected, found });
        }
        let parameters = genesis.parameters.clone();
        let seen = SeenSet::rebuild(&store, &header, parameters.max_tx_lifetime_ms)?;
        let proofs = ProofWindow::starting_with(tip, &tree);
        let unflushed = Unflushed::default();
        Ok(Ledger { store, parameters, tip: header, outcome, tree, proofs, unflushed, seen })
    }

    /// Executes the next decided block.
    ///
    /// # Panics
    /// If the block is not the child of the tip: engines decide in order and without gaps.
    pub fn execute(&mut self, block: Arc<Block>) -> Executed {
        let header = &block.header;
        assert_eq!(header.height, self.tip.height + 1, "blocks execute in order");
        assert_eq!(header.parent, self.outcome.block_id, "a block executes on its parent's state");
        let Execution { receipts, changes, deferred, skipped: _ } =
            execute_block(self, &block, &|id| self.seen.contains(id));
        self.tree = self.tree.update(hashes(&changes));
        self.proofs.push(header.height, &self.tree);
        self.seen.advance(header.time_ms);
        self.seen.extend(&receipts);
        self.outcome = outcome_of(header, self.tree.root(), &receipts);
        self.tip = header.clone();
        let commit = BlockCommit { block, outcome: self.outcome.clone(), receipts, changes };
        self.unflushed.push(commit.clone());
        Executed { commit, deferred }
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

    /// Whether a transaction executed already and could otherwise execute again.
    pub fn is_seen(&self, id: &TxId) -> bool {
        self.seen.contains(id)
    }

    /// Whether a transaction touches a key that is another group's.
    pub fn is_elsewhere(&self, transaction: &Transaction) -> bool {
        !self.tree.owns_every_slot() && keys(transaction).any(|key| self.tree.marker(slot_of(&key)).is_none())
    }

    /// What a key holds after the newest executed block.
    pub fn entry(&self, key: &Key) -> Option<Entry> {
        self.unflushed.entry(key).map_or_else(|| self.store.entry(key), Option::clone)
    }

    /// Where a transaction executed, and its receipt.
    pub fn find_transaction(&self, id: &TxId) -> Option<(Height, Receipt)> {
        self.unflushed.find_transaction(id).or_else(|| self.store.find_transaction(id))
    }

    /// The newest state trees, to make proofs from on any thread: a snapshot, cheap to take after each block.
    pub fn proofs(&self) -> ProofWindow {
        self.proofs.clone()
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

impl<S: Store> StateView for Ledger<S> {
    fn entry(&self, key: &Key) -> Option<Entry> {
        Ledger::entry(self, key)
    }

    fn is_elsewhere(&self, transaction: &Transaction) -> bool {
        Ledger::is_elsewhere(self, transaction)
    }
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

fn outcome_of(header: &Header, state_root: Hash, receipts: &[Receipt]) -> Outcome {
    let receipts: Vec<Hash> = receipts.iter().map(Receipt::hash).collect();
    Outcome {
        chain: header.chain,
        group: header.group,
        epoch: header.epoch,
        height: header.height,
        block_id: header.id(),
        state_root,
        receipts_root: merkle_list::root(&receipts),
        outbox_root: merkle_list::root(&[]),
        next_epoch: None,
    }
}

/// The tree of what the store holds, from one without entries.
fn rebuild<S: Store>(store: &S, empty: Tree) -> Tree {
    let mut hashes = Vec::new();
    store.visit_entries(&mut |key, entry| hashes.push((key, entry.hash())));
    empty.update(hashes.iter().map(|(key, hash)| (key, Some(*hash))))
}

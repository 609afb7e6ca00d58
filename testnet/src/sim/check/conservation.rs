//! Conservation: the sum of all balances is what genesis issued.

use super::{Promise, Verdict, holds};
use witan_ledger::{Store, Value};
use witan_types::Genesis;

/// What genesis issued.
#[derive(Debug)]
pub(in crate::sim) struct Conservation {
    issued: u128,
}

impl Conservation {
    pub(in crate::sim) fn new(genesis: &Genesis) -> Conservation {
        Conservation { issued: genesis.balances.iter().map(|entry| entry.balance).sum() }
    }

    /// Adds up what a node's disk holds; a disk that does not hold genesis yet holds nothing.
    pub(in crate::sim) fn on_disk(&self, node: usize, store: &dyn Store) -> Verdict {
        let mut sum = 0_u128;
        store.visit_entries(&mut |_, entry| {
            if let Value::Balance(balance) = entry.value {
                sum = sum.saturating_add(balance);
            }
        });
        holds(Promise::Conservation, store.tip().is_none() || sum == self.issued, || {
            format!("node {node} holds {sum} at height {:?}, genesis issued {}", store.tip(), self.issued)
        })
    }
}

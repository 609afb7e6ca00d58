//! Conservation: the sum of all balances is what genesis issued, over all groups together.

use super::{Promise, Verdict, holds};
use witan_ledger::{Store, Value};
use witan_types::Genesis;

/// What genesis issued.
#[derive(Debug)]
pub(in crate::sim) struct Conservation {
    pub(in crate::sim) issued: u128,
}

impl Conservation {
    pub(in crate::sim) fn new(genesis: &Genesis) -> Conservation {
        Conservation { issued: genesis.balances.iter().map(|entry| entry.balance).sum() }
    }

    /// Adds up what the groups of a node have on disk; a disk that does not hold genesis yet holds nothing.
    pub(in crate::sim) fn on_disks(&self, node: usize, stores: &[&dyn Store]) -> Verdict {
        let mut sum = 0_u128;
        for store in stores {
            store.visit_entries(&mut |_, entry| {
                if let Value::Balance(balance) = entry.value {
                    sum = sum.saturating_add(balance);
                }
            });
        }
        let complete = stores.iter().all(|store| store.tip().is_some());
        holds(Promise::Conservation, !complete || sum == self.issued, || {
            let heights: Vec<_> = stores.iter().filter_map(|store| store.tip()).collect();
            format!("node {node} holds {sum} at height {heights:?}, genesis issued {}", self.issued)
        })
    }
}

//! Order: executed blocks, ledger writes and notices ascend one by one, and a restart goes on where the disk stands.

use super::{Promise, Verdict, holds};
use witan_replica::WriteSeq;
use witan_types::Height;

/// What must come next from one node in one life.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Order {
    node: usize,
    write: WriteSeq,
    executed: Height,
    sealed: Height,
    committed: Height,
    told_sealed: Height,
}

impl Order {
    /// A node starts from a disk with this tip and this newest sealed height.
    pub(in crate::sim) fn starts(node: usize, tip: Option<Height>, sealed: Height) -> Order {
        let next = tip.map_or(0, |tip| tip.saturating_add(1));
        let seal = sealed.saturating_add(1);
        Order { node, write: 1, executed: next, sealed: seal, committed: next, told_sealed: seal }
    }

    pub(in crate::sim) fn writes(&mut self, seq: WriteSeq) -> Verdict {
        next(self.node, "ledger write", &mut self.write, seq)
    }

    pub(in crate::sim) fn executes(&mut self, height: Height) -> Verdict {
        next(self.node, "executed block", &mut self.executed, height)
    }

    pub(in crate::sim) fn seals(&mut self, height: Height) -> Verdict {
        next(self.node, "seal", &mut self.sealed, height)
    }

    pub(in crate::sim) fn tells_committed(&mut self, height: Height) -> Verdict {
        next(self.node, "notice of a block", &mut self.committed, height)
    }

    pub(in crate::sim) fn tells_sealed(&mut self, height: Height) -> Verdict {
        next(self.node, "notice of a seal", &mut self.told_sealed, height)
    }
}

fn next(node: usize, what: &str, expected: &mut u64, found: u64) -> Verdict {
    let due = *expected;
    *expected = found.saturating_add(1);
    holds(Promise::Order, found == due, || format!("node {node}: {what} {found}, {due} was due"))
}

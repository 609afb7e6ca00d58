//! Nothing before it is durable: when a node says something that it promises, the records on its disk know of it; when
//! it tells users of a block or a seal, its ledger on disk holds it.

use super::{Promise, Verdict, holds};
use crate::sim::engines::{Promised, Speech};
use witan_ledger::Store;
use witan_replica::{Message, Notice};
use witan_types::Wire;

/// What one node's disk holds of its promises.
#[derive(Debug)]
pub(in crate::sim) struct WriteAhead {
    promised: Box<dyn Promised>,
}

impl WriteAhead {
    /// An empty disk.
    pub(in crate::sim) fn new(speech: &dyn Speech) -> WriteAhead {
        WriteAhead { promised: speech.disk() }
    }

    /// Records are on disk.
    pub(in crate::sim) fn synced(&mut self, records: &[(u64, Vec<u8>)]) {
        records.iter().for_each(|(_, record)| self.promised.remember(record));
    }

    /// The node sends this.
    pub(in crate::sim) fn sends(&self, node: usize, bytes: &[u8]) -> Verdict {
        let Ok(Message::Engine(bytes)) = Message::decode(bytes) else { return Ok(()) };
        let allowed = self.promised.allows(&bytes);
        holds(Promise::WriteAhead, allowed.is_ok(), || {
            let said = allowed.err().unwrap_or_default();
            format!("node {node} says what its disk does not hold yet: {said}")
        })
    }

    /// The node tells its users this.
    pub(in crate::sim) fn tells(node: usize, notice: &Notice, store: &dyn Store) -> Verdict {
        let (what, height, on_disk) = match notice {
            Notice::Committed(commit) => ("block", commit.outcome.height, store.tip()),
            Notice::Sealed(sealed) => ("seal", sealed.header.height, Some(store.sealed_tip())),
            Notice::Expired(_) => return Ok(()),
        };
        holds(Promise::WriteAhead, on_disk >= Some(height), || {
            format!("node {node} tells of {what} {height}, its disk stands at {on_disk:?}")
        })
    }
}

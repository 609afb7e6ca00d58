//! Nothing before it is durable: when a node says something that it promises, the records on its disk know of it; when it says that it
//! holds a batch, its disk does; when it tells users of a block or a seal, its ledger on disk holds it.

use super::{Promise, Verdict, holds};
use crate::sim::disk::Synced;
use crate::sim::engines::{Promised, Speech};
use std::collections::BTreeMap;
use witan_ledger::Store;
use witan_replica::{Message, Notice};
use witan_types::{Hash, ValidatorIndex, Wire, sha256};

/// What one node's disk holds of its promises.
#[derive(Debug)]
pub(in crate::sim) struct WriteAhead {
    promised: Box<dyn Promised>,
    /// The batches on disk: the digest of each, by its number.
    batches: BTreeMap<u64, Hash>,
}

impl WriteAhead {
    /// An empty disk.
    pub(in crate::sim) fn new(speech: &dyn Speech) -> WriteAhead {
        WriteAhead { promised: speech.disk(), batches: BTreeMap::new() }
    }

    /// This is on disk, or not any more.
    pub(in crate::sim) fn synced(&mut self, synced: &Synced) {
        synced.records.iter().for_each(|(_, record)| self.promised.remember(record));
        for (number, bytes) in &synced.batches {
            // Behind who made it stand its transactions.
            let encoding = bytes.get(2..).unwrap_or_default();
            self.batches.insert(*number, sha256(&[b"witan batch", encoding]));
        }
        self.batches.retain(|number, _| !synced.forgotten.contains(number));
    }

    /// The node, with this place in the group, sends this.
    pub(in crate::sim) fn sends(&self, node: usize, place: Option<u16>, bytes: &[u8]) -> Verdict {
        let held = match Message::decode(bytes) {
            Ok(Message::Engine(bytes)) => {
                let allowed = self.promised.allows(&bytes);
                return holds(Promise::WriteAhead, allowed.is_ok(), || {
                    let said = allowed.err().unwrap_or_default();
                    format!("node {node} says what its disk does not hold yet: {said}")
                });
            }
            Ok(Message::BatchHeld { name, .. }) => name.digest,
            Ok(Message::BatchReady(held)) if signed(place, held.held_by.signers.iter()) => held.name.digest,
            _ => return Ok(()),
        };
        holds(Promise::WriteAhead, self.batches.values().any(|digest| *digest == held), || {
            format!("node {node} says that it holds batch {held}, which its disk does not")
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

fn signed(place: Option<u16>, mut signers: impl Iterator<Item = ValidatorIndex>) -> bool {
    signers.any(|signer| Some(signer.0) == place)
}

//! Nothing before it is durable: when a node says a vote, an order vote, a time-out or a proposal, the newest state on
//! its disk knows of it; when it tells users of a block or a seal, its ledger on disk holds it.

use super::{Promise, Verdict, holds};
use witan_consensus::hotstuff::{self, Record, SafetyState};
use witan_ledger::Store;
use witan_replica::{Message, Notice};
use witan_types::Wire;

/// What one node's disk holds of its promises.
#[derive(Debug, Default)]
pub(in crate::sim) struct WriteAhead {
    state: Option<Box<SafetyState>>,
}

impl WriteAhead {
    /// Records are on disk.
    pub(in crate::sim) fn synced(&mut self, records: &[(u64, Vec<u8>)]) {
        for (_, bytes) in records {
            if let Ok(Record::Safety(state)) = Record::decode(bytes) {
                self.state = Some(state);
            }
        }
    }

    /// The node sends this.
    pub(in crate::sim) fn sends(&self, node: usize, bytes: &[u8]) -> Verdict {
        let Ok(Message::Engine(bytes)) = Message::decode(bytes) else { return Ok(()) };
        let Ok(message) = hotstuff::Message::decode(&bytes) else { return Ok(()) };
        holds(Promise::WriteAhead, self.covers(&message), || {
            format!("node {node} says what its disk does not hold yet: {message:?}")
        })
    }

    fn covers(&self, message: &hotstuff::Message) -> bool {
        let state = self.state.as_deref();
        let at_least = |newest: Option<(u64, bool)>, round: u64| {
            newest.is_some_and(|(recorded, same)| recorded > round || (recorded == round && same))
        };
        match message {
            hotstuff::Message::Vote(vote) => {
                let last = state.and_then(|state| state.last_vote.as_ref());
                at_least(last.map(|last| (last.round, last == vote)), vote.round)
            }
            hotstuff::Message::OrderVote(vote) => {
                let last = state.and_then(|state| state.last_order_vote.as_ref());
                at_least(last.map(|last| (last.round, last == vote)), vote.round)
            }
            hotstuff::Message::Timeout(timeout) => {
                let last = state.and_then(|state| state.last_timeout.as_ref());
                at_least(last.map(|last| (last.round, true)), timeout.round)
            }
            hotstuff::Message::Proposal(proposal) => {
                let last = state.and_then(|state| state.last_proposed.as_ref());
                let same = last.is_some_and(|last| last.block == proposal.block.id());
                at_least(last.map(|last| (last.round, same)), proposal.round())
            }
            _ => true,
        }
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

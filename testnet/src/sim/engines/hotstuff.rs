//! HotStuff in the simulator.

use super::Dialect;
use witan_consensus::hotstuff::{HotStuff, Message, Record, SafetyState};

impl Dialect for HotStuff {
    /// Everything signed so far is one record.
    type Promises = Option<Box<SafetyState>>;

    fn remember(promises: &mut Self::Promises, record: Record) {
        if let Record::Safety(state) = record {
            *promises = Some(state);
        }
    }

    fn rests_on(promises: &Self::Promises, message: &Message) -> bool {
        let state = promises.as_deref();
        let at_least = |newest: Option<(u64, bool)>, round: u64| {
            newest.is_some_and(|(recorded, same)| recorded > round || (recorded == round && same))
        };
        match message {
            Message::Vote(vote) => {
                let last = state.and_then(|state| state.last_vote.as_ref());
                at_least(last.map(|last| (last.round, last == vote)), vote.round)
            }
            Message::OrderVote(vote) => {
                let last = state.and_then(|state| state.last_order_vote.as_ref());
                at_least(last.map(|last| (last.round, last == vote)), vote.round)
            }
            Message::Timeout(timeout) => {
                let last = state.and_then(|state| state.last_timeout.as_ref());
                at_least(last.map(|last| (last.round, true)), timeout.round)
            }
            Message::Proposal(proposal) => {
                let last = state.and_then(|state| state.last_proposed.as_ref());
                let same = last.is_some_and(|last| last.block == proposal.block.id());
                at_least(last.map(|last| (last.round, same)), proposal.round())
            }
            Message::Certificates(_)
            | Message::Hello(_)
            | Message::Fetch(_)
            | Message::Blocks(_)
            | Message::Gone(_) => true,
        }
    }
}

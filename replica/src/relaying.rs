//! Relaying between groups: what a sealed block of this group says to another one goes to that one's replica on this
//! node, and over the network to members of it that do not run this group, again and again until it tells that it has
//! consumed it; what others say waits here for a block.
//!
//! Nothing is lost if this node passes nothing on: every member of this group does the same.

pub(crate) mod abroad;

use crate::event::{Effects, Relay};
use crate::replica::Replica;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use witan_consensus::engine::Engine;
use witan_ledger::{Ledger, MAX_BLOCK_MESSAGES, MAX_ENVELOPES_BYTES, Store};
use witan_types::block::MAX_ENVELOPES;
use witan_types::{Envelope, GroupId, Height, NodeId, Seal, codec::encode};

/// The most envelopes of one group that wait here for a block. What comes on top is offered again.
const MAX_WAITING: usize = 256;
/// The most bytes that these take.
const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;
/// The most envelopes to one group that are offered again at once.
const OFFERED_AGAIN: usize = 64;
/// The most bytes of envelopes to one group that go to each of its members over the network again at once.
const SENT_AGAIN_BYTES: usize = 1024 * 1024;

/// What other groups say to this one.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// By sender and the place of the first message.
    waiting: BTreeMap<GroupId, BTreeMap<u64, Waiting>>,
    /// Who said again what was consumed here before: they have not heard of that.
    repeats: BTreeSet<GroupId>,
}

/// An envelope that waits for a block.
#[derive(Debug)]
struct Waiting {
    envelope: Arc<Envelope>,
    /// Bytes of its encoding.
    bytes: usize,
}

/// For each sender, the place of the next message that a block is to carry.
pub(crate) type Cursors = BTreeMap<GroupId, u64>;

impl Inbox {
    /// Takes an envelope in, unless it is old. If too many wait, those that come last in the channel are dropped.
    fn take<S: Store>(&mut self, envelope: Arc<Envelope>, ledger: &Ledger<S>) {
        let (source, first) = (envelope.source(), envelope.contents.first);
        if !is_news(&envelope, ledger) {
            if !envelope.contents.messages.is_empty() {
                self.repeats.insert(source);
            }
            return;
        }
        let waiting = self.waiting.entry(source).or_default();
        let reach = |envelope: &Envelope| (envelope.contents.next(), envelope.contents.consumed);
        let brings_less = |held: &Waiting| reach(&held.envelope) >= reach(&envelope);
        if waiting.get(&first).is_some_and(brings_less) {
            return;
        }
        let bytes = encode(&*envelope).len();
        waiting.insert(first, Waiting { envelope, bytes });
        // The last ones go: without the first no other is any good.
        let taken = |waiting: &BTreeMap<u64, Waiting>| waiting.values().map(|it| it.bytes).sum::<usize>();
        while waiting.len() > 1 && (waiting.len() > MAX_WAITING || taken(waiting) > MAX_WAITING_BYTES) {
            waiting.pop_last();
        }
    }

    /// Drops what the newest block made old.
    fn forget<S: Store>(&mut self, ledger: &Ledger<S>) {
        for waiting in self.waiting.values_mut() {
            waiting.retain(|_, waiting| is_news(&waiting.envelope, ledger));
        }
    }

    /// Whether a block should be made for what waits, on top of blocks that lead to these cursors.
    fn has_messages(&self, cursors: &Cursors) -> bool {
        let has_next = |source: &GroupId, waiting: &BTreeMap<u64, Waiting>| {
            let next = waiting.get(&cursors.get(source).copied().unwrap_or(0));
            next.is_some_and(|waiting| !waiting.envelope.contents.messages.is_empty())
        };
        self.waiting.iter().any(|(source, waiting)| has_next(source, waiting))
    }

    /// The groups that only tell what they have consumed.
    fn tellers(&self) -> impl Iterator<Item = &GroupId> {
        let only_tells = |waiting: &Waiting| waiting.envelope.contents.messages.is_empty();
        self.waiting
            .iter()
            .filter(move |(_, waiting)| waiting.values().any(only_tells))
            .map(|(group, _)| group)
    }

    /// What a block may carry, in the order of each channel, the senders in turn, another one first each time.
    fn select(&self, mut cursors: Cursors, turn: u64) -> Vec<Envelope> {
        let (mut selected, mut messages, mut bytes) = (Vec::new(), 0, 0);
        let mut sources: Vec<&GroupId> = self.waiting.keys().collect();
        let first = turn.checked_rem(sources.len() as u64).and_then(|first| usize::try_from(first).ok());
        sources.rotate_left(first.unwrap_or(0));
        while !sources.is_empty() {
            sources.retain(|source| {
                let cursor = cursors.entry(**source).or_default();
                let Some(next) = self.waiting.get(source).and_then(|waiting| waiting.get(cursor)) else {
                    return false;
                };
                let contents = &next.envelope.contents;
                let fits = messages + contents.messages.len() <= MAX_BLOCK_MESSAGES;
                let is_full = selected.len() >= MAX_ENVELOPES || bytes + next.bytes > MAX_ENVELOPES_BYTES;
                if (!fits && !selected.is_empty()) || is_full {
                    return false;
                }
                messages += contents.messages.len();
                bytes += next.bytes;
                *cursor = contents.next();
                selected.push((*next.envelope).clone());
                // What only tells of consumption leads nowhere.
                !contents.messages.is_empty()
            });
        }
        selected
    }
}

/// Whether an envelope holds messages that were not consumed, or tells of consumption that was not told.
fn is_news<S: Store>(envelope: &Envelope, ledger: &Ledger<S>) -> bool {
    let (source, contents) = (envelope.source(), &envelope.contents);
    contents.next() > ledger.consumed(source) || contents.consumed > ledger.acknowledged(source)
}

impl<E: Engine + Send, S: Store + Send> Replica<E, S> {
    /// What another group says, from its replica on this node or from a member of it.
    pub(crate) fn on_envelope(&mut self, envelope: Arc<Envelope>) {
        if envelope.contents.destination == self.group && envelope.source() != self.group {
            self.inbox.take(envelope, &self.ledger);
        }
    }

    /// A block was executed: what it consumed waits no longer.
    pub(crate) fn forget_consumed(&mut self) {
        self.inbox.forget(&self.ledger);
    }

    /// The cursors of the channels to this group, once the undecided ancestors of the turn are executed.
    fn cursors(&self) -> Cursors {
        let sources = self.inbox.waiting.keys();
        let mut cursors: Cursors = sources.map(|source| (*source, self.ledger.consumed(*source))).collect();
        for (source, next) in self.proposing.heard() {
            let cursor = cursors.entry(source).or_default();
            *cursor = (*cursor).max(next);
        }
        cursors
    }

    /// Whether another group says something that neither the newest block nor an ancestor of the turn carries.
    pub(crate) fn has_envelopes(&self) -> bool {
        // Asked after each event, and mostly there is nothing.
        if self.inbox.waiting.values().all(BTreeMap::is_empty) {
            return false;
        }
        // What only tells of consumption can wait for any block, unless a transaction waits for the room that it makes.
        self.inbox.has_messages(&self.cursors())
            || self.inbox.tellers().any(|group| self.mempool.is_parked_for(group))
    }

    /// What of it goes into a block at this turn.
    pub(crate) fn envelopes(&self) -> Vec<Envelope> {
        self.inbox.select(self.cursors(), self.ledger.tip().height)
    }

    /// A block is sealed: what it says to other groups can be proved.
    pub(crate) fn offer(&self, seal: &Seal, effects: &mut Effects) {
        let height = seal.outcome.height;
        let destinations = self.ledger.outbox().filter(|(_, at)| *at == height).map(|(group, _)| group);
        for group in destinations {
            let nodes = self.abroad.get(&group).map(|route| route.first.clone()).unwrap_or_default();
            let envelope = self.ledger.envelope(seal, group);
            effects.relays.extend(envelope.map(|envelope| relay(envelope, nodes)));
        }
    }

    /// Offers again what other groups have not told to have consumed, as much at once as is good, in turn. What only tells
    /// of consumption is offered again to those who have not heard of it.
    pub(crate) fn offer_again(&mut self, effects: &mut Effects) {
        let mut kept: BTreeMap<GroupId, Vec<Height>> = BTreeMap::new();
        for (group, height) in self.ledger.outbox() {
            kept.entry(group).or_default().push(height);
        }
        let repeats = std::mem::take(&mut self.inbox.repeats);
        for (group, mut heights) in kept {
            let turn = self.offered.checked_rem(heights.len()).filter(|_| heights.len() > OFFERED_AGAIN);
            heights.rotate_left(turn.unwrap_or(0));
            heights.truncate(OFFERED_AGAIN);
            self.offer_to(group, &heights, repeats.contains(&group), effects);
        }
        self.offered = self.offered.wrapping_add(OFFERED_AGAIN);
    }

    fn offer_to(&self, group: GroupId, heights: &[Height], repeats: bool, effects: &mut Effects) {
        let mut bytes = 0;
        for height in heights {
            let seal = self.ledger.store().seal(*height);
            let Some(envelope) = seal.and_then(|seal| self.ledger.envelope(&seal, group)) else { continue };
            if envelope.contents.messages.is_empty() && !repeats {
                continue;
            }
            let route = self.abroad.get(&group).filter(|_| bytes < SENT_AGAIN_BYTES);
            let nodes = route.map(|route| route.all.clone()).unwrap_or_default();
            if !nodes.is_empty() {
                bytes += encode(&envelope).len();
            }
            effects.relays.push(relay(envelope, nodes));
        }
    }
}

fn relay(envelope: Envelope, nodes: Vec<NodeId>) -> Relay {
    Relay { to: envelope.contents.destination, envelope: Arc::new(envelope), nodes }
}

#[cfg(test)]
mod tests;

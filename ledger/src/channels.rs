//! Channels between groups: what a block says to another group is an entry in its outbox, which its seal covers. Each
//! channel is ordered and without gaps, its cursor lives in state, so every message is consumed exactly once.

#[cfg(test)]
mod tests;

use crate::records::{Record, Records};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use witan_types::envelope::{MAX_CONTENTS_BYTES, MAX_ENVELOPE_MESSAGES};
use witan_types::merkle_list::{self, ListProof};
use witan_types::{Contents, Envelope, GroupId, Hash, Height, Wire};

/// At this many messages that a group has not told to have consumed, no new prepare goes to it.
pub(crate) const MAX_OUTBOX: u64 = 2_048;
/// The most bytes that prepares, and votes with what they read, may take of a block's contents for one group. The rest is
/// for votes without reads and for decisions, which are small and always find room.
const BULK_BYTES: usize = MAX_CONTENTS_BYTES - MAX_ENVELOPE_MESSAGES * SMALL_BYTES - 1024;
/// What the small messages take that answer others, at most, their length included.
const SMALL_BYTES: usize = 64;
/// The most prepares that a block has for one group.
const MAX_PREPARES: usize = 512;
/// A group tells what it has consumed with its own messages, and without any in a block that has nothing else to do, or once
/// this many are untold.
const TELL_EVERY: u64 = 256;

/// What is known of a channel to this group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Incoming {
    /// How many messages were consumed: the place of the next one.
    pub(crate) consumed: u64,
    /// How many of them the sender was told of.
    told: u64,
}

/// What is known of a channel from this group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Outgoing {
    /// The place of the next message.
    next: u64,
    /// How many the receiver told to have consumed.
    acknowledged: u64,
}

/// What a block said to one group, kept until that group tells that it has consumed it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Sent {
    pub(crate) contents: Contents,
    pub(crate) proof: ListProof,
}

impl Wire for Incoming {
    const MAX_BYTES: usize = 16;
}

impl Wire for Outgoing {
    const MAX_BYTES: usize = 16;
}

impl Wire for Sent {
    const MAX_BYTES: usize = Contents::MAX_BYTES + ListProof::MAX_BYTES;
}

/// What the block that executes says to one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Draft {
    messages: Vec<Vec<u8>>,
    bytes: usize,
    prepares: usize,
}

/// All channels of a group, in both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Channels {
    incoming: BTreeMap<GroupId, Incoming>,
    outgoing: BTreeMap<GroupId, Outgoing>,
    /// The blocks whose contents are kept, with the places of the first message of each and after its last.
    kept: BTreeMap<GroupId, BTreeMap<Height, (u64, u64)>>,
    drafts: BTreeMap<GroupId, Draft>,
}

impl Channels {
    /// How many messages of a group were consumed here.
    pub(crate) fn consumed(&self, source: GroupId) -> u64 {
        self.incoming.get(&source).map_or(0, |incoming| incoming.consumed)
    }

    /// How many messages to a group it told to have consumed.
    pub(crate) fn acknowledged(&self, destination: GroupId) -> u64 {
        self.outgoing.get(&destination).map_or(0, |outgoing| outgoing.acknowledged)
    }

    /// Consumes what is next of an envelope: nothing of one that repeats, and nothing of one that leaves a gap. Says
    /// which messages those are.
    pub(crate) fn receive<'a>(&mut self, envelope: &'a Envelope, records: &mut Records) -> &'a [Vec<u8>] {
        let (source, contents) = (envelope.source(), &envelope.contents);
        self.acknowledge(source, contents.consumed, records);
        let consumed = self.consumed(source);
        let known = consumed.checked_sub(contents.first).and_then(|known| usize::try_from(known).ok());
        let news = known.and_then(|known| contents.messages.get(known..)).unwrap_or_default();
        if !news.is_empty() {
            let incoming = self.incoming.entry(source).or_default();
            incoming.consumed = contents.next();
            records.put(Record::Incoming(source), incoming);
        }
        news
    }

    /// A planted mistake: takes what is missing before an envelope for consumed.
    pub(crate) fn skip_gap(&mut self, envelope: &Envelope) {
        let incoming = self.incoming.entry(envelope.source()).or_default();
        incoming.consumed = incoming.consumed.max(envelope.contents.first);
    }

    /// A receiver tells what it has consumed; what is above all that was sent is a lie without effect.
    fn acknowledge(&mut self, receiver: GroupId, consumed: u64, records: &mut Records) {
        let Some(outgoing) = self.outgoing.get_mut(&receiver) else { return };
        if consumed <= outgoing.acknowledged || consumed > outgoing.next {
            return;
        }
        outgoing.acknowledged = consumed;
        records.put(Record::Outgoing(receiver), outgoing);
        let Some(kept) = self.kept.get_mut(&receiver) else { return };
        while let Some(oldest) = kept.first_entry().filter(|oldest| oldest.get().1 <= consumed) {
            records.delete(Record::Sent(receiver, *oldest.key()));
            oldest.remove();
        }
        if kept.is_empty() {
            self.kept.remove(&receiver);
        }
    }

    /// Whether a prepare of this many bytes may go to a group in the block that executes.
    pub(crate) fn has_room_for_prepare(&self, destination: GroupId, bytes: usize) -> bool {
        let waiting = self.outgoing.get(&destination).map_or(0, |it| it.next.saturating_sub(it.acknowledged));
        let draft = self.drafts.get(&destination);
        waiting < MAX_OUTBOX
            && self.has_place(destination)
            && draft.is_none_or(|draft| draft.prepares < MAX_PREPARES)
            && self.has_room(destination, bytes)
    }

    /// Whether one more message fits into what the block that executes says to a group. Answers to what it hears always do:
    /// it hears no more messages than it may say.
    pub(crate) fn has_place(&self, destination: GroupId) -> bool {
        self.drafts.get(&destination).is_none_or(|draft| draft.messages.len() < MAX_ENVELOPE_MESSAGES)
    }

    /// Whether a message of this many bytes may go to a group in the block that executes.
    pub(crate) fn has_room(&self, destination: GroupId, bytes: usize) -> bool {
        let taken = self.drafts.get(&destination).map_or(0, |draft| draft.bytes);
        bytes.saturating_add(4) <= SMALL_BYTES || taken.saturating_add(bytes) <= BULK_BYTES
    }

    /// Sends a message; says its place in the channel.
    pub(crate) fn send(&mut self, destination: GroupId, message: Vec<u8>, is_prepare: bool) -> u64 {
        let outgoing = self.outgoing.entry(destination).or_default();
        let place = outgoing.next;
        outgoing.next = place.saturating_add(1);
        let draft = self.drafts.entry(destination).or_default();
        draft.bytes += message.len() + 4;
        draft.prepares += usize::from(is_prepare);
        draft.messages.push(message);
        place
    }

    /// Ends a block: what it says to each group becomes its outbox, whose root is returned. An idle one, which carries neither
    /// transactions nor envelopes, tells all that is untold: what nobody acknowledges is offered again and again. Nothing is
    /// told in answer to that, so groups without work fall silent.
    pub(crate) fn close(&mut self, height: Height, is_idle: bool, records: &mut Records) -> Hash {
        let mut drafts = std::mem::take(&mut self.drafts);
        let enough = if is_idle { 1 } else { TELL_EVERY };
        for (source, incoming) in &self.incoming {
            if incoming.consumed.saturating_sub(incoming.told) >= enough {
                drafts.entry(*source).or_default();
            }
        }
        let contents: Vec<Contents> = drafts
            .into_iter()
            .map(|(destination, draft)| self.contents(destination, draft, records))
            .collect();
        let leaves: Vec<Hash> = contents.iter().map(Contents::leaf).collect();
        for (place, contents) in contents.into_iter().enumerate() {
            if let Some(proof) = merkle_list::prove(&leaves, place) {
                self.keep(height, Sent { contents, proof }, records);
            }
        }
        merkle_list::root(&leaves)
    }

    fn contents(&mut self, destination: GroupId, draft: Draft, records: &mut Records) -> Contents {
        let consumed = self.consumed(destination);
        if let Some(incoming) = self.incoming.get_mut(&destination).filter(|it| it.told < consumed) {
            incoming.told = consumed;
            records.put(Record::Incoming(destination), incoming);
        }
        let next = self.outgoing.get(&destination).map_or(0, |outgoing| outgoing.next);
        let first = next.saturating_sub(draft.messages.len() as u64);
        Contents { destination, first, consumed, messages: draft.messages }
    }

    /// Keeps what was said until it is acknowledged. What only told of consumption is no longer needed once something
    /// later tells it too.
    fn keep(&mut self, height: Height, sent: Sent, records: &mut Records) {
        let destination = sent.contents.destination;
        let outgoing = self.outgoing.entry(destination).or_default();
        records.put(Record::Outgoing(destination), outgoing);
        let kept = self.kept.entry(destination).or_default();
        if let Some(last) = kept.last_entry().filter(|last| last.get().0 == last.get().1) {
            records.delete(Record::Sent(destination, *last.key()));
            last.remove();
        }
        kept.insert(height, (sent.contents.first, sent.contents.next()));
        records.put(Record::Sent(destination, height), &sent);
    }

    /// The blocks whose contents for other groups are kept, oldest first for each group.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (GroupId, Height)> {
        self.kept.iter().flat_map(|(group, kept)| kept.keys().map(move |height| (*group, *height)))
    }

    pub(crate) fn restore_incoming(&mut self, source: GroupId, incoming: Incoming) {
        self.incoming.insert(source, incoming);
    }

    pub(crate) fn restore_outgoing(&mut self, destination: GroupId, outgoing: Outgoing) {
        self.outgoing.insert(destination, outgoing);
    }

    pub(crate) fn restore_sent(&mut self, height: Height, sent: &Sent) {
        let kept = self.kept.entry(sent.contents.destination).or_default();
        kept.insert(height, (sent.contents.first, sent.contents.next()));
    }
}

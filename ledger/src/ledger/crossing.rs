//! What a ledger tells of its group's dealings with other groups.

use super::Ledger;
use crate::channels::Sent;
use crate::locks::HeldLock;
use crate::records::Record;
use crate::store::Store;
use crate::two_phase::{Coordinated, Participated};
use crate::value::Value;
use witan_types::{Envelope, GroupId, Height, Seal, TxId, Wire};

impl<S: Store> Ledger<S> {
    /// How many messages of a group were consumed here: the place of the next one in its channel.
    pub fn consumed(&self, source: GroupId) -> u64 {
        self.dealings.channels.consumed(source)
    }

    /// How many messages to a group it told to have consumed.
    pub fn acknowledged(&self, destination: GroupId) -> u64 {
        self.dealings.channels.acknowledged(destination)
    }

    /// Whether a new transaction that takes part in a group may be sent there.
    pub fn may_prepare(&self, destination: GroupId) -> bool {
        self.dealings.channels.has_room_for_prepare(destination, 0)
    }

    /// The blocks whose contents for other groups are kept, since those have not told that they consumed them; oldest
    /// first for each group.
    pub fn outbox(&self) -> impl Iterator<Item = (GroupId, Height)> {
        self.dealings.channels.kept()
    }

    /// What the block under a seal says to a group, ready to be sent; `None` if it says nothing or is no longer kept.
    pub fn envelope(&self, seal: &Seal, destination: GroupId) -> Option<Envelope> {
        let entry = self.entry(&Record::Sent(destination, seal.outcome.height).key())?;
        let Value::Record(bytes) = entry.value else { return None };
        let Sent { contents, proof } = Sent::decode(&bytes).ok()?;
        Some(Envelope { seal: seal.clone(), contents, proof })
    }

    /// The block time from which something is due for a transaction that this group coordinates; Unix milliseconds.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.dealings.next_due_ms()
    }

    /// The block time at which the first claim on keys is over, unless it is renewed; Unix milliseconds.
    pub fn claims_until_ms(&self) -> Option<u64> {
        self.dealings.locks.claims_until_ms()
    }

    /// A transaction that is pending here, which is its coordinator.
    pub fn coordinated(&self, id: &TxId) -> Option<&Coordinated> {
        self.dealings.coordinated(id)
    }

    /// A transaction of another group that this one takes or took part in.
    pub fn participated(&self, id: &TxId) -> Option<&Participated> {
        self.dealings.participated(id)
    }

    /// Every lock that is held, ascending by key and holder.
    pub fn locks(&self) -> impl Iterator<Item = HeldLock<'_>> {
        self.dealings.locks.locks()
    }
}

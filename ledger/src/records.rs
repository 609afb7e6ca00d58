//! What a group remembers beside the keys of users: its dealings with other groups, and the configuration. Records under
//! reserved keys, covered by the state root, written with the block that made them, and read back when the ledger is opened.

pub mod reading;

use crate::store::Store;
use crate::two_phase::{ParticipantStage, Participated};
use crate::value::{Entry, Value, Version};
use std::collections::BTreeMap;
use witan_types::{Account, Epoch, GroupId, Hash, Height, Key, PublicKey, TxId, ValidatorIndex, Wire};

const INCOMING: u8 = b'i';
const OUTGOING: u8 = b'o';
const SENT: u8 = b's';
const COORDINATED: u8 = b'c';
const PARTICIPATED: u8 = b'p';
const CLAIM: u8 = b'q';
const APPROVAL: u8 = b'A';
const CONFIGURATION: u8 = b'C';
const EPOCH: u8 = b'E';
const SLOT_MAP: u8 = b'M';
const PARAMETERS: u8 = b'P';
const VALIDATOR: u8 = b'V';

/// Names a record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Record {
    /// The channel from a group.
    Incoming(GroupId),
    /// The channel to a group.
    Outgoing(GroupId),
    /// What the block at a height said to a group.
    Sent(GroupId, Height),
    /// A transaction that this group coordinates.
    Coordinated(TxId),
    /// A transaction that another group coordinates and this one takes part in.
    Participated(TxId),
    /// What a refused transaction claims.
    Claim(TxId),
    /// In the root group, what an operator approves.
    Approval(Account),
    /// In the root group, what operators may change.
    Configuration,
    /// In the root group, an epoch of a group.
    Epoch(GroupId, Epoch),
    /// In the root group, which group owns each slot.
    SlotMap,
    /// In every other group, the parameters that it goes by once they are not those of genesis.
    Parameters,
    /// In the root group, a validator by its place among all.
    Validator(ValidatorIndex),
}

impl Record {
    /// The reserved key under which it stands.
    pub fn key(&self) -> Key {
        let of_group = |kind: u8, group: &GroupId| [&[0, kind][..], &group.0.to_be_bytes()].concat();
        let of_transaction = |kind: u8, id: &TxId| [&[0, kind][..], id.0.as_bytes()].concat();
        Key(match self {
            Record::Incoming(group) => of_group(INCOMING, group),
            Record::Outgoing(group) => of_group(OUTGOING, group),
            Record::Sent(group, height) => [of_group(SENT, group), height.to_be_bytes().to_vec()].concat(),
            Record::Coordinated(id) => of_transaction(COORDINATED, id),
            Record::Participated(id) => of_transaction(PARTICIPATED, id),
            Record::Claim(id) => of_transaction(CLAIM, id),
            Record::Approval(Account(PublicKey(bytes))) => [&[0, APPROVAL][..], bytes].concat(),
            Record::Configuration => vec![0, CONFIGURATION],
            Record::Epoch(group, epoch) => [of_group(EPOCH, group), epoch.0.to_be_bytes().to_vec()].concat(),
            Record::SlotMap => vec![0, SLOT_MAP],
            Record::Parameters => vec![0, PARAMETERS],
            Record::Validator(place) => [&[0, VALIDATOR][..], &place.0.to_be_bytes()].concat(),
        })
    }

    /// Where the approvals of operators begin.
    pub(crate) fn first_approval() -> Key {
        Key(vec![0, APPROVAL])
    }

    /// The record that a reserved key names.
    pub fn of(key: &Key) -> Option<Record> {
        let (kind, rest) = key.0.strip_prefix(&[0])?.split_first()?;
        let id = || rest.try_into().ok().map(|bytes| TxId(Hash(bytes)));
        let group = || rest.first_chunk().map(|bytes| GroupId(u32::from_be_bytes(*bytes)));
        let after_group = || rest.get(4..)?.try_into().ok().map(u64::from_be_bytes);
        let place = || rest.try_into().ok().map(|bytes| ValidatorIndex(u16::from_be_bytes(bytes)));
        match *kind {
            INCOMING => group().map(Record::Incoming),
            OUTGOING => group().map(Record::Outgoing),
            SENT => Some(Record::Sent(group()?, after_group()?)),
            COORDINATED => id().map(Record::Coordinated),
            PARTICIPATED => id().map(Record::Participated),
            CLAIM => id().map(Record::Claim),
            APPROVAL => rest.try_into().ok().map(|bytes| Record::Approval(Account(PublicKey(bytes)))),
            CONFIGURATION if rest.is_empty() => Some(Record::Configuration),
            EPOCH => Some(Record::Epoch(group()?, Epoch(after_group()?))),
            SLOT_MAP if rest.is_empty() => Some(Record::SlotMap),
            PARAMETERS if rest.is_empty() => Some(Record::Parameters),
            VALIDATOR => place().map(Record::Validator),
            _ => None,
        }
    }
}

/// The transactions across groups that a stored ledger holds open, and how: pending at their coordinator, or prepared and
/// not decided.
pub fn open_transactions(store: &dyn Store) -> Vec<(TxId, &'static str)> {
    let mut open = Vec::new();
    store.visit_entries(&mut |key, entry| match (Record::of(&key), entry.value) {
        (Some(Record::Coordinated(id)), _) => open.push((id, "pending")),
        (Some(Record::Participated(id)), Value::Record(bytes)) => {
            let stage = Participated::decode(&bytes).map(|participated| participated.stage);
            if let Ok(ParticipantStage::Prepared { .. }) = stage {
                open.push((id, "prepared"));
            }
        }
        _ => {}
    });
    open
}

/// The records that a block changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Records(BTreeMap<Key, Option<Vec<u8>>>);

impl Records {
    pub(crate) fn put<T: Wire>(&mut self, record: Record, value: &T) {
        self.0.insert(record.key(), Some(value.encode()));
    }

    pub(crate) fn delete(&mut self, record: Record) {
        self.0.insert(record.key(), None);
    }

    /// The changes of state that they are, ascending by key.
    pub(crate) fn into_changes(self, height: Height) -> Vec<(Key, Option<Entry>)> {
        let version = Version::new(0, height, 0);
        let entry = |bytes| Entry { value: Value::Record(bytes), version };
        self.0.into_iter().map(|(key, bytes)| (key, bytes.map(entry))).collect()
    }
}

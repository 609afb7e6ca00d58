//! Slots: the 4,096 parts that the keys of a network fall into, each owned by one group.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use witan_types::{Genesis, GroupId, Hash, Key, sha256};

/// How many bits name a slot.
pub const SLOT_BITS: usize = 12;
/// How many slots there are.
pub const SLOTS: u16 = 1 << SLOT_BITS;

/// The slot of a key: the first 12 bits of the SHA-256 of its routing part. The routing part of a key under
/// `@<account>/` is the account's text; of any other, what the first pair of braces in it encloses, if anything, so
/// that a user can keep keys together; else the whole key.
pub fn slot_of(key: &Key) -> u16 {
    first_bits(&sha256(&[routing_part(key)]))
}

/// The slots that a group owns from the start: the user groups of genesis share them evenly, in order, and the root group
/// has none.
pub fn first_slots(genesis: &Genesis, group: GroupId) -> Range<u16> {
    let shards = u64::try_from(genesis.groups.len().saturating_sub(1)).unwrap_or(u64::MAX).max(1);
    let below = |shard: u64| {
        let slots = u64::from(SLOTS) * shard.min(shards) / shards;
        u16::try_from(slots).unwrap_or(SLOTS)
    };
    match u64::from(group.0).checked_sub(1) {
        Some(before) => below(before)..below(before.saturating_add(1)),
        None => 0..0,
    }
}

/// The group that owns a slot from the start.
pub fn first_owner(genesis: &Genesis, slot: u16) -> GroupId {
    let owner = genesis.groups.iter().find(|group| first_slots(genesis, group.id).contains(&slot));
    owner.map_or(GroupId(1), |group| group.id)
}

/// Which group owns each slot. Cloning costs nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct SlotMap {
    owners: Arc<[GroupId]>,
    /// The owner of all slots, if there is one: then no key need be hashed.
    only: Option<GroupId>,
}

impl fmt::Debug for SlotMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owners: BTreeSet<&GroupId> = self.owners.iter().collect();
        write!(f, "slots of {owners:?}")
    }
}

impl SlotMap {
    /// The map at the start: the user groups of genesis share the slots evenly, in order.
    pub fn first(genesis: &Genesis) -> SlotMap {
        let owners: Arc<[GroupId]> = (0..SLOTS).map(|slot| first_owner(genesis, slot)).collect();
        let first = owners.first().copied().filter(|first| owners.iter().all(|owner| owner == first));
        SlotMap { owners, only: first }
    }

    /// The group that owns the slot of a key.
    pub fn owner(&self, key: &Key) -> GroupId {
        self.only.unwrap_or_else(|| self.owner_of_slot(slot_of(key)))
    }

    /// The group that owns a slot.
    pub fn owner_of_slot(&self, slot: u16) -> GroupId {
        self.owners.get(usize::from(slot)).copied().unwrap_or(GroupId(1))
    }
}

/// The slot of a key whose SHA-256 is at hand: most keys route by their whole, and are not hashed again.
pub(crate) fn slot_of_hashed(key: &Key, key_hash: &Hash) -> u16 {
    let part = routing_part(key);
    if part.len() == key.0.len() { first_bits(key_hash) } else { first_bits(&sha256(&[part])) }
}

fn first_bits(hash: &Hash) -> u16 {
    let [first, second, ..] = hash.0;
    u16::from_be_bytes([first, second]) >> (16 - SLOT_BITS)
}

fn routing_part(key: &Key) -> &[u8] {
    if let Some(account) = key.owner().filter(|account| !account.is_empty()) {
        return account.as_bytes();
    }
    braced(&key.0).unwrap_or(&key.0)
}

/// What stands between the first `{` and the next `}`, unless nothing does.
fn braced(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|byte| *byte == b'{')?;
    let rest = key.get(open + 1..)?;
    let close = rest.iter().position(|byte| *byte == b'}')?;
    rest.get(..close).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use witan_types::{Account, PublicKey};

    fn slot(text: &str) -> u16 {
        slot_of(&Key::from(text))
    }

    #[test]
    fn a_plain_key_routes_by_the_first_twelve_bits_of_its_hash() {
        // SHA-256("abc") starts with ba 78 (FIPS 180-2, appendix B.1).
        assert_eq!(slot("abc"), 0xba7);
    }

    #[test]
    fn keys_with_the_same_braces_share_a_slot() {
        assert_eq!(slot("user:{abc}:name"), slot("abc"));
        assert_eq!(slot("{abc}{def}"), slot("abc"));
        assert_eq!(slot("a{{abc}"), slot("{abc"));
    }

    #[test]
    fn empty_or_unclosed_braces_route_by_the_whole_key() {
        for key in ["a{}b", "a{b", "a}b{", "{}{abc}"] {
            let whole = first_bits(&sha256(&[key.as_bytes()]));
            assert_eq!(slot(key), whole, "{key}");
        }
    }

    #[test]
    fn all_keys_of_an_account_share_the_slot_of_its_text() {
        let account = Account(PublicKey([7; 32]));
        let expected = slot(&account.to_string());
        assert_eq!(slot_of(&Key::balance_of(&account)), expected);
        assert_eq!(slot(&format!("@{account}/notes/{{elsewhere}}")), expected);
    }

    #[test]
    fn a_key_that_names_no_account_routes_like_any_other() {
        assert_eq!(slot("@/{abc}"), slot("abc"));
        assert_eq!(slot("@{abc}"), slot("abc"));
    }

    proptest! {
        #[test]
        fn every_key_has_a_slot_below_the_number_of_slots(bytes in prop::collection::vec(any::<u8>(), 1..64)) {
            let key = Key(bytes);
            prop_assert!(slot_of(&key) < SLOTS);
            prop_assert_eq!(slot_of(&key), slot_of_hashed(&key, &sha256(&[&key.0])));
        }
    }
}

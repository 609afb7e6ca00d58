//! Which groups a transaction of a load touches, and with which keys: spread evenly, with an exact share of those that span two.

use std::collections::BTreeMap;
use witan_ledger::SlotMap;
use witan_types::{Genesis, GroupId, Key};

/// Keys of each group that a load writes, over and over.
pub const KEYS_OF_GROUP: usize = 2_000;
/// Names that are tried to find those keys: far more than the most groups that genesis may list need.
const MAX_NAMES: u64 = 4_000_000;
/// Bytes of each of these keys.
pub(super) const SPREAD_KEY_BYTES: usize = 13;

/// The keys of all user groups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupKeys {
    keys: BTreeMap<GroupId, Vec<Key>>,
}

impl GroupKeys {
    /// Finds keys of every user group of a network.
    pub fn new(genesis: &Genesis) -> GroupKeys {
        let slots = SlotMap::first(genesis);
        let mut keys: BTreeMap<GroupId, Vec<Key>> =
            genesis.user_groups().map(|group| (group, Vec::new())).collect();
        let mut missing = keys.len();
        for number in 0..MAX_NAMES {
            if missing == 0 {
                break;
            }
            let key = Key(format!("spread/{number:06}").into_bytes());
            if let Some(of_group) = keys.get_mut(&slots.owner(&key)).filter(|keys| keys.len() < KEYS_OF_GROUP)
            {
                of_group.push(key);
                missing -= usize::from(of_group.len() == KEYS_OF_GROUP);
            }
        }
        GroupKeys { keys }
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.keys.len()
    }

    /// The groups of the `number`-th transaction of a load of which this share, in percent, spans two groups, by their places:
    /// the first of them is its coordinator.
    pub fn groups_of(&self, number: u64, share: u32) -> Vec<usize> {
        // 37 has no factor in common with 100: each hundred has exactly the share.
        let spans = number.wrapping_mul(37) % 100 < u64::from(share);
        let groups = (self.keys.len() as u64).max(1);
        let here = number % groups;
        let there = (here + 1 + number / groups % groups.saturating_sub(1).max(1)) % groups;
        let places = if spans && groups > 1 { vec![here, there] } else { vec![here] };
        places.into_iter().filter_map(|place| usize::try_from(place).ok()).collect()
    }

    /// The key that the `number`-th transaction writes in a group, named by place.
    pub fn key(&self, group: usize, number: u64) -> Option<&Key> {
        let keys = self.keys.values().nth(group)?;
        // Multiplying by an odd constant scatters consecutive numbers over the keys.
        let place = number.wrapping_mul(0x9e37_79b9).checked_rem(keys.len() as u64)?;
        keys.get(usize::try_from(place).ok()?)
    }
}

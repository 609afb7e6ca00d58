//! How keys are laid out: the group first, big-endian, so that each group is one range and numbers sort ascending.
//!
//! A history key is `group | escaped key | 00 00 | inverted height`. Escaping writes `00` as `00 FF`, so that the
//! terminator `00 00` sorts below every continuation: state keys keep their order, and the versions of one key lie
//! together, newest first.

use crate::evidence::EvidencePlace;
use std::ops::Bound;
use witan_types::{Account, BlockId, Epoch, GroupId, Height, Key, TxId, ValidatorIndex};

const TERMINATOR: [u8; 2] = [0, 0];
/// Above every version of a key, below every longer key.
const PAST_TERMINATOR: [u8; 2] = [0, 1];
const ESCAPED_ZERO: [u8; 2] = [0, 0xFF];
const HEIGHT_BYTES: usize = size_of::<Height>();
const GROUP_BYTES: usize = size_of::<u32>();

fn join(group: GroupId, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(GROUP_BYTES + parts.iter().map(|part| part.len()).sum::<usize>());
    bytes.extend_from_slice(&group.0.to_be_bytes());
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// Where a group's range starts.
pub(crate) fn group_start(group: GroupId) -> Vec<u8> {
    join(group, &[])
}

/// The first key past a group's range; `None` for the last group there can be.
pub(crate) fn group_end(group: GroupId) -> Option<Vec<u8>> {
    group.0.checked_add(1).map(|next| group_start(GroupId(next)))
}

/// Of an entry of the newest state.
pub(crate) fn state(group: GroupId, key: &Key) -> Vec<u8> {
    join(group, &[&key.0])
}

/// The state key inside [`state`]'s encoding.
pub(crate) fn decode_state(bytes: &[u8]) -> Option<Key> {
    bytes.get(GROUP_BYTES..).map(|key| Key(key.to_vec()))
}

/// Of what there is once for each block.
pub(crate) fn at_height(group: GroupId, height: Height) -> Vec<u8> {
    join(group, &[&height.to_be_bytes()])
}

/// The height inside [`at_height`]'s encoding.
pub(crate) fn decode_height(bytes: &[u8]) -> Option<Height> {
    Some(Height::from_be_bytes(bytes.get(GROUP_BYTES..)?.try_into().ok()?))
}

/// Of a record of a block's items, by how many of them come before it.
pub(crate) fn item(group: GroupId, height: Height, first: u32) -> Vec<u8> {
    join(group, &[&height.to_be_bytes(), &first.to_be_bytes()])
}

/// The height and the count inside [`item`]'s encoding.
pub(crate) fn decode_item(bytes: &[u8]) -> Option<(Height, u32)> {
    let (height, first) = bytes.get(GROUP_BYTES..)?.split_first_chunk()?;
    Some((Height::from_be_bytes(*height), u32::from_be_bytes(first.try_into().ok()?)))
}

/// Of what concerns an account in a block: newest first.
pub(crate) fn listed(group: GroupId, account: &Account, height: Height) -> Vec<u8> {
    join(group, &[&account.0.0, &(!height).to_be_bytes()])
}

/// The first key past what concerns an account; `None` for the last there can be.
pub(crate) fn listed_end(group: GroupId, account: &Account) -> Option<Vec<u8>> {
    let mut end = join(group, &[&account.0.0]);
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

/// The height inside [`listed`]'s encoding.
pub(crate) fn decode_listed(bytes: &[u8]) -> Option<Height> {
    bytes.last_chunk().map(|inverted| !Height::from_be_bytes(*inverted))
}

/// Of a block's height by its id.
pub(crate) fn block_id(group: GroupId, id: &BlockId) -> Vec<u8> {
    join(group, &[id.0.as_bytes()])
}

/// Of a transaction's place.
pub(crate) fn transaction(group: GroupId, id: &TxId) -> Vec<u8> {
    join(group, &[id.0.as_bytes()])
}

/// Of a consensus record.
pub(crate) fn record(group: GroupId, epoch: Epoch, seq: u64) -> Vec<u8> {
    join(group, &[&epoch.0.to_be_bytes(), &seq.to_be_bytes()])
}

/// The first key past all records of an epoch.
pub(crate) fn records_end(group: GroupId, epoch: Epoch) -> Vec<u8> {
    join(group, &[&epoch.0.to_be_bytes(), &u64::MAX.to_be_bytes(), &[0]])
}

/// The sequence number inside [`record`]'s encoding.
pub(crate) fn decode_seq(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(GROUP_BYTES + size_of::<u64>()..)?.try_into().ok()?))
}

/// Of a piece of evidence.
pub(crate) fn evidence(place: &EvidencePlace) -> Vec<u8> {
    let EvidencePlace { group, epoch, validator, conflict } = place;
    join(*group, &[&epoch.0.to_be_bytes(), &validator.0.to_be_bytes(), conflict.as_bytes()])
}

/// The place inside [`evidence`]'s encoding.
pub(crate) fn decode_evidence(bytes: &[u8]) -> Option<EvidencePlace> {
    let (group, rest) = bytes.split_first_chunk()?;
    let (epoch, rest) = rest.split_first_chunk()?;
    let (validator, conflict) = rest.split_first_chunk()?;
    Some(EvidencePlace {
        group: GroupId(u32::from_be_bytes(*group)),
        epoch: Epoch(u64::from_be_bytes(*epoch)),
        validator: ValidatorIndex(u16::from_be_bytes(*validator)),
        conflict: std::str::from_utf8(conflict).ok()?.to_owned(),
    })
}

fn escape(key: &Key) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.0.len() + 8);
    for byte in &key.0 {
        match byte {
            0 => bytes.extend_from_slice(&ESCAPED_ZERO),
            other => bytes.push(*other),
        }
    }
    bytes
}

/// Of the version of a key written at a height: the place to seek for the newest version up to that height.
pub(crate) fn history(group: GroupId, key: &Key, height: Height) -> Vec<u8> {
    join(group, &[&escape(key), &TERMINATOR, &(!height).to_be_bytes()])
}

/// Before every version of a key.
fn history_start(group: GroupId, key: &Key) -> Vec<u8> {
    join(group, &[&escape(key), &TERMINATOR])
}

/// Past every version of a key.
pub(crate) fn history_end(group: GroupId, key: &Key) -> Vec<u8> {
    join(group, &[&escape(key), &PAST_TERMINATOR])
}

/// The state key and the height inside [`history`]'s encoding.
pub(crate) fn decode_history(bytes: &[u8]) -> Option<(Key, Height)> {
    let body = bytes.get(GROUP_BYTES..)?;
    let (escaped, inverted) = body.split_at_checked(body.len().checked_sub(HEIGHT_BYTES)?)?;
    let escaped = escaped.strip_suffix(&TERMINATOR)?;
    let mut key = Vec::with_capacity(escaped.len());
    let mut rest = escaped.iter();
    while let Some(byte) = rest.next() {
        key.push(*byte);
        if *byte == 0 && rest.next() != Some(&0xFF) {
            return None;
        }
    }
    Some((Key(key), !Height::from_be_bytes(inverted.try_into().ok()?)))
}

/// Where a scan of history starts.
pub(crate) fn scan_start(group: GroupId, start: Bound<&Key>) -> Vec<u8> {
    match start {
        Bound::Included(key) => history_start(group, key),
        Bound::Excluded(key) => history_end(group, key),
        Bound::Unbounded => group_start(group),
    }
}

/// Where a scan of history ends, exclusive.
pub(crate) fn scan_end(group: GroupId, end: Bound<&Key>) -> Option<Vec<u8>> {
    match end {
        Bound::Included(key) => Some(history_end(group, key)),
        Bound::Excluded(key) => Some(history_start(group, key)),
        Bound::Unbounded => group_end(group),
    }
}

/// The range of all keys that start with `prefix`: an argument for a scan.
pub fn prefix_range(prefix: &[u8]) -> (Bound<Key>, Bound<Key>) {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return (Bound::Included(Key(prefix.to_vec())), Bound::Excluded(Key(end)));
        }
    }
    (Bound::Included(Key(prefix.to_vec())), Bound::Unbounded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn key() -> impl Strategy<Value = Key> {
        vec(prop_oneof![Just(0), Just(1), Just(0xFF), any::<u8>()], 0..6).prop_map(Key)
    }

    fn account() -> impl Strategy<Value = Account> {
        prop_oneof![Just([0; 32]), Just([0xFF; 32]), any::<[u8; 32]>()]
            .prop_map(|bytes| Account(witan_types::PublicKey(bytes)))
    }

    proptest! {
        #[test]
        fn lists_sort_by_account_and_then_newest_first(
            a: (u32, u64), b: (u32, u64), x in account(), y in account(),
        ) {
            let key = |(group, height): (u32, u64), account| listed(GroupId(group), account, height);
            prop_assert_eq!(key(a, &x).cmp(&key(b, &y)), (a.0, x.0.0, !a.1).cmp(&(b.0, y.0.0, !b.1)));
            prop_assert_eq!(decode_listed(&key(a, &x)), Some(a.1));
            let (start, end) = (key((b.0, u64::MAX), &y), listed_end(GroupId(b.0), &y));
            let inside = key(a, &x) >= start && end.is_none_or(|end| key(a, &x) < end);
            prop_assert_eq!(inside, (a.0, x) == (b.0, y));
        }

        #[test]
        fn history_keys_sort_by_key_and_then_newest_first(a: (u32, u64), b: (u32, u64), x in key(), y in key()) {
            let (left, right) = (history(GroupId(a.0), &x, a.1), history(GroupId(b.0), &y, b.1));
            let expected = (a.0, &x, !a.1).cmp(&(b.0, &y, !b.1));
            prop_assert_eq!(left.cmp(&right), expected);
        }

        #[test]
        fn a_history_key_decodes_to_what_it_was_made_of(group: u32, height: u64, key in key()) {
            prop_assert_eq!(decode_history(&history(GroupId(group), &key, height)), Some((key, height)));
        }

        #[test]
        fn the_versions_of_a_key_lie_between_its_bounds(height: u64, x in key(), y in key()) {
            let group = GroupId(7);
            let version = history(group, &x, height);
            let inside = history_start(group, &y) <= version && version < history_end(group, &y);
            prop_assert_eq!(inside, x == y);
        }

        #[test]
        fn a_prefix_range_holds_exactly_the_keys_with_the_prefix(prefix in key(), key in key()) {
            use std::ops::RangeBounds as _;
            prop_assert_eq!(prefix_range(&prefix.0).contains(&key), key.0.starts_with(&prefix.0));
        }
    }
}

//! A whole slot: nothing that is in it can be left out.

use super::*;
use witan_ledger::{MAX_SLOT_BYTES, PortableSlotProof, SlotEntry, SlotProof};
use witan_light::VerifiedSlot;

pub(super) fn street() -> u16 {
    slot_of(&neighbour(0))
}

/// The 20 neighbours, ascending by key.
pub(super) fn houses() -> Vec<SlotEntry> {
    let house = |n: usize| SlotEntry { key: neighbour(n), entry: entry(&format!("house {n}")) };
    let mut houses: Vec<SlotEntry> = (0..20).map(house).collect();
    houses.sort_by(|one, other| one.key.cmp(&other.key));
    houses
}

pub(super) fn whole(slot: u16, entries: Vec<SlotEntry>) -> PortableSlotProof {
    let tree = tree();
    let proof = tree.prove_slot(slot).unwrap();
    PortableSlotProof { header: sealed(header(), tree.root()), slot, entries, proof }
}

fn judge(portable: &PortableSlotProof) -> Result<VerifiedSlot, LightError> {
    verifier().verify_slot(portable)
}

/// A slot without any key.
pub(super) fn empty_slot() -> u16 {
    let taken = [street(), slot_of(&Key::from("color"))];
    (0..SLOTS).find(|slot| !taken.contains(slot)).unwrap()
}

#[test]
fn a_whole_slot_is_proved_with_every_key_in_it() {
    let proved = judge(&whole(street(), houses())).unwrap();
    assert_eq!((proved.at.group, proved.at.epoch, proved.at.height), (GroupId(1), Epoch(1), 1));
    assert_eq!((proved.slot, proved.entries), (street(), houses()));
    assert_eq!(tree().keys_in(street(), 100), Some(20));
}

#[test]
fn an_empty_slot_is_proved_to_be_empty() {
    assert_eq!(judge(&whole(empty_slot(), Vec::new())).unwrap().entries, []);
    let claimed = vec![SlotEntry { key: neighbour(0), entry: entry("house 0") }];
    assert_eq!(judge(&whole(empty_slot(), claimed)), Err(LightError::WrongSlot(empty_slot())));
    assert_eq!(judge(&whole(street(), Vec::new())), Err(LightError::WrongSlot(street())));
}

#[test]
fn no_entry_can_be_left_out_added_twice_moved_or_changed() {
    let refused = |entries: Vec<SlotEntry>, what: &str| {
        assert_eq!(judge(&whole(street(), entries)), Err(LightError::WrongSlot(street())), "{what}");
    };
    for place in 0..houses().len() {
        let mut fewer = houses();
        let left_out = fewer.remove(place);
        refused(fewer, "one left out");
        let mut twice = houses();
        twice.insert(place, left_out);
        refused(twice, "one twice");
    }
    let mut swapped = houses();
    swapped.swap(3, 4);
    refused(swapped, "out of order");
    let mut changed = houses();
    changed.last_mut().unwrap().entry = entry("another house");
    refused(changed, "another value");
    let mut more = houses();
    more.push(SlotEntry { key: neighbour(99), entry: entry("house 99") });
    more.sort_by(|one, other| one.key.cmp(&other.key));
    refused(more, "one more of the slot");
    let mut foreign = houses();
    foreign.push(SlotEntry { key: Key::from("zebra"), entry: entry("blue") });
    refused(foreign, "one of another slot");
}

#[test]
fn a_slot_is_proved_under_its_own_number_alone() {
    for slot in [street() ^ 1, SLOTS, u16::MAX] {
        let portable = PortableSlotProof { slot, ..whole(street(), houses()) };
        assert_eq!(judge(&portable), Err(LightError::WrongSlot(slot)));
    }
    assert_eq!(tree().prove_slot(SLOTS), tree().prove_slot(0), "the tree looks at 12 bits alone");
    let portable = PortableSlotProof { slot: SLOTS, ..whole(0, Vec::new()) };
    assert_eq!(judge(&portable), Err(LightError::WrongSlot(SLOTS)));
}

/// A slot of three keys.
pub(super) fn three() -> PortableSlotProof {
    let few: Vec<SlotEntry> = houses().into_iter().take(3).collect();
    let hashes: Vec<(Key, Hash)> = few.iter().map(|it| (it.key.clone(), it.entry.hash())).collect();
    let tree = Tree::new(0..SLOTS, 0).update(hashes.iter().map(|(key, hash)| (key, Some(*hash))));
    let proof = tree.prove_slot(street()).unwrap();
    PortableSlotProof { header: sealed(header(), tree.root()), slot: street(), entries: few, proof }
}

#[test]
fn no_byte_of_a_slot_s_proof_can_change() {
    every_tamper_is_refused(&three(), |portable| judge(portable).is_ok());
    let empty = whole(empty_slot(), Vec::new());
    // A neighbouring slot may be empty too: that would be a proof of another fact.
    every_tamper_is_refused(&empty, |portable| portable.slot == empty.slot && judge(portable).is_ok());
}

/// What a group might say of a slot that it does not own: that it is empty, by the way of the slot beside.
pub(super) fn foreign() -> PortableSlotProof {
    let slot = street();
    let tree = Tree::new((0..SLOTS).filter(|other| *other != slot), 0);
    assert_eq!((tree.prove_slot(slot), tree.keys_in(slot, 100)), (None, None));
    let SlotProof { marker, siblings } = tree.prove_slot(slot ^ 1).unwrap();
    let proof = SlotProof { marker, siblings };
    PortableSlotProof { header: sealed(header(), tree.root()), slot, entries: Vec::new(), proof }
}

/// The slot as the root group would seal it.
pub(super) fn of_the_root_group() -> PortableSlotProof {
    let root_header = Header { group: GroupId(0), ..header() };
    PortableSlotProof { header: sealed(root_header, tree().root()), ..whole(street(), houses()) }
}

#[test]
fn a_group_that_does_not_own_the_slot_proves_nothing_about_it_and_the_root_group_neither() {
    assert_eq!(judge(&foreign()), Err(LightError::WrongSlot(street())));
    assert_eq!(judge(&of_the_root_group()), Err(LightError::RootGroup));
}

/// An empty slot on its way to another group.
pub(super) fn frozen() -> PortableSlotProof {
    let (slot, mut proof) = (empty_slot(), whole(empty_slot(), Vec::new()).proof);
    proof.marker.state = SlotState::Frozen;
    let root = proof.root(slot, std::iter::empty()).unwrap();
    PortableSlotProof { header: sealed(header(), root), slot, entries: Vec::new(), proof }
}

#[test]
fn a_frozen_slot_is_not_proved_as_served() {
    assert_eq!(judge(&frozen()), Err(LightError::WholeSlotFrozen(GroupId(1), empty_slot())));
}

#[test]
fn a_slot_s_proof_is_bounded() {
    let portable = whole(street(), houses());
    assert_eq!(PortableSlotProof::decode(&portable.encode()), Ok(portable));
    assert!(PortableSlotProof::decode(&vec![0; PortableSlotProof::MAX_BYTES + 1]).is_err());
    const { assert!(PortableSlotProof::MAX_BYTES < MAX_SLOT_BYTES + 16 * 1024) };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn of_all_subsets_of_a_slot_only_the_whole_is_proved(kept in proptest::collection::vec(any::<bool>(), 20)) {
        let entries: Vec<SlotEntry> =
            houses().into_iter().zip(&kept).filter(|(_, kept)| **kept).map(|(house, _)| house).collect();
        prop_assert_eq!(judge(&whole(street(), entries)).is_ok(), kept.iter().all(|kept| *kept));
    }

    #[test]
    fn random_bytes_prove_no_slot(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(!PortableSlotProof::decode(&bytes).is_ok_and(|it| judge(&it).is_ok()));
    }
}

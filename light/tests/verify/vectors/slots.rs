//! All that a slot holds.

use super::*;
use crate::slots::{empty_slot, foreign, frozen, of_the_root_group, three, whole};
use witan_ledger::{PortableSlotProof, SlotEntry};

type Change = fn(&mut PortableSlotProof);
type HeaderChange = fn(&mut Header);

/// What may be changed of a good proof, and why it is one no longer.
const CHANGES: [(&str, &str, Change); 16] = [
    ("with a key left out", "WRONG_SLOT", |it| drop(it.entries.remove(1))),
    ("with a key twice", "WRONG_SLOT", |it| it.entries.insert(1, it.entries[1].clone())),
    ("with keys out of order", "WRONG_SLOT", |it| it.entries.swap(0, 1)),
    ("with another value", "WRONG_SLOT", |it| it.entries[2].entry = entry("another house")),
    ("with another version", "WRONG_SLOT", |it| it.entries[2].entry.version = Version::new(0, 2, 0)),
    ("with a key more", "WRONG_SLOT", |it| it.entries.push(house(&neighbour(99)))),
    ("with a key of another slot", "WRONG_SLOT", |it| it.entries.push(house(&Key::from("~zebra")))),
    ("with a reserved key", "WRONG_SLOT", |it| it.entries.insert(0, house(&Key(vec![0, b'i'])))),
    ("under another number", "WRONG_SLOT", |it| it.slot ^= 1),
    ("with another marker", "WRONG_SLOT", |it| it.proof.marker.incarnation += 1),
    ("with a marker that freezes it", "WRONG_SLOT", |it| it.proof.marker.state = SlotState::Frozen),
    ("with a sibling less", "WRONG_SLOT", |it| it.proof.siblings.truncate(12)),
    ("with a sibling more", MALFORMED, |it| it.proof.siblings.insert(0, Hash::ZERO)),
    ("with siblings swapped", "WRONG_SLOT", |it| it.proof.siblings.swap(3, 12)),
    ("with another header than the sealed one", "SEAL_OF_ANOTHER_BLOCK", |it| it.header.header.time_ms += 1),
    ("sealed by two of four", "SEAL", |it| {
        it.header.seal = sealed_by(&[0, 3], &it.header.seal.outcome);
    }),
];

/// The same state sealed in a block that is otherwise another one.
const HEADERS: [(&str, &str, HeaderChange); 3] = [
    ("of another network", "WRONG_CHAIN", |it| {
        it.chain = Genesis { name: "another".into(), ..genesis() }.chain()
    }),
    ("of an epoch that nobody knows", "UNKNOWN_EPOCH", |it| it.epoch = Epoch(2)),
    ("of a group that nobody knows", "UNKNOWN_GROUP", |it| it.group = GroupId(9)),
];

fn house(key: &Key) -> SlotEntry {
    SlotEntry { key: key.clone(), entry: entry("house") }
}

/// A state that no honest group makes: a slot with one key in it that does not belong there.
fn with_a_stray(slot: u16, key: Key) -> PortableSlotProof {
    let entry = entry("stray");
    let mut path = sha256(&[&key.0]);
    path.0.rotate_left(2);
    let leaf = sha256(&[&[0], path.as_bytes(), entry.hash().as_bytes()]);
    let hash = sha256(&[&[2], &0_u32.to_le_bytes(), &[0], leaf.as_bytes()]);
    let proof = tree().prove_slot(slot).unwrap();
    let header = sealed(header(), root_above(slot, hash, &proof.siblings));
    PortableSlotProof { header, slot, entries: vec![SlotEntry { key, entry }], proof }
}

fn cases() -> Vec<Case> {
    let case = |name, portable: &PortableSlotProof, refused| {
        let about = json!({"slot": portable.slot});
        Case { name, about, bytes: portable.encode(), refused }
    };
    let (stray, reserved) = (Key::from("stray"), Key(vec![0, b'i', 0, 0, 0, 1]));
    let home = slot_of(&stray);
    let mut cases = vec![
        case("three keys", &three(), None),
        case("an empty slot", &whole(empty_slot(), Vec::new()), None),
        case("frozen", &frozen(), Some("WHOLE_SLOT_FROZEN")),
        case("of a group that does not own it", &foreign(), Some("WRONG_SLOT")),
        case("of a key where it belongs, made like the two below", &with_a_stray(home, stray.clone()), None),
        case("of a key that another slot holds", &with_a_stray(home ^ 1, stray), Some("WRONG_SLOT")),
        case(
            "of a reserved key, which no slot holds",
            &with_a_stray(slot_of(&reserved), reserved),
            Some("WRONG_SLOT"),
        ),
        case("of the root group", &of_the_root_group(), Some("ROOT_GROUP")),
        case(
            "above the last slot",
            &PortableSlotProof { slot: SLOTS, ..whole(0, Vec::new()) },
            Some("WRONG_SLOT"),
        ),
    ];
    for (name, why, change) in CHANGES {
        let mut changed = three();
        change(&mut changed);
        cases.push(case(name, &changed, Some(why)));
    }
    for (name, why, change) in HEADERS {
        let mut header = header();
        change(&mut header);
        let root = three().header.seal.outcome.state_root;
        let changed = PortableSlotProof { header: sealed(header, root), ..three() };
        cases.push(case(name, &changed, Some(why)));
    }
    let count = three().header.encode().len() + 2;
    for (name, bytes) in malformed(&three().encode(), count) {
        cases.push(Case { name, about: json!({"slot": three().slot}), bytes, refused: Some(MALFORMED) });
    }
    cases
}

#[test]
fn the_vectors_of_slots_are_judged_as_they_say() {
    check("slots", Map::new(), &cases(), |case| {
        verdict(&case.bytes, |portable| verifier().verify_slot(portable))
    });
}

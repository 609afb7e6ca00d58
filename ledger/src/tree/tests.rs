mod oracle;
mod window;

use super::hashing::*;
use super::*;
use crate::slots::SLOT_BITS;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use witan_types::Wire;

/// Some hundred keys: most in slots of their own, every third in one slot, every seventh reserved.
fn key(number: u16) -> Key {
    if number % 7 == 5 {
        return Key(format!("\0{number}").into_bytes());
    }
    let text = if number.is_multiple_of(3) { format!("{{shared}}{number}") } else { format!("key {number}") };
    Key::from(text.as_str())
}

fn entry(number: u8) -> Hash {
    sha256(&[b"entry", &[number]])
}

fn empty() -> Tree {
    Tree::new(0..SLOTS, 0)
}

fn tree_of(content: &BTreeMap<Key, Hash>) -> Tree {
    empty().update(content.iter().map(|(key, entry)| (key, Some(*entry))))
}

fn content_of(numbers: &BTreeMap<u16, u8>) -> BTreeMap<Key, Hash> {
    numbers.iter().map(|(number, value)| (key(*number), entry(*value))).collect()
}

/// The definition of the root, spelled out: no sharing, no paths, only the content.
fn root_by_definition(content: &BTreeMap<Key, Hash>) -> Hash {
    fn slot_root(leaves: &[(Hash, Hash)], depth: usize) -> Hash {
        match leaves {
            [] => Hash([0; 32]),
            [(path, entry)] => sha256(&[&[0], path.as_bytes(), entry.as_bytes()]),
            _ => {
                let bit = |path: &Hash| path.0[depth / 8] >> (7 - depth % 8) & 1;
                let (right, left): (Vec<_>, Vec<_>) =
                    leaves.iter().copied().partition(|(path, _)| bit(path) == 1);
                let (left, right) = (slot_root(&left, depth + 1), slot_root(&right, depth + 1));
                sha256(&[&[1], left.as_bytes(), right.as_bytes()])
            }
        }
    }
    let (mut slots, mut reserved) = (vec![Vec::new(); 4096], Vec::new());
    for (key, entry) in content {
        let hash = sha256(&[&key.0]).0;
        let mut path = hash[2..].to_vec();
        path.extend_from_slice(&hash[..2]);
        let leaf = (Hash(path.try_into().unwrap()), *entry);
        if key.0[0] == 0 {
            reserved.push(leaf);
        } else {
            slots[usize::from(crate::slots::slot_of(key))].push(leaf);
        }
    }
    let mut level: Vec<Hash> = slots
        .iter()
        .map(|leaves| sha256(&[&[2], &0_u32.to_le_bytes(), &[0], slot_root(leaves, 0).as_bytes()]))
        .collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| sha256(&[&[3], pair[0].as_bytes(), pair[1].as_bytes()])).collect();
    }
    sha256(&[&[4], level[0].as_bytes(), slot_root(&reserved, 0).as_bytes()])
}

type History = Vec<Vec<(u16, Option<u8>)>>;

fn histories() -> impl Strategy<Value = History> {
    vec(vec((0..120_u16, proptest::option::weighted(0.6, any::<u8>())), 0..40), 0..8)
}

/// Plays batches of changes one after another, and says what remains.
fn play(history: &History) -> (Tree, BTreeMap<u16, u8>) {
    let (mut tree, mut content) = (empty(), BTreeMap::new());
    for batch in history {
        let keys: Vec<Key> = batch.iter().map(|(number, _)| key(*number)).collect();
        tree = tree.update(keys.iter().zip(batch).map(|(key, (_, value))| (key, value.map(entry))));
        for (number, value) in batch {
            match value {
                Some(value) => content.insert(*number, *value),
                None => content.remove(number),
            };
        }
    }
    (tree, content)
}

proptest! {
    #[test]
    fn the_root_follows_from_the_content_and_not_from_its_history(history in histories()) {
        let (tree, content) = play(&history);
        prop_assert_eq!(tree.root(), tree_of(&content_of(&content)).root());
    }

    #[test]
    fn the_root_is_the_one_that_the_definition_gives(
        content in proptest::collection::btree_map(0..400_u16, any::<u8>(), 0..60),
    ) {
        let content = content_of(&content);
        prop_assert_eq!(tree_of(&content).root(), root_by_definition(&content));
    }

    #[test]
    fn different_content_has_a_different_root(one in histories(), other in histories()) {
        let ((one, one_content), (other, other_content)) = (play(&one), play(&other));
        prop_assert_eq!(one.root() == other.root(), one_content == other_content);
    }

    #[test]
    fn an_update_leaves_the_old_tree_as_it_was(history in histories(), changed in 0..120_u16) {
        let (tree, content) = play(&history);
        let newer = tree.clone().update([(&key(changed), Some(entry(1)))]);
        prop_assert_eq!(tree.root(), tree_of(&content_of(&content)).root());
        let expected = content.get(&changed).map(|value| entry(*value));
        prop_assert!(tree.prove(&key(changed)).verify(&tree.root(), &key(changed), expected));
        prop_assert!(newer.prove(&key(changed)).verify(&newer.root(), &key(changed), Some(entry(1))));
    }

    #[test]
    fn every_key_has_a_proof_of_what_it_holds_and_of_nothing_else(history in histories(), asked in 0..150_u16) {
        let (tree, content) = play(&history);
        let (root, asked_key, held) = (tree.root(), key(asked), content.get(&asked).map(|value| entry(*value)));
        let proof = StateProof::decode(&tree.prove(&asked_key).encode()).unwrap();
        prop_assert!(proof.verify(&root, &asked_key, held));
        let lies = [None, Some(entry(0)), Some(entry(1)), Some(Hash::ZERO)];
        for lie in lies.into_iter().filter(|lie| *lie != held) {
            prop_assert!(!proof.verify(&root, &asked_key, lie));
        }
        prop_assert!(!proof.verify(&sha256(&[b"another root"]), &asked_key, held));
    }

    #[test]
    fn a_whole_slot_leads_to_the_root_and_no_part_of_it_does(history in histories(), left_out in 0..60_usize) {
        let (tree, content) = play(&history);
        let content = content_of(&content);
        // The keys that share a slot, and a slot with one key at most.
        for slot in [crate::slots::slot_of(&key(0)), crate::slots::slot_of(&key(1))] {
            let is_here = |key: &Key| !key.is_reserved() && crate::slots::slot_of(key) == slot;
            let held: Vec<(&Key, Hash)> =
                content.iter().filter(|(key, _)| is_here(key)).map(|(key, entry)| (key, *entry)).collect();
            let proof = SlotProof::decode(&tree.prove_slot(slot).unwrap().encode()).unwrap();
            prop_assert_eq!(proof.root(slot, held.iter().copied()), Some(tree.root()));
            for most in [0, 1, 5, 100] {
                let counted = tree.keys_in(slot, most).unwrap();
                prop_assert_eq!(counted, held.len().min(most + 1), "at most {}", most);
            }
            let mut fewer = held;
            if left_out < fewer.len() {
                fewer.remove(left_out);
                prop_assert_ne!(proof.root(slot, fewer), Some(tree.root()));
            }
        }
    }

    #[test]
    fn a_proof_for_one_key_says_nothing_about_another(history in histories(), one in 0..60_u16, other in 0..60_u16) {
        prop_assume!(one != other);
        let (tree, content) = play(&history);
        let proof = tree.prove(&key(one));
        let held = content.get(&other).map(|value| entry(*value));
        for lie in [None, Some(entry(7))].into_iter().filter(|lie| *lie != held) {
            prop_assert!(!proof.verify(&tree.root(), &key(other), lie));
        }
    }
}

/// Sixty keys in one slot.
fn crowded() -> (Tree, Vec<Key>) {
    let keys: Vec<Key> = (0..60).map(|number| key(number * 3)).collect();
    (empty().update(keys.iter().map(|key| (key, Some(entry(5))))), keys)
}

fn assert_every_flipped_bit_is_refused(tree: &Tree, key: &Key, held: Option<Hash>) {
    let (root, bytes) = (tree.root(), tree.prove(key).encode());
    assert!(StateProof::decode(&bytes).unwrap().verify(&root, key, held));
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut tampered = bytes.clone();
            tampered[at] ^= 1 << bit;
            let accepted = StateProof::decode(&tampered).is_ok_and(|proof| proof.verify(&root, key, held));
            assert!(!accepted, "byte {at}, bit {bit} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn a_proof_of_presence_with_any_bit_flipped_is_refused() {
    let (tree, keys) = crowded();
    assert_every_flipped_bit_is_refused(&tree, &keys[0], Some(entry(5)));
}

#[test]
fn a_proof_of_absence_with_any_bit_flipped_is_refused() {
    let (tree, _) = crowded();
    let absent: Vec<Key> = (60..200).map(|number| key(number * 3)).collect();
    let by_leaf = absent.iter().find(|key| tree.prove(key).other.is_some()).unwrap();
    let by_gap = absent.iter().find(|key| tree.prove(key).other.is_none()).unwrap();
    assert_every_flipped_bit_is_refused(&tree, by_leaf, None);
    assert_every_flipped_bit_is_refused(&tree, by_gap, None);
    assert_every_flipped_bit_is_refused(&empty(), &key(1), None);
}

#[test]
fn a_proof_with_more_or_fewer_siblings_is_refused() {
    let (tree, keys) = crowded();
    let (root, whole) = (tree.root(), tree.prove(&keys[0]));
    let refused = |change: &dyn Fn(&mut StateProof)| {
        let mut proof = whole.clone();
        change(&mut proof);
        !proof.verify(&root, &keys[0], Some(entry(5)))
    };
    assert!(refused(&|proof| proof.siblings.truncate(whole.siblings.len() - 1)));
    assert!(refused(&|proof| proof.siblings.rotate_left(1)));
    assert!(refused(&|proof| proof.siblings.insert(0, Hash::ZERO)));
    assert!(refused(&|proof| proof.siblings.resize(10_000, Hash::ZERO)));
    assert!(refused(&|proof| proof.slot_siblings.truncate(SLOT_BITS)));
    assert!(refused(&|proof| proof.slot_siblings.push(Hash::ZERO)));
}

#[test]
fn a_leaf_that_stands_elsewhere_does_not_prove_absence() {
    let (tree, keys) = crowded();
    let (present, witness) = (&keys[0], &keys[1]);
    let mut forged = tree.prove(witness);
    forged.other = Some(OtherLeaf { path: Place::of(witness).path, entry: entry(5) });
    assert!(!forged.verify(&tree.root(), present, None));
}

#[test]
fn a_key_does_not_stand_in_for_its_own_absence() {
    let (tree, keys) = crowded();
    let mut forged = tree.prove(&keys[0]);
    forged.other = Some(OtherLeaf { path: Place::of(&keys[0]).path, entry: entry(5) });
    assert!(!forged.verify(&tree.root(), &keys[0], None));
}

#[test]
fn a_group_proves_nothing_about_a_slot_it_does_not_own() {
    let (inside, outside) = (key(1), key(2));
    let own = crate::slots::slot_of(&inside);
    let tree = Tree::new([own].into_iter(), 3);
    let proof = tree.prove(&outside);
    assert_eq!(proof.marker, None);
    assert!(!proof.verify(&tree.root(), &outside, None));
    let marker = Some(SlotMarker { incarnation: 3, state: SlotState::Serving });
    assert!(!StateProof { marker, ..proof }.verify(&tree.root(), &outside, None));
    assert!(tree.prove(&inside).verify(&tree.root(), &inside, None));
    assert_eq!((tree.marker(own), tree.marker(own ^ 1)), (marker, None));
}

#[test]
#[should_panic(expected = "does not own")]
fn a_change_in_a_slot_of_another_group_is_a_bug() {
    let tree = Tree::new(std::iter::empty(), 0);
    drop(tree.update([(&key(1), Some(entry(1)))]));
}

#[test]
fn the_incarnation_of_a_slot_is_part_of_the_root() {
    assert_ne!(Tree::new(0..SLOTS, 0).root(), Tree::new(0..SLOTS, 1).root());
    assert_ne!(Tree::new(0..SLOTS, 0).root(), Tree::new(1..SLOTS, 0).root());
}

#[test]
fn of_two_changes_of_a_key_the_last_counts() {
    let tree = empty().update([(&key(1), Some(entry(1))), (&key(2), None), (&key(1), Some(entry(2)))]);
    assert_eq!(tree.root(), empty().update([(&key(1), Some(entry(2)))]).root());
}

fn change(path: Hash, entry: Option<Hash>) -> Change {
    Change { place: Place { slot: 0, path }, entry }
}

#[test]
fn two_paths_that_part_at_their_last_bit_stand_256_forks_deep_and_a_lone_leaf_at_the_top() {
    let (left, mut right) = (Hash([0x5a; 32]), Hash([0x5a; 32]));
    right.0[31] ^= 1;
    let mut both = Node::of(vec![change(left, Some(entry(1))), change(right, Some(entry(2)))]);
    let mut siblings = Vec::new();
    assert!(both.descend(&left, &mut siblings).is_none());
    assert_eq!(siblings.len(), 256);
    let deepest = StateProof {
        marker: empty().marker(0),
        slot_siblings: vec![entry(0); SLOT_BITS + 1],
        siblings,
        other: Some(OtherLeaf { path: right, entry: entry(2) }),
    };
    assert_eq!(deepest.encode().len(), StateProof::MAX_BYTES);
    assert_eq!(StateProof::decode(&deepest.encode()).as_ref(), Ok(&deepest));
    both.update(0, &mut [change(right, None)], &mut Dirty::default());
    assert_eq!((both.leaves(), both.hash(0)), (1, leaf_hash(&left, &entry(1))));
}

#[test]
fn the_roots_of_the_first_release_never_change() {
    let content = content_of(&BTreeMap::from([(1, 1), (3, 3), (6, 6), (9, 9)]));
    let roots = [empty().root(), tree_of(&content).root()].map(|root| root.to_string());
    let expected = [
        "0xf331612816388f7055bd8820cd822acd6e1551186e94b016a476639d4a8dc62a",
        "0x9ced1d031cc138559e17664930b663dcb50e7614866fa61b1009bd9d7673255d",
    ];
    assert_eq!(roots, expected);
}

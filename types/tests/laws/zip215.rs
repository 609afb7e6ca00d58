//! Signatures are judged by ZIP-215, one by one and in batches alike.

use crate::samples::secret;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use proptest::prelude::*;
use sha2::{Digest, Sha512};
use witan_types::{PublicKey, Scheme, Signature, Signed};

/// The group's order l, little endian: the least number that no signature's s may be.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Every encoding of a point of small order: the 8 canonical ones, then 6 that RFC 8032 refuses.
fn small_order_encodings() -> Vec<[u8; 32]> {
    let number = |first: u8, sign: u8| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (first, 0x7f | sign);
        bytes
    };
    let mut one_with_sign = [0; 32];
    (one_with_sign[0], one_with_sign[31]) = (1, 0x80);
    // p = 2^255 - 19 ends in 0xed: 0xee is another 1, 0xed another 0, 0xec is -1.
    let odd = [
        one_with_sign,
        number(0xec, 0x80),
        number(0xed, 0),
        number(0xed, 0x80),
        number(0xee, 0),
        number(0xee, 0x80),
    ];
    EIGHT_TORSION.iter().map(|point| point.compress().0).chain(odd).collect()
}

fn signed(key: [u8; 32], r: [u8; 32], s: [u8; 32], message: &[u8]) -> Signed {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s);
    Signed { key: PublicKey(key), message: message.to_vec(), signature: Signature(signature) }
}

fn good(byte: u8) -> Signed {
    let (key, message) = (secret(byte), vec![byte; usize::from(byte)]);
    let signature = key.sign_bytes(&message);
    Signed { key: key.public(), message, signature }
}

/// A signature whose key and commitment are moved by points of small order: right under the cofactored equation
/// `[8][s]B = [8]R + [8][k]A` and, unless the two cancel out, wrong under the one without cofactor.
fn moved(key_torsion: &EdwardsPoint, commitment_torsion: &EdwardsPoint, message: &[u8]) -> Signed {
    let (secret, nonce) = (Scalar::from(0x1234_5678_9abc_def0_u64), Scalar::from(0x0fed_cba9_8765_4321_u64));
    let key = (EdwardsPoint::mul_base(&secret) + key_torsion).compress().0;
    let commitment = (EdwardsPoint::mul_base(&nonce) + commitment_torsion).compress().0;
    let mut hasher = Sha512::new();
    for part in [&commitment[..], &key[..], message] {
        hasher.update(part);
    }
    let challenge = Scalar::from_bytes_mod_order_wide(&hasher.finalize().into());
    signed(key, commitment, (nonce + challenge * secret).to_bytes(), message)
}

/// The verdict on one item, asserted to be the same alone, in a batch of its own, doubled, and among good ones at any
/// place.
fn verdict(item: &Signed) -> bool {
    let single = Scheme::Ed25519.verify(&item.key, &item.message, &item.signature);
    let wrong_at = |places: &[usize]| if single { vec![] } else { places.to_vec() };
    let batch = |items: &[Signed]| Scheme::Ed25519.verify_batch(items);
    assert_eq!(batch(std::slice::from_ref(item)), wrong_at(&[0]), "alone: {item:?}");
    assert_eq!(batch(&[item.clone(), item.clone()]), wrong_at(&[0, 1]), "doubled: {item:?}");
    for place in 0..3 {
        let mut items = vec![good(1), good(2)];
        items.insert(place, item.clone());
        assert_eq!(batch(&items), wrong_at(&[place]), "at {place} among good ones: {item:?}");
    }
    single
}

fn plus_order(s: &[u8]) -> [u8; 32] {
    let (mut sum, mut carry) = ([0; 32], 0_u16);
    for place in 0..32 {
        let digit = u16::from(s[place]) + u16::from(ORDER[place]) + carry;
        sum[place] = digit.to_le_bytes()[0];
        carry = digit >> 8;
    }
    assert_eq!(carry, 0);
    sum
}

#[test]
fn all_196_small_order_cases_are_accepted_alone_and_in_batches() {
    let encodings = small_order_encodings();
    assert_eq!(encodings.iter().collect::<std::collections::BTreeSet<_>>().len(), 14);
    let mut all = Vec::new();
    for key in &encodings {
        let point = CompressedEdwardsY(*key).decompress().unwrap();
        assert!(point.is_small_order());
        for r in &encodings {
            let item = signed(*key, *r, [0; 32], b"Zcash");
            assert!(verdict(&item), "ZIP-215 accepts key {key:x?} with R {r:x?}");
            all.push(item);
        }
    }
    assert_eq!(all.len(), 196);
    assert_eq!(Scheme::Ed25519.verify_batch(&all), Vec::<usize>::new());
}

#[test]
fn signatures_right_only_with_the_cofactor_are_accepted_alone_and_in_batches() {
    let mut all = Vec::new();
    for key_torsion in &EIGHT_TORSION {
        for commitment_torsion in &EIGHT_TORSION {
            let item = moved(key_torsion, commitment_torsion, b"moved by a point of small order");
            assert!(verdict(&item));
            all.push(item);
        }
    }
    assert_eq!(Scheme::Ed25519.verify_batch(&all), Vec::<usize>::new());
}

#[test]
fn an_s_of_the_order_or_above_is_refused_alone_and_in_batches() {
    let item = good(9);
    let (r, s) = item.signature.0.split_at(32);
    let r = <[u8; 32]>::try_from(r).unwrap();
    assert!(verdict(&item));
    assert!(!verdict(&signed(item.key.0, r, plus_order(s), &item.message)), "s + l");
    let identity = small_order_encodings()[0];
    assert!(verdict(&signed(identity, identity, [0; 32], b"m")), "s = 0");
    assert!(!verdict(&signed(identity, identity, ORDER, b"m")), "s = l");
    assert!(!verdict(&signed(identity, identity, [0xff; 32], b"m")), "the largest s");
}

#[test]
fn encodings_of_no_point_are_refused_alone_and_in_batches() {
    let no_point = (0_u8..=255)
        .map(|byte| [byte; 32])
        .find(|bytes| CompressedEdwardsY(*bytes).decompress().is_none())
        .unwrap();
    let item = good(9);
    let s = <[u8; 32]>::try_from(&item.signature.0[32..]).unwrap();
    let r = <[u8; 32]>::try_from(&item.signature.0[..32]).unwrap();
    assert!(!verdict(&signed(no_point, r, s, &item.message)), "as key");
    assert!(!verdict(&signed(item.key.0, no_point, s, &item.message)), "as commitment");
    let identity = small_order_encodings()[0];
    assert!(!verdict(&signed(no_point, identity, [0; 32], b"m")));
    assert!(!verdict(&signed(identity, no_point, [0; 32], b"m")));
}

#[test]
fn a_batch_of_nothing_has_nothing_wrong() {
    assert_eq!(Scheme::Ed25519.verify_batch(&[]), Vec::<usize>::new());
    assert_eq!(Scheme::StandIn.verify_batch(&[]), Vec::<usize>::new());
}

#[test]
fn two_wrong_signatures_that_would_cancel_out_in_a_sum_are_both_found() {
    let (mut first, mut second) = (good(1), good(2));
    let shift = |item: &mut Signed, by: Scalar| {
        let s = <[u8; 32]>::try_from(&item.signature.0[32..]).unwrap();
        let shifted = Option::<Scalar>::from(Scalar::from_canonical_bytes(s)).unwrap() + by;
        item.signature.0[32..].copy_from_slice(&shifted.to_bytes());
    };
    shift(&mut first, Scalar::ONE);
    shift(&mut second, -Scalar::ONE);
    assert_eq!(Scheme::Ed25519.verify_batch(&[first, good(3), second]), vec![0, 2]);
}

/// How an item of a random batch is made.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Good,
    GoodWithTorsion,
    SmallOrder,
    OtherMessage,
    OtherKey,
    FlippedBit(usize),
    AboveOrder,
}

fn make(kind: Kind, seed: u8) -> Signed {
    let mut item = good(seed);
    match kind {
        Kind::Good => {}
        Kind::GoodWithTorsion => {
            item = moved(&EIGHT_TORSION[3], &EIGHT_TORSION[usize::from(seed) % 8], &[seed])
        }
        Kind::SmallOrder => {
            let encodings = small_order_encodings();
            let (key, r) = (encodings[usize::from(seed) % 14], encodings[usize::from(seed / 3) % 14]);
            item = signed(key, r, [0; 32], &[seed]);
        }
        Kind::OtherMessage => item.message.push(0),
        Kind::OtherKey => item.key = secret(seed.wrapping_add(100)).public(),
        Kind::FlippedBit(bit) => item.signature.0[bit / 8] ^= 1 << (bit % 8),
        Kind::AboveOrder => {
            let s = plus_order(&item.signature.0[32..]);
            item.signature.0[32..].copy_from_slice(&s);
        }
    }
    item
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        6 => Just(Kind::Good),
        1 => Just(Kind::GoodWithTorsion),
        1 => Just(Kind::SmallOrder),
        1 => Just(Kind::OtherMessage),
        1 => Just(Kind::OtherKey),
        1 => (0..512_usize).prop_map(Kind::FlippedBit),
        1 => Just(Kind::AboveOrder),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_batch_names_exactly_the_wrong_ones(kinds in proptest::collection::vec((kind(), 1..100_u8), 0..40)) {
        let items: Vec<Signed> = kinds.iter().map(|(kind, seed)| make(*kind, *seed)).collect();
        let is_good = |kind: &Kind| matches!(kind, Kind::Good | Kind::GoodWithTorsion | Kind::SmallOrder);
        let wrong: Vec<usize> = (0..items.len()).filter(|place| !is_good(&kinds[*place].0)).collect();
        prop_assert_eq!(Scheme::Ed25519.verify_batch(&items), wrong.clone());
        let single = |item: &Signed| Scheme::Ed25519.verify(&item.key, &item.message, &item.signature);
        let singly: Vec<usize> = (0..items.len()).filter(|place| !single(&items[*place])).collect();
        prop_assert_eq!(singly, wrong);
    }

    #[test]
    fn a_stand_in_batch_names_exactly_the_wrong_ones(wrong in proptest::collection::vec(any::<bool>(), 0..20)) {
        let item = |(place, wrong): (usize, &bool)| {
            let key = secret(u8::try_from(place).unwrap()).under(Scheme::StandIn);
            let message = vec![u8::from(*wrong)];
            Signed { key: key.public(), signature: key.sign_bytes(&[0]), message }
        };
        let items: Vec<Signed> = wrong.iter().enumerate().map(item).collect();
        let expected: Vec<usize> = (0..wrong.len()).filter(|place| wrong[*place]).collect();
        prop_assert_eq!(Scheme::StandIn.verify_batch(&items), expected);
    }
}

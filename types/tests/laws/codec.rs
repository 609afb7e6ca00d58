//! One value, one encoding: nothing shorter, longer or else decodes to it, and no bytes make a decoder panic.

use crate::samples;
use crate::strategies;
use borsh::BorshDeserialize;
use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt::Debug;
use witan_types::batch::MAX_BATCH_TRANSACTIONS;
use witan_types::block::{MAX_BATCHES, MAX_ENVELOPES, MAX_PAYLOAD_BYTES};
use witan_types::codec::encode;
use witan_types::committee::MAX_VALIDATORS;
use witan_types::envelope::{MAX_ENVELOPE_MESSAGES, MAX_MESSAGE_BYTES};
use witan_types::merkle_list::{ListProof, MAX_PROOF_STEPS};
use witan_types::transaction::{MAX_CHECKS, MAX_KEY_BYTES, MAX_OPS, MAX_TRANSACTION_BYTES, MAX_VALUE_BYTES};
use witan_types::{
    Batch, Block, Check, CodecError, Contents, Envelope, Header, Key, Op, Outcome, Payload, QuorumSignatures,
    Seal, SealShare, SealedBlock, SealedHeader, Signature, SignedTransaction, ValidatorIndex, Wire,
};

/// What holds for every value of a wire type.
fn obeys_the_codec<T: Wire + PartialEq + Debug>(value: &T, noise: &[u8]) -> Result<(), TestCaseError> {
    let bytes = value.encode();
    prop_assert!(bytes.len() <= T::MAX_BYTES);
    let decoded = T::decode(&bytes);
    prop_assert_eq!(decoded.as_ref(), Ok(value));
    for length in 0..bytes.len() {
        prop_assert!(T::decode(&bytes[..length]).is_err(), "cut to {} of {} bytes", length, bytes.len());
    }
    for extra in [0, 1, 0xff] {
        prop_assert!(T::decode(&[&bytes[..], &[extra]].concat()).is_err(), "{} appended", extra);
    }
    for (place, mask) in noise.iter().enumerate() {
        let mut changed = bytes.clone();
        let place = place * 7919 % changed.len();
        changed[place] ^= mask;
        is_canonical_if_anything::<T>(&changed)?;
    }
    is_canonical_if_anything::<T>(noise)
}

/// Bytes decode to an error, or to a value whose one encoding they are.
fn is_canonical_if_anything<T: Wire + PartialEq + Debug>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(value) = T::decode(bytes) {
        prop_assert_eq!(value.encode(), bytes);
    }
    Ok(())
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..400), vec(0..4_u8, 0..400)]
}

macro_rules! codec_laws {
    ($($test:ident: $strategy:expr;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(96))]
            $(#[test]
            fn $test(value in $strategy, noise in noise()) {
                obeys_the_codec(&value, &noise)?;
            })*
        }
    };
}

codec_laws! {
    headers_obey_the_codec: strategies::header();
    payloads_obey_the_codec: strategies::payload();
    blocks_obey_the_codec: strategies::block();
    outcomes_obey_the_codec: strategies::outcome();
    seal_shares_obey_the_codec: strategies::seal_share();
    seals_obey_the_codec: strategies::seal();
    sealed_headers_obey_the_codec: strategies::sealed_header();
    sealed_blocks_obey_the_codec: strategies::sealed_block();
    signed_transactions_obey_the_codec: strategies::signed_transaction();
    changes_obey_the_codec: strategies::change();
}

#[test]
fn more_bytes_than_a_type_may_have_are_refused_before_they_are_read() {
    fn refuses<T: Wire + Debug + PartialEq>() {
        let expected = CodecError::TooLong { got: T::MAX_BYTES + 1, limit: T::MAX_BYTES };
        assert_eq!(T::decode(&vec![0; T::MAX_BYTES + 1]), Err(expected));
    }
    refuses::<Header>();
    refuses::<Payload>();
    refuses::<Block>();
    refuses::<Outcome>();
    refuses::<SealShare>();
    refuses::<Seal>();
    refuses::<SealedHeader>();
    refuses::<SealedBlock>();
    refuses::<SignedTransaction>();
}

/// A transaction whose signed encoding has exactly this many bytes.
fn transaction_of(size: usize) -> SignedTransaction {
    let mut signed = samples::signed_transaction();
    let put = |length: usize| Op::Put { key: Key::from("k"), value: vec![7; length] };
    signed.transaction.ops = vec![put(0), put(0), put(0)];
    let mut missing = size - signed.size();
    for op in &mut signed.transaction.ops {
        let length = missing.min(MAX_VALUE_BYTES);
        *op = put(length);
        missing -= length;
    }
    assert_eq!((missing, signed.size()), (0, size));
    signed
}

fn transaction_without_ops() -> SignedTransaction {
    let mut signed = samples::signed_transaction();
    signed.transaction.checks.clear();
    signed.transaction.ops.clear();
    signed
}

/// A payload whose encoding has exactly this many bytes.
fn payload_of(size: usize) -> Payload {
    let mut payload = samples::payload();
    payload.envelopes = vec![samples::envelope(); 8];
    let emptied =
        payload.envelopes.iter().fold(encode(&payload).len(), |sum, e| sum - e.contents.messages[0].len());
    let mut missing = size - emptied;
    for envelope in &mut payload.envelopes {
        envelope.contents.messages = vec![vec![7; missing.min(MAX_MESSAGE_BYTES)]];
        missing -= envelope.contents.messages[0].len();
    }
    assert_eq!((missing, payload.encode().len()), (0, size));
    payload
}

fn largest_seal() -> Seal {
    let places = (0..u16::try_from(MAX_VALIDATORS).unwrap()).map(ValidatorIndex);
    let signatures = QuorumSignatures::collect(places.map(|place| (place, Signature([0xff; 64]))));
    Seal { outcome: samples::outcome(), signatures }
}

#[test]
fn the_largest_value_of_each_type_fits_its_limit() {
    fn fits<T: Wire + Debug + PartialEq>(value: &T) {
        assert_eq!(T::decode(&value.encode()).as_ref(), Ok(value));
    }
    let (seal, header) = (largest_seal(), samples::header());
    assert!(seal.outcome.next_epoch.is_some(), "the longer of the two forms");
    assert_eq!(seal.signatures.signatures.len(), MAX_VALIDATORS);
    let block = Block { header: header.clone(), payload: payload_of(MAX_PAYLOAD_BYTES) };
    fits(&header);
    fits(&seal.outcome);
    fits(&samples::seal_share(0));
    fits(&seal);
    fits(&SealedHeader { header, seal: seal.clone() });
    fits(&block.payload);
    fits(&block);
    fits(&SealedBlock { block, seal });
    fits(&transaction_of(MAX_TRANSACTION_BYTES));
}

#[test]
fn one_byte_above_the_limit_is_refused_however_well_formed() {
    let transaction = transaction_of(MAX_TRANSACTION_BYTES + 1);
    assert!(matches!(SignedTransaction::decode(&transaction.encode()), Err(CodecError::TooLong { .. })));
    let payload = payload_of(MAX_PAYLOAD_BYTES + 1);
    assert!(matches!(Payload::decode(&payload.encode()), Err(CodecError::TooLong { .. })));
}

/// Asserts that a value at a list's limit decodes and the one above it does not.
fn bounded_at<T: BorshDeserialize + borsh::BorshSerialize + PartialEq + Debug>(
    limit: usize,
    make: impl Fn(usize) -> T,
) {
    let at = make(limit);
    assert_eq!(borsh::from_slice::<T>(&encode(&at)).unwrap(), at);
    let refused = borsh::from_slice::<T>(&encode(&make(limit + 1))).unwrap_err().to_string();
    assert!(refused.contains(&format!("a length of {}, above {limit}", limit + 1)), "{refused}");
}

#[test]
fn every_list_and_byte_string_is_bounded_by_its_named_limit() {
    let transaction = samples::transaction;
    bounded_at(MAX_KEY_BYTES, |length| Key(vec![b'k'; length]));
    bounded_at(MAX_VALUE_BYTES, |length| Op::Put { key: Key::from("k"), value: vec![0; length] });
    bounded_at(MAX_VALUE_BYTES, |length| Op::Append { key: Key::from("k"), item: vec![0; length] });
    bounded_at(MAX_VALUE_BYTES, |length| Check::Value { key: Key::from("k"), value: vec![0; length] });
    bounded_at(MAX_OPS, |length| {
        let ops = vec![Op::Get { key: Key::from("k") }; length];
        witan_types::Transaction { ops, ..transaction() }
    });
    bounded_at(MAX_CHECKS, |length| {
        let checks = vec![Check::Exists { key: Key::from("k") }; length];
        witan_types::Transaction { checks, ..transaction() }
    });
    let saying = |messages| Contents { messages, ..samples::envelope().contents };
    bounded_at(MAX_MESSAGE_BYTES, |length| saying(vec![vec![0; length]]));
    bounded_at(MAX_ENVELOPE_MESSAGES, |length| saying(vec![vec![]; length]));
    bounded_at(MAX_BATCHES, |length| Payload {
        batches: vec![Batch::Inline(vec![]); length],
        envelopes: vec![],
    });
    bounded_at(MAX_ENVELOPES, |length| Payload {
        batches: vec![],
        envelopes: vec![samples::envelope(); length],
    });
    let smallest = transaction_without_ops();
    bounded_at(MAX_BATCH_TRANSACTIONS, |length| Batch::of(vec![smallest.clone(); length]));
    bounded_at(MAX_PROOF_STEPS, |length| ListProof {
        index: 0,
        length: 1,
        siblings: vec![samples::hash("s"); length],
    });
    bounded_at(MAX_VALIDATORS, |length| QuorumSignatures {
        signers: Default::default(),
        signatures: vec![Signature([0; 64]); length],
    });
}

#[test]
fn a_length_far_above_what_follows_is_refused_without_taking_memory_for_it() {
    for claimed in [1_u32, 1_000, 1 << 20, u32::MAX] {
        let bytes = [&claimed.to_le_bytes()[..], &[0; 4]].concat();
        assert!(Payload::decode(&bytes).is_err(), "{claimed} batches claimed");
    }
}

#[test]
fn a_block_is_consistent_only_with_the_payload_its_header_names() {
    let mut block = samples::block();
    assert!(block.is_consistent());
    block.payload.envelopes[0].contents.first += 1;
    assert!(!block.is_consistent());
    block = samples::block();
    block.payload.batches.push(Batch::Inline(vec![]));
    assert!(!block.is_consistent(), "an empty batch is a batch");
    assert_eq!(block.id(), samples::block().id(), "the id is the header's");
}

proptest! {
    #[test]
    fn payloads_have_one_root_only_if_they_are_equal(one in strategies::payload(), other in strategies::payload()) {
        prop_assert_eq!(one.root() == other.root(), one == other);
        let mut swapped = one.clone();
        swapped.envelopes.reverse();
        swapped.batches.reverse();
        prop_assert_eq!(one.root() == swapped.root(), one == swapped);
    }
}

#[test]
fn an_envelope_is_consistent_only_with_the_block_whose_outbox_holds_it() {
    assert!(samples::envelope().is_consistent());
    let changes: [fn(&mut Envelope); 7] = [
        |it| it.contents.destination.0 += 1,
        |it| it.contents.first += 1,
        |it| it.contents.consumed += 1,
        |it| it.contents.messages.push(vec![]),
        |it| it.proof.index = 1,
        |it| it.proof.siblings.clear(),
        |it| it.seal.outcome.outbox_root = samples::hash("other"),
    ];
    for (place, change) in changes.iter().enumerate() {
        let mut changed = samples::envelope();
        change(&mut changed);
        assert!(!changed.is_consistent(), "change {place}");
    }
}

#[test]
fn a_sealed_header_is_consistent_only_if_the_seal_is_about_it() {
    let sealed = samples::sealed_header();
    assert!(sealed.is_consistent());
    let changes: [fn(&mut SealedHeader); 6] = [
        |it| it.seal.outcome.chain = witan_types::ChainId(samples::hash("other")),
        |it| it.seal.outcome.group.0 += 1,
        |it| it.seal.outcome.epoch.0 += 1,
        |it| it.seal.outcome.height += 1,
        |it| it.seal.outcome.block_id = samples::no_block(),
        |it| it.header.time_ms += 1,
    ];
    for (place, change) in changes.iter().enumerate() {
        let mut changed = sealed.clone();
        change(&mut changed);
        assert!(!changed.is_consistent(), "change {place}");
    }
}

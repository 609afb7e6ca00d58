//! Arbitrary values of each wire type, for properties.

use crate::samples;
use proptest::collection::vec;
use proptest::prelude::*;
use witan_types::genesis::{Operators, Parameters};
use witan_types::{
    Account, Batch, Block, BlockId, ChainId, Change, ChangeKind, Check, Contents, Envelope, Epoch, GroupId,
    Hash, Header, Key, Op, Outcome, Payload, PublicKey, QuorumSignatures, Seal, SealShare, SealedBlock,
    SealedHeader, Signature, SignedTransaction, Transaction, ValidatorIndex,
};

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn chain() -> impl Strategy<Value = ChainId> {
    hash().prop_map(ChainId)
}

fn account() -> impl Strategy<Value = Account> {
    any::<[u8; 32]>().prop_map(|bytes| Account(PublicKey(bytes)))
}

fn signature() -> impl Strategy<Value = Signature> {
    (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(left, right)| {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&left);
        bytes[32..].copy_from_slice(&right);
        Signature(bytes)
    })
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..24)
}

fn key() -> impl Strategy<Value = Key> {
    bytes().prop_map(Key)
}

fn check() -> impl Strategy<Value = Check> {
    prop_oneof![
        key().prop_map(|key| Check::Absent { key }),
        key().prop_map(|key| Check::Exists { key }),
        (key(), bytes()).prop_map(|(key, value)| Check::Value { key, value }),
        (key(), any::<u128>()).prop_map(|(key, version)| Check::Version { key, version }),
        (account(), any::<u128>()).prop_map(|(account, at_least)| Check::Balance { account, at_least }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (key(), bytes()).prop_map(|(key, value)| Op::Put { key, value }),
        key().prop_map(|key| Op::Delete { key }),
        (key(), bytes()).prop_map(|(key, item)| Op::Append { key, item }),
        (key(), any::<i128>()).prop_map(|(key, delta)| Op::Add { key, delta }),
        (account(), any::<u128>()).prop_map(|(to, amount)| Op::Transfer { to, amount }),
        key().prop_map(|key| Op::Get { key }),
        change().prop_map(|change| Op::Approve { change }),
    ]
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let parameters = (any::<u64>(), any::<u64>()).prop_map(|(prepare_timeout_ms, max_block_bytes)| {
        ChangeKind::Parameters(Parameters { prepare_timeout_ms, max_block_bytes, ..Parameters::default() })
    });
    let operators = (vec(account(), 0..4), any::<u16>())
        .prop_map(|(accounts, threshold)| ChangeKind::Operators(Operators { accounts, threshold }));
    (any::<u64>(), prop_oneof![parameters, operators]).prop_map(|(version, kind)| Change { version, kind })
}

pub(crate) fn signed_transaction() -> impl Strategy<Value = SignedTransaction> {
    let parts =
        (chain(), account(), any::<u64>(), any::<u64>(), vec(check(), 0..4), vec(op(), 0..4), signature());
    parts.prop_map(|(chain, signer, salt, expires_at_ms, checks, ops, signature)| SignedTransaction {
        transaction: Transaction { chain, signer, salt, expires_at_ms, checks, ops },
        signature,
    })
}

fn envelope() -> impl Strategy<Value = Envelope> {
    (any::<u32>(), any::<u64>(), any::<u64>(), vec(bytes(), 0..3)).prop_map(
        |(destination, first, consumed, messages)| Envelope {
            contents: Contents { destination: GroupId(destination), first, consumed, messages },
            ..samples::envelope()
        },
    )
}

pub(crate) fn payload() -> impl Strategy<Value = Payload> {
    let batch = vec(signed_transaction(), 0..3).prop_map(Batch::of);
    (vec(batch, 0..3), vec(envelope(), 0..3)).prop_map(|(batches, envelopes)| Payload { batches, envelopes })
}

pub(crate) fn header() -> impl Strategy<Value = Header> {
    let place = (any::<u32>(), any::<u64>(), any::<u64>(), any::<u64>());
    let rest = (hash(), any::<u16>(), any::<u64>(), hash());
    (chain(), place, rest).prop_map(|(chain, (group, epoch, height, tag), rest)| {
        let (parent, proposer, time_ms, payload_root) = rest;
        Header {
            chain,
            group: GroupId(group),
            epoch: Epoch(epoch),
            height,
            tag,
            parent: BlockId(parent),
            proposer: ValidatorIndex(proposer),
            time_ms,
            payload_root,
        }
    })
}

pub(crate) fn block() -> impl Strategy<Value = Block> {
    (header(), payload()).prop_map(|(header, payload)| Block { header, payload })
}

pub(crate) fn outcome() -> impl Strategy<Value = Outcome> {
    let place = (chain(), any::<u32>(), any::<u64>(), any::<u64>());
    let roots = (hash(), hash(), hash(), hash(), proptest::option::of(hash()));
    (place, roots).prop_map(|((chain, group, epoch, height), roots)| {
        let (block_id, state_root, receipts_root, outbox_root, next_epoch) = roots;
        Outcome {
            chain,
            group: GroupId(group),
            epoch: Epoch(epoch),
            height,
            block_id: BlockId(block_id),
            state_root,
            receipts_root,
            outbox_root,
            next_epoch,
        }
    })
}

pub(crate) fn seal_share() -> impl Strategy<Value = SealShare> {
    (outcome(), any::<u16>(), signature()).prop_map(|(outcome, validator, signature)| SealShare {
        outcome,
        validator: ValidatorIndex(validator),
        signature,
    })
}

pub(crate) fn seal() -> impl Strategy<Value = Seal> {
    (outcome(), vec((0..128_u16, signature()), 0..6)).prop_map(|(outcome, parts)| {
        let parts = parts.into_iter().map(|(place, signature)| (ValidatorIndex(place), signature));
        Seal { outcome, signatures: QuorumSignatures::collect(parts) }
    })
}

pub(crate) fn sealed_header() -> impl Strategy<Value = SealedHeader> {
    (header(), seal()).prop_map(|(header, seal)| SealedHeader { header, seal })
}

pub(crate) fn sealed_block() -> impl Strategy<Value = SealedBlock> {
    (block(), seal()).prop_map(|(block, seal)| SealedBlock { block, seal })
}

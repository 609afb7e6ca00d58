//! The largest values fit their limits, and survive the codec.

use super::*;
use crate::pbft::{Commit, Finality, Message, Prepare, Record, Vote};
use witan_types::{BlockId, ChainId, Epoch, GroupId, Header, Outcome, QuorumSignatures, Seal, Wire};

const SIGNATURE: Signature = Signature([7; 64]);

fn everyone() -> impl Iterator<Item = ValidatorIndex> {
    (0..u16::try_from(MAX_VALIDATORS).unwrap()).map(ValidatorIndex)
}

fn signatures() -> QuorumSignatures {
    QuorumSignatures::collect(everyone().map(|place| (place, SIGNATURE)))
}

fn header(height: u64) -> Header {
    Header {
        chain: ChainId::default(),
        group: GroupId(u32::MAX),
        epoch: Epoch(u64::MAX),
        height,
        tag: 0,
        parent: BlockId::default(),
        proposer: ValidatorIndex(u16::MAX),
        time_ms: u64::MAX,
        payload_root: Hash::ZERO,
    }
}

fn prepared(count: usize) -> Vec<PreparedCertificate> {
    let certificate =
        |height| PreparedCertificate { view: u64::MAX, header: header(height), signatures: signatures() };
    (1..=count as u64).map(certificate).collect()
}

fn largest_final() -> FinalCertificate {
    let outcome = Outcome {
        chain: ChainId::default(),
        group: GroupId(u32::MAX),
        epoch: Epoch(u64::MAX),
        height: u64::MAX,
        block_id: BlockId::default(),
        state_root: Hash::ZERO,
        receipts_root: Hash::ZERO,
        outbox_root: Hash::ZERO,
        next_epoch: Some(Hash::ZERO),
    };
    let finality = Finality::Seal(Seal { outcome, signatures: signatures() });
    FinalCertificate { header: header(0), finality }
}

fn largest_view_change() -> ViewChange {
    ViewChange { view: u64::MAX, decided: largest_final(), prepared: prepared(WINDOW), signature: SIGNATURE }
}

fn largest_new_view() -> NewView {
    let claims = largest_view_change().claims();
    let signatory = |author| Signatory { author, claims: claims.clone(), signature: SIGNATURE };
    NewView {
        view: u64::MAX,
        signatories: everyone().map(signatory).collect(),
        decided: largest_final(),
        prepared: prepared(MAX_PROOFS),
        signature: SIGNATURE,
    }
}

#[test]
fn the_largest_reports_of_the_largest_committee_fit_their_limits() {
    assert!(encode(&largest_view_change()).len() <= MAX_VIEW_CHANGE_BYTES);
    assert!(encode(&largest_new_view()).len() <= MAX_NEW_VIEW_BYTES);
    assert!(encode(&largest_view_change().claims()).len() <= MAX_CLAIMS_BYTES);
    assert!(encode(&largest_final()).len() <= MAX_FINAL_BYTES);
    for message in [Message::ViewChange(largest_view_change()), Message::NewView(largest_new_view())] {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
}

#[test]
fn the_largest_records_of_the_largest_committee_fit_their_limit() {
    let block = Point { height: u64::MAX, id: BlockId::default() };
    let vote = Vote { view: u64::MAX, block, signature: SIGNATURE };
    let certificate = prepared(1).remove(0);
    let records = [
        Record::Prepare(Prepare { vote: vote.clone(), leader: Some(SIGNATURE) }),
        Record::Commit(Commit { certificate, vote }),
        Record::ViewChange(Box::new(largest_view_change())),
        Record::NewView(Box::new(largest_new_view())),
    ];
    for record in records {
        assert_eq!(Record::decode(&record.encode()), Ok(record));
    }
}

#[test]
fn a_new_view_that_would_need_more_proofs_than_it_may_carry_is_not_made() {
    let instance = Instance { chain: ChainId::default(), group: GroupId(0), epoch: Epoch(0) };
    let key = SecretKey::from_seed([1; 32]);
    let base = FinalCertificate { header: header(0), finality: Finality::Base };
    let of_view = |view: View| {
        let again = prepared(WINDOW).into_iter().map(|proof| PreparedCertificate { view, ..proof }).collect();
        ViewChange { view: 9, decided: base.clone(), prepared: again, signature: SIGNATURE }
    };
    let changes =
        |count: u16| (0..count).map(|place| (ValidatorIndex(place), of_view(place.into()))).collect();
    let enough = u16::try_from(MAX_PROOFS / WINDOW).unwrap();
    assert!(NewView::sign(&instance, &key, 9, &changes(enough)).is_some());
    assert!(NewView::sign(&instance, &key, 9, &changes(enough + 1)).is_none());
}

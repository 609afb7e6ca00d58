//! The largest values fit their limits, and survive the codec.

use super::*;
use crate::hotstuff::message::{Certificates, Message};
use std::sync::Arc;
use witan_types::committee::MAX_VALIDATORS;
use witan_types::{ChainId, Epoch, GroupId, Hash, Header, Payload, QuorumSignatures, ValidatorIndex};

fn everyone() -> QuorumSignatures {
    let places = (0..u16::try_from(MAX_VALIDATORS).unwrap()).map(ValidatorIndex);
    QuorumSignatures::collect(places.map(|place| (place, Signature([7; 64]))))
}

fn largest_certificate() -> QuorumCertificate {
    QuorumCertificate { round: u64::MAX, block: BlockId(Hash([1; 32])), signatures: everyone() }
}

fn largest_timeout_certificate() -> TimeoutCertificate {
    TimeoutCertificate {
        round: u64::MAX,
        high_qc: largest_certificate(),
        high_rounds: vec![u64::MAX; MAX_VALIDATORS],
        signatures: everyone(),
    }
}

fn largest_state() -> SafetyState {
    let (qc, tc) = (largest_certificate(), Some(largest_timeout_certificate()));
    let QuorumCertificate { round, block, signatures } = qc.clone();
    let signature = Signature([7; 64]);
    let vote = Some(Vote { round, block, signature });
    SafetyState {
        promises: Promises::default(),
        high_qc: qc.clone(),
        high_tc: tc.clone(),
        order: Some(OrderCertificate { round, block, signatures }),
        last_proposed: Some(Proposed { round, block, justify: qc.clone(), tc: tc.clone(), signature }),
        last_vote: vote.clone(),
        last_order_vote: vote,
        last_timeout: Some(Timeout { round, high_qc: qc, tc, signature }),
    }
}

#[test]
fn the_largest_state_of_the_largest_committee_fits_its_limit() {
    let state = largest_state();
    assert_eq!(SafetyState::decode(&state.encode()), Ok(state));
}

#[test]
fn the_largest_messages_of_the_largest_committee_fit_their_limit() {
    let SafetyState { high_qc, high_tc, order, .. } = largest_state();
    let header = Header {
        chain: ChainId::default(),
        group: GroupId(1),
        epoch: Epoch(1),
        height: u64::MAX,
        tag: u64::MAX,
        parent: BlockId::default(),
        proposer: ValidatorIndex(0),
        time_ms: u64::MAX,
        payload_root: Hash::ZERO,
    };
    let block = Arc::new(Block { header, payload: Payload::default() });
    let beside = witan_types::codec::encode(&high_qc).len()
        + high_tc.as_ref().map_or(0, |tc| witan_types::codec::encode(tc).len());
    assert!(Message::MAX_BYTES >= Block::MAX_BYTES + beside + 128);
    let signature = Signature([7; 64]);
    let proposal = Proposal { block, justify: high_qc.clone(), tc: high_tc.clone(), signature };
    let certificates = Certificates { high_qc, tc: high_tc, order };
    for message in [Message::Proposal(proposal), Message::Certificates(certificates)] {
        assert_eq!(Message::decode(&message.encode()), Ok(message));
    }
}

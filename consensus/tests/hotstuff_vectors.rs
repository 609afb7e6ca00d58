//! Known answers for everything that HotStuff puts on the wire or into its log: see `common/vectors.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::vectors::{INSTANCE, block, check, key, wire};
use witan_consensus::fetch::{Blocks, Fetch};
use witan_consensus::hotstuff::rules::Promises;
use witan_consensus::hotstuff::state::Proposed;
use witan_consensus::hotstuff::{
    Certificates, Hello, Kind, Message, OrderCertificate, Proposal, QuorumCertificate, Record, SafetyState,
    Timeout, TimeoutCertificate, Timer, Vote,
};
use witan_types::{BlockId, Hash, QuorumSignatures};

fn signed(kind: Kind, statement: &impl borsh::BorshSerialize) -> QuorumSignatures {
    common::vectors::signed(&kind.signing_bytes(&INSTANCE, statement))
}

fn certificate(round: u64) -> QuorumCertificate {
    let block = BlockId(Hash([3; 32]));
    QuorumCertificate { round, block, signatures: signed(Kind::Vote, &(round, block)) }
}

fn lapse() -> TimeoutCertificate {
    let signatures = signed(Kind::Timeout, &(8_u64, 6_u64));
    TimeoutCertificate { round: 8, high_qc: certificate(6), high_rounds: vec![6; 3], signatures }
}

fn order() -> OrderCertificate {
    let block = BlockId(Hash([3; 32]));
    OrderCertificate { round: 6, block, signatures: signed(Kind::OrderVote, &(6_u64, block)) }
}

fn proposal() -> Proposal {
    Proposal::sign(&INSTANCE, &key(1), block(9), certificate(6), Some(lapse()))
}

fn vote(kind: Kind) -> Vote {
    Vote::sign(&INSTANCE, &key(0), kind, 9, block(9).id())
}

fn timeout() -> Timeout {
    Timeout::sign(&INSTANCE, &key(0), 9, certificate(6), Some(lapse()))
}

fn safety_state() -> SafetyState {
    SafetyState {
        promises: Promises { last_voted_round: 9, one_chain_round: 6, highest_timeout_round: 9 },
        high_qc: certificate(6),
        high_tc: Some(lapse()),
        order: Some(order()),
        last_proposed: Some(Proposed::of(&proposal(), block(9).id())),
        last_vote: Some(vote(Kind::Vote)),
        last_order_vote: Some(vote(Kind::OrderVote)),
        last_timeout: Some(timeout()),
    }
}

fn vectors() -> Vec<(&'static str, Vec<u8>)> {
    let certificates = Certificates { high_qc: certificate(6), tc: Some(lapse()), order: Some(order()) };
    let fetch = Fetch { block: block(9).id(), above: 3 };
    vec![
        ("proposal", wire(&Message::Proposal(proposal()))),
        ("vote", wire(&Message::Vote(vote(Kind::Vote)))),
        ("order-vote", wire(&Message::OrderVote(vote(Kind::OrderVote)))),
        ("timeout", wire(&Message::Timeout(timeout()))),
        ("certificates", wire(&Message::Certificates(certificates))),
        ("hello", wire(&Message::Hello(Hello { round: 9, decided: 4 }))),
        ("fetch", wire(&Message::Fetch(fetch))),
        ("blocks", wire(&Message::Blocks(Blocks(vec![block(9)])))),
        ("gone", wire(&Message::Gone(4))),
        ("record-safety", wire(&Record::Safety(Box::new(safety_state())))),
        ("record-block", wire(&Record::Block(block(9)))),
        ("timer", wire(&Timer::Round(9))),
    ]
}

#[test]
fn every_message_and_record_has_the_bytes_it_always_had() {
    check("hotstuff", &vectors());
}

//! Known answers for everything that HotStuff puts on the wire or into its log: `consensus/vectors/<name>.hex`.
//!
//! After a wanted change of format, raise the engine's wire version, write the files anew and read the difference:
//!
//! ```sh
//! WITAN_WRITE_VECTORS=1 cargo test --release -p witan-consensus --test hotstuff_vectors
//! ```

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use witan_consensus::engine::Instance;
use witan_consensus::fetch::{Blocks, Fetch};
use witan_consensus::hotstuff::rules::Promises;
use witan_consensus::hotstuff::state::Proposed;
use witan_consensus::hotstuff::{
    Certificates, Hello, Kind, Message, OrderCertificate, Proposal, QuorumCertificate, Record, SafetyState,
    Timeout, TimeoutCertificate, Timer, Vote,
};
use witan_types::{
    Block, BlockId, ChainId, Epoch, GroupId, Hash, Header, Payload, QuorumSignatures, SecretKey,
    ValidatorIndex, Wire,
};

const INSTANCE: Instance = Instance { chain: ChainId(Hash([7; 32])), group: GroupId(1), epoch: Epoch(1) };

fn key(place: u8) -> SecretKey {
    SecretKey::from_seed([place + 1; 32])
}

fn signed(kind: Kind, statement: &impl borsh::BorshSerialize) -> QuorumSignatures {
    let bytes = kind.signing_bytes(&INSTANCE, statement);
    QuorumSignatures::collect(
        (0..3).map(|place| (ValidatorIndex(place.into()), key(place).sign_bytes(&bytes))),
    )
}

fn block() -> Arc<Block> {
    let payload = Payload::default();
    let header = Header {
        chain: INSTANCE.chain,
        group: INSTANCE.group,
        epoch: INSTANCE.epoch,
        height: 5,
        tag: 9,
        parent: BlockId(Hash([3; 32])),
        proposer: ValidatorIndex(1),
        time_ms: 1_700_000_000_000,
        payload_root: payload.root(),
    };
    Arc::new(Block { header, payload })
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
    Proposal::sign(&INSTANCE, &key(1), block(), certificate(6), Some(lapse()))
}

fn vote(kind: Kind) -> Vote {
    Vote::sign(&INSTANCE, &key(0), kind, 9, block().id())
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
        last_proposed: Some(Proposed::of(&proposal(), block().id())),
        last_vote: Some(vote(Kind::Vote)),
        last_order_vote: Some(vote(Kind::OrderVote)),
        last_timeout: Some(timeout()),
    }
}

/// The encoding, once it has been read back.
fn wire<T: Wire + PartialEq + Debug>(value: &T) -> Vec<u8> {
    let bytes = value.encode();
    assert_eq!(T::decode(&bytes).as_ref(), Ok(value));
    bytes
}

fn vectors() -> Vec<(&'static str, Vec<u8>)> {
    let certificates = Certificates { high_qc: certificate(6), tc: Some(lapse()), order: Some(order()) };
    let fetch = Fetch { block: block().id(), above: 3 };
    vec![
        ("hotstuff-proposal", wire(&Message::Proposal(proposal()))),
        ("hotstuff-vote", wire(&Message::Vote(vote(Kind::Vote)))),
        ("hotstuff-order-vote", wire(&Message::OrderVote(vote(Kind::OrderVote)))),
        ("hotstuff-timeout", wire(&Message::Timeout(timeout()))),
        ("hotstuff-certificates", wire(&Message::Certificates(certificates))),
        ("hotstuff-hello", wire(&Message::Hello(Hello { round: 9, decided: 4 }))),
        ("hotstuff-fetch", wire(&Message::Fetch(fetch))),
        ("hotstuff-blocks", wire(&Message::Blocks(Blocks(vec![block()])))),
        ("hotstuff-gone", wire(&Message::Gone(4))),
        ("hotstuff-record-safety", wire(&Record::Safety(Box::new(safety_state())))),
        ("hotstuff-record-block", wire(&Record::Block(block()))),
        ("hotstuff-timer", wire(&Timer::Round(9))),
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may write its own vectors when told to")]
fn every_message_and_record_has_the_bytes_it_always_had() {
    for (name, bytes) in vectors() {
        let path = folder().join(format!("{name}.hex"));
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if std::env::var_os("WITAN_WRITE_VECTORS").is_some() {
            fs::write(&path, format!("{digits}\n")).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap().trim(), digits, "{name}");
    }
    // And no file is left that nobody reads.
    let known: BTreeSet<String> = vectors().into_iter().map(|(name, _)| format!("{name}.hex")).collect();
    let found = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(found.collect::<BTreeSet<_>>(), known);
}

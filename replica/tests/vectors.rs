//! Known answers for the messages between replicas: `replica/vectors.txt`, one `name hex` a line. After a wanted change
//! of format write the file anew and read the difference:
//!
//! ```sh
//! WITAN_WRITE_VECTORS=1 cargo test --release -p witan-replica --test vectors
//! ```

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use witan_replica::Message;
use witan_replica::message::Heartbeat;
use witan_types::merkle_list::ListProof;
use witan_types::{
    Account, Block, ChainId, Contents, Envelope, Epoch, GroupId, Hash, Header, Key, Op, Outcome, Payload,
    QuorumSignatures, Seal, SealShare, SealedBlock, SealedHeader, SecretKey, SignedTransaction, Transaction,
    ValidatorIndex, Wire,
};

fn key() -> SecretKey {
    SecretKey::from_seed([1; 32])
}

fn transaction() -> SignedTransaction {
    let ops = vec![Op::Put { key: Key::from("greeting"), value: b"hello".to_vec() }];
    let (chain, signer) = (ChainId(Hash([7; 32])), Account(key().public()));
    Transaction { chain, signer, salt: 5, expires_at_ms: 1_700_000_060_000, checks: vec![], ops }.sign(&key())
}

fn block() -> Block {
    let payload = Payload::default();
    let header = Header {
        chain: ChainId(Hash([7; 32])),
        group: GroupId(1),
        epoch: Epoch(1),
        height: 5,
        tag: 9,
        parent: witan_types::BlockId(Hash([3; 32])),
        proposer: ValidatorIndex(1),
        time_ms: 1_700_000_000_000,
        payload_root: payload.root(),
    };
    Block { header, payload }
}

fn share() -> SealShare {
    let header = block().header;
    let outcome = Outcome {
        chain: header.chain,
        group: header.group,
        epoch: header.epoch,
        height: header.height,
        block_id: header.id(),
        state_root: Hash([4; 32]),
        receipts_root: Hash([5; 32]),
        outbox_root: Hash([6; 32]),
        next_epoch: None,
    };
    SealShare::sign(outcome, ValidatorIndex(0), &key())
}

fn seal() -> Seal {
    let SealShare { outcome, validator, signature } = share();
    Seal { outcome, signatures: QuorumSignatures::collect([(validator, signature)]) }
}

fn envelope() -> Envelope {
    let contents =
        Contents { destination: GroupId(2), first: 3, consumed: 4, messages: vec![b"prepare".to_vec()] };
    let proof = ListProof { index: 0, length: 1, siblings: Vec::new() };
    Envelope { seal: seal(), contents, proof }
}

fn messages() -> Vec<(&'static str, Message)> {
    let heartbeat = Heartbeat { wall_ms: 1_700_000_000_001, executed: 5, sealed: 4, votes: true };
    vec![
        ("engine", Message::Engine(vec![1, 2, 3])),
        ("transactions", Message::Transactions(vec![transaction().into()])),
        ("accepted", Message::Accepted),
        ("shares", Message::Shares { again: true, shares: vec![share()] }),
        ("seals", Message::Seals(vec![seal()])),
        ("heartbeat", Message::Heartbeat(heartbeat)),
        ("blocks-request", Message::BlocksRequest { from: 5 }),
        ("blocks", Message::Blocks(vec![SealedBlock { block: block(), seal: seal() }])),
        ("sealed-header", Message::SealedHeader(SealedHeader { header: block().header, seal: seal() })),
        ("envelope", Message::Envelope(Arc::new(envelope()))),
    ]
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may write its own vectors when told to")]
fn every_message_has_the_bytes_it_always_had() {
    let mut text = String::new();
    for (name, message) in messages() {
        let bytes = message.encode();
        assert_eq!(Message::decode(&bytes).as_ref(), Ok(&message));
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{name} {digits}").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors.txt");
    if std::env::var_os("WITAN_WRITE_VECTORS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

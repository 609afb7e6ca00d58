//! One value of each kind, the same in every run: the known-answer vectors are made of these.

use witan_types::genesis::{GenesisBalance, GenesisGroup, GenesisValidator, Operators, Parameters};
use witan_types::merkle_list::{self, ListProof};
use witan_types::{
    Account, Batch, BatchName, Block, BlockId, Change, ChangeKind, Check, Contents, Domain, EngineKind,
    Envelope, Epoch, Genesis, GroupId, Hash, Header, HeldBatch, Holders, Key, NodeId, Op, Outcome, Payload,
    QuorumSignatures, Role, Seal, SealShare, SealedBlock, SealedHeader, SecretKey, SignedTransaction,
    Transaction, ValidatorIndex, sha256,
};

/// The key whose seed is `byte` 32 times.
pub(crate) fn secret(byte: u8) -> SecretKey {
    SecretKey::from_seed([byte; 32])
}

pub(crate) fn account(byte: u8) -> Account {
    Account(secret(byte).public())
}

pub(crate) fn hash(text: &str) -> Hash {
    sha256(&[text.as_bytes()])
}

/// Four validators (seeds 1 to 4), a root group and one user group, two funded accounts (seeds 11 and 12).
pub(crate) fn genesis() -> Genesis {
    let validator = |byte: u8| GenesisValidator {
        name: format!("n{}", byte - 1),
        key: secret(byte).public(),
        node: NodeId(hash(&format!("node {byte}"))),
    };
    Genesis {
        name: "sample".into(),
        time_ms: 1_700_000_000_000,
        devnet: true,
        permissioned: false,
        validators: (1..=4).map(validator).collect(),
        followers: Vec::new(),
        operators: Operators::default(),
        groups: vec![
            GenesisGroup::of_all(GroupId(0), EngineKind::HotStuff),
            GenesisGroup::of_all(GroupId(1), EngineKind::Pbft),
        ],
        balances: vec![
            GenesisBalance { account: account(11), balance: 1_000_000 },
            GenesisBalance { account: account(12), balance: u128::MAX - 1_000_000 },
        ],
        parameters: Parameters::default(),
    }
}

/// Every check and every op once, signed by the account of seed 11.
pub(crate) fn transaction() -> Transaction {
    let key = Key::from("color");
    Transaction {
        chain: genesis().chain(),
        signer: account(11),
        salt: 7,
        expires_at_ms: 1_700_000_060_000,
        checks: vec![
            Check::Absent { key: key.clone() },
            Check::Exists { key: Key::from("shape") },
            Check::Value { key: Key::from("shape"), value: b"round".to_vec() },
            Check::Version { key: Key::from("shape"), version: (1 << 96) | (9 << 32) | 2 },
            Check::Balance { account: account(11), at_least: 500 },
        ],
        ops: vec![
            Op::Put { key: key.clone(), value: b"blue".to_vec() },
            Op::Append { key: Key::from("log"), item: b"painted".to_vec() },
            Op::Add { key: Key::from("count"), delta: -3 },
            Op::Transfer { to: account(12), amount: 250 },
            Op::Get { key: Key::from("count") },
            Op::Delete { key },
        ],
    }
}

pub(crate) fn signed_transaction() -> SignedTransaction {
    transaction().sign(&secret(11))
}

/// Makes version 2, in which transactions across groups wait for votes for 3 s.
pub(crate) fn change() -> Change {
    let parameters = Parameters { prepare_timeout_ms: 3_000, ..Parameters::default() };
    Change { version: 2, kind: ChangeKind::Parameters(parameters) }
}

/// Makes version 3, in which the accounts of seeds 11 and 12 have to agree.
pub(crate) fn change_of_operators() -> Change {
    let operators = Operators { accounts: vec![account(11), account(12)], threshold: 2 };
    Change { version: 3, kind: ChangeKind::Operators(operators) }
}

/// Approves [`change`], as the account of seed 11.
pub(crate) fn approval() -> Transaction {
    let ops = vec![Op::Approve { change: change() }];
    Transaction { checks: Vec::new(), ops, ..transaction() }
}

/// What block 9 of group 2 says to group 1, beside something to group 3.
pub(crate) fn envelope() -> Envelope {
    let contents = |destination, text: &str| Contents {
        destination: GroupId(destination),
        first: 3,
        consumed: 2,
        messages: vec![text.as_bytes().to_vec()],
    };
    let (ours, others) = (contents(1, "hello, group 1"), contents(3, "hello, group 3"));
    let leaves = [ours.leaf(), others.leaf()];
    let outcome = Outcome {
        chain: genesis().chain(),
        group: GroupId(2),
        epoch: Epoch(1),
        height: 9,
        block_id: BlockId(hash("block")),
        state_root: hash("state"),
        receipts_root: hash("receipts"),
        outbox_root: merkle_list::root(&leaves),
        next_epoch: None,
    };
    let shares = [0, 1, 3].map(|place| {
        let share = SealShare::sign(outcome.clone(), ValidatorIndex(u16::from(place)), &secret(place + 1));
        (share.validator, share.signature)
    });
    let seal = Seal { outcome, signatures: QuorumSignatures::collect(shares) };
    Envelope { seal, contents: ours, proof: merkle_list::prove(&leaves, 0).unwrap() }
}

pub(crate) fn payload() -> Payload {
    Payload { batches: vec![Batch::of([signed_transaction()])], envelopes: vec![envelope()] }
}

/// The name of the payload's batch.
pub(crate) fn batch_name() -> BatchName {
    BatchName::of(payload().batches[0].transactions())
}

/// The members of group 1 as holders of batches.
pub(crate) fn holders() -> Holders {
    Holders { chain: genesis().chain(), group: GroupId(1), epoch: Epoch(1) }
}

/// Validators 0, 1 and 3 hold it.
pub(crate) fn held_batch() -> HeldBatch {
    let name = batch_name();
    let part = |place: u8| (ValidatorIndex(u16::from(place)), name.sign(&holders(), &secret(place + 1)));
    HeldBatch { name, held_by: QuorumSignatures::collect([0, 1, 3].map(part)) }
}

pub(crate) fn header() -> Header {
    Header {
        chain: genesis().chain(),
        group: GroupId(1),
        epoch: Epoch(1),
        height: 1,
        tag: 5,
        parent: genesis().base_header(GroupId(1)).id(),
        proposer: ValidatorIndex(2),
        time_ms: 1_700_000_000_500,
        payload_root: payload().root(),
    }
}

pub(crate) fn block() -> Block {
    Block { header: header(), payload: payload() }
}

/// What came out of [`block`].
pub(crate) fn outcome() -> Outcome {
    Outcome {
        chain: genesis().chain(),
        group: GroupId(1),
        epoch: Epoch(1),
        height: 1,
        block_id: header().id(),
        state_root: hash("state"),
        receipts_root: hash("receipts"),
        outbox_root: merkle_list::root(&[]),
        next_epoch: Some(hash("next epoch")),
    }
}

/// The share of the validator at `place`, whose seed is one more.
pub(crate) fn seal_share(place: u8) -> SealShare {
    SealShare::sign(outcome(), ValidatorIndex(u16::from(place)), &secret(place + 1))
}

/// Signatures of validators 0, 1 and 3: a quorum of four.
pub(crate) fn quorum_signatures() -> QuorumSignatures {
    QuorumSignatures::collect([0, 1, 3].map(|place| {
        let share = seal_share(place);
        (share.validator, share.signature)
    }))
}

pub(crate) fn seal() -> Seal {
    Seal { outcome: outcome(), signatures: quorum_signatures() }
}

pub(crate) fn sealed_header() -> SealedHeader {
    SealedHeader { header: header(), seal: seal() }
}

pub(crate) fn sealed_block() -> SealedBlock {
    SealedBlock { block: block(), seal: seal() }
}

/// The list whose third leaf [`list_proof`] proves.
pub(crate) fn leaves() -> Vec<Hash> {
    ["a", "b", "c", "d", "e"].map(hash).to_vec()
}

pub(crate) fn list_proof() -> ListProof {
    merkle_list::prove(&leaves(), 2).unwrap()
}

/// The domain of HotStuff's second kind of message.
pub(crate) fn engine_domain() -> Domain {
    let role = Role::Engine { engine: EngineKind::HotStuff, version: 1, message: 2 };
    Domain { chain: genesis().chain(), group: GroupId(1), epoch: Epoch(1), role }
}

/// A block id nothing has.
pub(crate) fn no_block() -> BlockId {
    BlockId(hash("no block"))
}

//! Members that lie to whoever asks them about their group: what is proved is believed, and nothing else from too few.

use super::*;
use std::net::SocketAddr;
use tokio::runtime::{Builder, Runtime};
use witan_ledger::{Entry, Receipt, SLOTS, TransactionOutcome, Tree, Value, Version, first_slots};
use witan_p2p::{NetworkConfig, NetworkEvent, PeerAddress};
use witan_types::genesis::{GenesisGroup, GenesisValidator, Operators, Parameters};
use witan_types::{
    Account, ChainId, EngineKind, Epoch, Hash, Header, Op, Outcome, QuorumSignatures, Seal, SealShare,
    SealedHeader, SecretKey, Transaction, ValidatorIndex, merkle_list,
};

/// Hosted elsewhere, by the first four validators.
const GROUP: GroupId = GroupId(2);
const MEMBERS: u8 = 4;
/// The place of the node that asks.
const ASKER: u8 = 4;

fn secret(place: u8) -> SecretKey {
    SecretKey::from_seed([place + 1; 32])
}

fn seed(place: u8) -> [u8; 32] {
    [place + 101; 32]
}

fn genesis() -> Genesis {
    let validator = |place: u8| GenesisValidator {
        name: format!("n{place}"),
        key: secret(place).public(),
        node: witan_p2p::node_id(seed(place)).unwrap(),
    };
    let group = |id, members| GenesisGroup { id: GroupId(id), engine: EngineKind::HotStuff, members };
    Genesis {
        name: "elsewhere".into(),
        time_ms: 1_700_000_000_000,
        devnet: true,
        permissioned: false,
        validators: (0..=ASKER).map(validator).collect(),
        followers: Vec::new(),
        operators: Operators::default(),
        groups: vec![group(0, None), group(1, Some(vec![4])), group(2, Some(vec![0, 1, 2, 3]))],
        balances: Vec::new(),
        parameters: Parameters::default(),
    }
}

fn network(
    runtime: &Runtime,
    place: u8,
    peers: Vec<PeerAddress>,
) -> (Network, tokio::sync::mpsc::Receiver<NetworkEvent>) {
    let genesis = genesis();
    let config = NetworkConfig {
        identity_seed: seed(place),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        peers,
        chain: genesis.chain(),
        validators: genesis.validators.iter().map(|validator| validator.node).collect(),
        allowed: None,
        groups: Vec::new(),
        limits: witan_p2p::Limits::default(),
    };
    witan_p2p::start(config, runtime.handle()).unwrap()
}

/// What one member answers.
type Says = fn(&What) -> Answer;

/// A node that asks members which say this, once it is connected to all of them.
struct Stage {
    runtime: Runtime,
    elsewhere: Arc<Elsewhere>,
}

impl Stage {
    fn new(says: [Says; MEMBERS as usize]) -> Stage {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut peers = Vec::new();
        for (place, says) in (0..).zip(says) {
            let (member, mut events) = network(&runtime, place, Vec::new());
            peers.push(PeerAddress {
                node: member.node(),
                host: "127.0.0.1".parse().unwrap(),
                port: member.listen_address().port(),
            });
            runtime.spawn(async move {
                while let Some(event) = events.recv().await {
                    let NetworkEvent::Request { token, bytes, .. } = event else { continue };
                    let question = Question::decode(wire::split(&bytes).unwrap().1).unwrap();
                    assert_eq!(question.group, GROUP);
                    member.respond(token, wire::frame(wire::QUESTIONS, &says(&question.what).encode()));
                }
            });
        }
        let (own, mut events) = network(&runtime, ASKER, peers);
        let questions = Arc::new(Questions::default());
        let elsewhere = Elsewhere::new(
            &genesis(),
            &[GroupId(1)],
            Limits::default(),
            own.clone(),
            Arc::clone(&questions),
            Clock::default(),
        );
        runtime.spawn(async move {
            while let Some(event) = events.recv().await {
                if let NetworkEvent::Response { id, result, .. } = event {
                    questions.answered(id, result);
                }
            }
        });
        while own.peers().len() < usize::from(MEMBERS) {
            std::thread::yield_now();
        }
        Stage { runtime, elsewhere: Arc::new(elsewhere.unwrap()) }
    }

    fn read(&self, at: Option<Height>) -> Result<ReadElsewhere, RpcError> {
        self.runtime.block_on(self.elsewhere.state(GROUP, &keys(), at))
    }

    fn standing(&self) -> StandsElsewhere {
        self.runtime.block_on(self.elsewhere.standing(GROUP, id()))
    }
}

fn keys() -> Vec<Key> {
    let owned = |key: &Key| first_slots(&genesis(), GROUP).contains(&witan_ledger::slot_of(key));
    (0..).map(|number| Key::from(&*format!("key/{number}"))).filter(owned).take(2).collect()
}

fn id() -> TxId {
    TxId(Hash([9; 32]))
}

fn entry(text: &str) -> Entry {
    Entry { value: Value::Bytes(text.into()), version: Version::new(0, 1, 0) }
}

fn sealed(height: Height, state_root: Hash, receipts_root: Hash) -> SealedHeader {
    let header = Header { height, ..genesis().base_header(GROUP) };
    let outcome = Outcome {
        chain: header.chain,
        group: GROUP,
        epoch: Epoch(1),
        height,
        block_id: header.id(),
        state_root,
        receipts_root,
        outbox_root: Hash::ZERO,
        next_epoch: None,
    };
    let share = |place: u8| SealShare::sign(outcome.clone(), ValidatorIndex(place.into()), &secret(place));
    let shares = (0..3).map(share).map(|share| (share.validator, share.signature));
    SealedHeader {
        header,
        seal: Seal { outcome: outcome.clone(), signatures: QuorumSignatures::collect(shares) },
    }
}

/// What both keys hold after a block.
fn proofs(height: Height) -> Vec<PortableStateProof> {
    let keys = keys();
    let tree = Tree::new(0..SLOTS, 0);
    let hashes: Vec<_> = keys.iter().map(|key| (key, Some(entry("true").hash()))).collect();
    let tree = tree.update(hashes);
    let header = sealed(height, tree.root(), Hash::ZERO);
    let proof = |key: &Key| PortableStateProof {
        header: header.clone(),
        key: key.clone(),
        entry: Some(entry("true")),
        proof: tree.prove(key),
    };
    keys.iter().map(proof).collect()
}

/// The receipt of a transaction in block 7.
fn receipt(id: TxId) -> PortableReceipt {
    let receipt = Receipt {
        id,
        expires_at_ms: 1,
        index: 0,
        outcome: TransactionOutcome::Applied { reads: Vec::new() },
        told: Vec::new(),
    };
    let hashes = [receipt.hash()];
    let header = sealed(7, Hash::ZERO, merkle_list::root(&hashes));
    PortableReceipt { header, receipt, proof: merkle_list::prove(&hashes, 0).unwrap() }
}

fn honest(what: &What) -> Answer {
    match what {
        What::State { keys: asked, at, .. } => {
            let all = proofs(at.unwrap_or(7));
            // One key an answer: the rest is asked for again.
            Answer::State(all.into_iter().filter(|proof| asked.contains(&proof.key)).take(1).collect())
        }
        What::Transaction(id) => Answer::Stands(Standing::Ended(receipt(*id))),
        What::Part { .. } => Answer::Part { heard: true, step: PartStep::Applied(Some(5)) },
        What::Submit(list) => Answer::Admitted(vec![Admission::Pending; list.len()]),
    }
}

fn forged_value(_: &What) -> Answer {
    let mut proofs = proofs(7);
    proofs[0].entry = Some(entry("false"));
    Answer::State(proofs)
}

fn other_keys(_: &What) -> Answer {
    let mut proofs = proofs(7);
    proofs.reverse();
    Answer::State(proofs)
}

fn nothing(_: &What) -> Answer {
    Answer::State(Vec::new())
}

fn old(what: &What) -> Answer {
    let What::State { keys: asked, .. } = what else { return Answer::Busy };
    Answer::State(proofs(3).into_iter().filter(|proof| asked.contains(&proof.key)).collect())
}

fn reads_true(read: &ReadElsewhere, height: Height) {
    assert_eq!(read.height, height);
    let entries: Vec<_> = read.proofs.iter().map(|proof| proof.entry.clone()).collect();
    assert_eq!(entries, [Some(entry("true")), Some(entry("true"))]);
}

#[test]
fn a_value_is_believed_for_its_proof_and_liars_are_passed_over() {
    let stage = Stage::new([forged_value, other_keys, nothing, honest]);
    reads_true(&stage.read(None).unwrap(), 7);
    reads_true(&stage.read(Some(5)).unwrap(), 5);
}

#[test]
fn a_value_that_only_liars_tell_is_not_told() {
    let stage = Stage::new([forged_value, other_keys, nothing, forged_value]);
    assert!(matches!(stage.read(None), Err(RpcError::NotReady { .. })));
}

#[test]
fn no_read_goes_behind_what_was_proved_before() {
    let stage = Stage::new([old, old, old, honest]);
    while stage.read(None).unwrap().height < 7 {}
    for _ in 0..4 {
        reads_true(&stage.read(None).unwrap(), 7);
    }
    reads_true(&stage.read(Some(3)).unwrap(), 3);
}

#[test]
fn pruned_and_future_heights_are_told_as_the_members_tell_them() {
    let pruned = Stage::new([|_| Answer::Pruned(9), |_| Answer::Busy, |_| Answer::Busy, |_| Answer::Busy]);
    assert!(matches!(pruned.read(Some(5)), Err(RpcError::Pruned { oldest_height: 9 })));
    let future = Stage::new([|_| Answer::Future(4); 4]);
    assert!(matches!(future.read(Some(5)), Err(RpcError::FutureHeight { height: 4 })));
}

#[test]
fn the_end_of_a_transaction_is_believed_for_its_receipt() {
    let of_another = |_: &What| Answer::Stands(Standing::Ended(receipt(TxId(Hash([8; 32])))));
    let changed = |what: &What| {
        let What::Transaction(id) = what else { return Answer::Busy };
        let mut proved = receipt(*id);
        proved.receipt.outcome = TransactionOutcome::Aborted { reason: witan_ledger::AbortReason::Deadline };
        Answer::Stands(Standing::Ended(proved))
    };
    let stage = Stage::new([of_another, changed, of_another, changed]);
    for _ in 0..4 {
        assert!(matches!(stage.standing(), StandsElsewhere::Unheard), "who proves nothing has said nothing");
    }
    let stage = Stage::new([honest; 4]);
    let StandsElsewhere::Ended(proved) = stage.standing() else { panic!("it ended") };
    assert_eq!((proved.header.header.height, proved.receipt.id), (7, id()));
}

#[test]
fn what_has_no_proof_counts_once_more_members_say_it_than_may_lie() {
    let expired = |_: &What| Answer::Stands(Standing::Expired);
    let unknown = |_: &What| Answer::Stands(Standing::Unknown);
    let one = Stage::new([expired, unknown, unknown, unknown]);
    for _ in 0..4 {
        assert!(matches!(one.standing(), StandsElsewhere::Unknown), "one of four may lie");
    }
    assert!(matches!(Stage::new([expired; 4]).standing(), StandsElsewhere::Expired));

    let decided = Some((Told { group: GROUP, place: 0 }, true));
    let part =
        |stage: &Stage| stage.runtime.block_on(stage.elsewhere.part(GROUP, GroupId(1), id(), decided)).0;
    let behind = |_: &What| Answer::Part { heard: false, step: PartStep::Asked };
    let one = Stage::new([honest, behind, behind, behind]);
    assert!((0..4).all(|_| !part(&one)));
    assert!(part(&Stage::new([honest; 4])));
}

#[test]
fn a_transaction_is_refused_once_more_members_refuse_it_than_may_lie_and_is_kept_otherwise() {
    let key = SecretKey::from_seed([77; 32]);
    let ops = vec![Op::Put { key: keys()[0].clone(), value: vec![1] }];
    let (chain, signer): (ChainId, _) = (genesis().chain(), Account(key.public()));
    let expires_at_ms = Clock::default().wall_ms() + 60_000;
    let transaction = Transaction { chain, signer, salt: 1, expires_at_ms, checks: vec![], ops }.sign(&key);
    let pooled = IdentifiedTransaction::from(transaction);
    let submit = |stage: &Stage| {
        let admissions = stage.runtime.block_on(stage.elsewhere.submit(GROUP, vec![pooled.clone()]));
        (admissions, stage.elsewhere.keeps(&pooled.id()))
    };
    let refuses = |_: &What| Answer::Admitted(vec![Admission::Expired]);
    let busy = |_: &What| Answer::Busy;
    assert_eq!(submit(&Stage::new([refuses; 4])), (vec![Admission::Expired], None));
    assert_eq!(submit(&Stage::new([refuses, busy, honest, honest])), (vec![Admission::Pending], Some(GROUP)));
    assert_eq!(submit(&Stage::new([busy; 4])), (vec![Admission::Pending], Some(GROUP)), "nobody took it yet");
}

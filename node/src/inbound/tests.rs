use super::*;
use std::net::SocketAddr;
use std::sync::mpsc::sync_channel;
use witan_consensus::engine::Instance;
use witan_consensus::hotstuff::HotStuff;
use witan_p2p::{Limits, NetworkConfig};
use witan_replica::Message;
use witan_replica::message::Heartbeat;
use witan_types::{
    Account, ChainId, Committee, Epoch, FaultModel, Hash, Key, Op, SecretKey, SignedTransaction, Transaction,
};

pub(crate) const GROUP: GroupId = GroupId(1);
pub(crate) const CHAIN: ChainId = ChainId(Hash([7; 32]));
const TRANSACTIONS: Topic = Topic::Transactions(GROUP);

pub(crate) fn judge(runtime: &tokio::runtime::Runtime) -> Judge {
    let key = SecretKey::from_seed([1; 32]).public();
    let node = witan_p2p::node_id([2; 32]).unwrap();
    let config = NetworkConfig {
        identity_seed: [2; 32],
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        peers: Vec::new(),
        chain: CHAIN,
        validators: vec![node],
        allowed: None,
        groups: vec![GROUP],
        limits: Limits::default(),
    };
    let (network, _) = witan_p2p::start(config, runtime.handle()).unwrap();
    let committee = Committee::new(vec![key], FaultModel::Byzantine);
    let instance = Instance { chain: CHAIN, group: GROUP, epoch: Epoch(1) };
    let verifier = MessageVerifier::new::<HotStuff>(instance, committee, &[node], BTreeMap::new());
    Judge {
        verifiers: Arc::new(BTreeMap::from([(GROUP, verifier)])),
        signatures: Arc::default(),
        network,
        validators: Arc::new(BTreeSet::from([node])),
        groups: BTreeSet::from([GROUP, GroupId(2)]),
        commands: sync_channel(1).0,
        questions: Arc::default(),
        asked: mpsc::channel(1).0,
    }
}

pub(crate) fn transaction(chain: ChainId) -> SignedTransaction {
    let key = SecretKey::from_seed([9; 32]);
    let ops = vec![Op::Put { key: Key::from("a"), value: vec![1] }];
    Transaction { chain, signer: Account(key.public()), salt: 0, expires_at_ms: 1, checks: vec![], ops }
        .sign(&key)
}

fn gossip(topic: Topic, message: &Message) -> NetworkEvent {
    NetworkEvent::Gossip { topic, from: NodeId(Hash([3; 32])), bytes: wire::frame(GROUP, &message.bytes()) }
}

#[test]
fn gossip_brings_what_proves_itself_in_its_topic_and_is_held_against_nobody() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let judge = judge(&runtime);
    let good = Message::Transactions(vec![transaction(CHAIN).into()]);
    assert!(matches!(judge.judge(gossip(TRANSACTIONS, &good)), Some(Command::Message(..))));
    assert!(judge.judge(gossip(Topic::SealedHeaders(GROUP), &good)).is_none(), "in the wrong topic");
    let forged = Heartbeat { wall_ms: u64::MAX, executed: 0, sealed: u64::MAX, votes: false };
    let other_chain = Message::Transactions(vec![transaction(ChainId(Hash([8; 32]))).into()]);
    let refused = [Message::Heartbeat(forged), other_chain, Message::Engine(vec![1]), Message::Accepted];
    for message in refused {
        assert!(judge.judge(gossip(TRANSACTIONS, &message)).is_none(), "{message:?}");
    }
    let garbage =
        NetworkEvent::Gossip { topic: TRANSACTIONS, from: NodeId(Hash([3; 32])), bytes: vec![0xff; 99] };
    assert!(judge.judge(garbage).is_none());
    assert_eq!(judge.network.counters().misbehaviours, 0, "who passed it on could not know");
}

#[test]
fn a_message_for_a_group_that_is_hosted_elsewhere_is_held_against_nobody() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let judge = judge(&runtime);
    let from = NodeId(Hash([3; 32]));
    let frame = |group: u32| NetworkEvent::Frame {
        from,
        bytes: wire::frame(GroupId(group), &Message::Accepted.bytes()),
    };
    assert!(judge.judge(frame(2)).is_none());
    assert!(matches!(judge.judge(frame(1)), Some(Command::Message(..))));
    // Reports are counted in their order, so once this one is, all are.
    assert!(judge.judge(frame(3)).is_none(), "there is no such group");
    let counted = || judge.network.counters().misbehaviours;
    while counted() == 0 {
        thread::yield_now();
    }
    assert_eq!(counted(), 1);
}

#[test]
fn what_brings_transactions_is_known_by_its_first_byte() {
    let list = || vec![transaction(CHAIN).into()];
    let heartbeat = Message::Heartbeat(Heartbeat { wall_ms: 0, executed: 0, sealed: 0, votes: true });
    let brings = |message: &Message| brings_transactions(&wire::frame(GROUP, &message.bytes()));
    assert!(brings(&Message::Transactions(list())) && brings(&Message::Batch(list())));
    assert!(!brings(&heartbeat) && !brings(&Message::Accepted) && !brings(&Message::Engine(vec![10])));
}

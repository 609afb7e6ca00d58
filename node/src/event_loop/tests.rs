use super::*;
use crate::run::flush;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use tokio::runtime::{Builder, Runtime};
use witan_consensus::engine::Seq;
use witan_ledger::ProofWindow;
use witan_p2p::{Limits, NetworkConfig, NetworkEvent, PeerAddress};
use witan_replica::GroupStatus;
use witan_storage::{Options, Storage};
use witan_types::merkle_list::ListProof;
use witan_types::{
    BlockId, ChainId, Contents, Epoch, Hash, Outcome, QuorumSignatures, Scheme, Seal, SecretKey,
    ValidatorIndex,
};

const GROUP: GroupId = GroupId(1);
const OTHER: GroupId = GroupId(2);

/// What a group's host told it.
type Heard = Arc<Mutex<Vec<&'static str>>>;

/// A group that says one thing when it leaves, which rests on a record.
#[derive(Debug, Default)]
struct Leader {
    heard: Heard,
    holds_back: bool,
    /// It waits for a record that never gets durable.
    for_ever: bool,
}

impl Group for Leader {
    fn step(&mut self, _: Now, event: Event) -> Effects {
        let mut effects = Effects::default();
        let heard = match event {
            Event::Leaving => {
                self.holds_back = true;
                effects.persist.push((Seq::from(1_u8), vec![1]));
                "leaving"
            }
            Event::Durable(_) => {
                self.holds_back = self.for_ever;
                let bytes = Arc::from(&b"lead on"[..]);
                effects.send.push(Outgoing { to: Recipient::Validators, class: Class::Consensus, bytes });
                "durable"
            }
            _ => "other",
        };
        self.heard.lock().unwrap().push(heard);
        effects
    }

    fn status(&self, _: Now) -> GroupStatus {
        panic!("nobody asks")
    }

    fn proofs(&self) -> ProofWindow {
        panic!("nobody asks")
    }

    fn is_pending(&self, _: &TxId) -> bool {
        false
    }

    fn holds_back(&self) -> bool {
        self.holds_back
    }
}

/// A group that answers whatever another one says.
#[derive(Debug)]
struct Talker {
    heard: Heard,
    other: GroupId,
}

impl Group for Talker {
    fn step(&mut self, _: Now, event: Event) -> Effects {
        let mut effects = Effects::default();
        if let Event::Envelope(envelope) = event {
            self.heard.lock().unwrap().push("envelope");
            effects.relays.push(Relay { to: self.other, envelope, nodes: Vec::new() });
        }
        effects
    }

    fn status(&self, _: Now) -> GroupStatus {
        panic!("nobody asks")
    }

    fn proofs(&self) -> ProofWindow {
        panic!("nobody asks")
    }

    fn is_pending(&self, _: &TxId) -> bool {
        false
    }

    fn holds_back(&self) -> bool {
        false
    }
}

/// Some envelope; its addressee looks at nothing in it.
fn envelope() -> Arc<Envelope> {
    let outcome = Outcome {
        chain: ChainId(Hash([7; 32])),
        group: GROUP,
        epoch: Epoch(1),
        height: 1,
        block_id: BlockId::default(),
        state_root: Hash::ZERO,
        receipts_root: Hash::ZERO,
        outbox_root: Hash::ZERO,
        next_epoch: None,
    };
    let seal = Seal { outcome, signatures: QuorumSignatures::default() };
    let contents = Contents { destination: OTHER, first: 0, consumed: 0, messages: Vec::new() };
    let proof = ListProof { index: 0, length: 1, siblings: Vec::new() };
    Arc::new(Envelope { seal, contents, proof })
}

type Events = tokio::sync::mpsc::Receiver<NetworkEvent>;

/// One of two validators; the second connects to the first.
fn network(runtime: &Runtime, place: u8, peers: Vec<PeerAddress>) -> (Network, Events) {
    let config = NetworkConfig {
        identity_seed: [place; 32],
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        peers,
        chain: ChainId(Hash([7; 32])),
        validators: [1, 2].map(|place| witan_p2p::node_id([place; 32]).unwrap()).to_vec(),
        allowed: None,
        groups: vec![GROUP],
        limits: Limits::default(),
    };
    witan_p2p::start(config, runtime.handle()).unwrap()
}

/// A loop without groups, with disks in `folder`.
fn event_loop(
    network: &Network,
    folder: &std::path::Path,
) -> (EventLoop, std::sync::mpsc::SyncSender<Command>, Receiver<Command>) {
    let storage = Storage::open(&folder.join("data"), Options::default()).unwrap();
    let (commands, inbox) = sync_channel(16);
    let disk = Arc::default();
    let writers =
        Writers::start(&storage, folder.to_owned(), [GROUP].into_iter(), 0, &disk, &commands).unwrap();
    let nodes = [1, 2].map(|place| witan_p2p::node_id([place; 32]).unwrap()).to_vec();
    let members = BTreeMap::from([(GROUP, nodes)]);
    let shared = Arc::new(Shared::new());
    let looping = EventLoop::new(network.node(), members, network.clone(), writers, shared, None);
    (looping, commands, inbox)
}

#[test]
fn what_a_group_says_when_its_node_stops_is_durable_and_arrives() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (other, mut events) = network(&runtime, 1, Vec::new());
    let address = PeerAddress {
        node: other.node(),
        host: "127.0.0.1".parse().unwrap(),
        port: other.listen_address().port(),
    };
    let (own, _own_events) = network(&runtime, 2, vec![address]);
    let folder = tempfile::tempdir().unwrap();
    let (mut looping, commands, inbox) = event_loop(&own, folder.path());
    let heard = Heard::default();
    looping.groups.insert(GROUP, Box::new(Leader { heard: Arc::clone(&heard), ..Leader::default() }));
    runtime.block_on(async {
        while !own.send(other.node(), Priority::Vote, Arc::from(&b"hello"[..])) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    commands.send(Command::Stop).unwrap();
    looping.run(inbox).unwrap();
    assert_eq!(*heard.lock().unwrap(), ["leaving", "durable"]);
    runtime.block_on(async {
        flush(&own).await;
        own.shutdown().await;
        let frames = async {
            loop {
                if let Some(NetworkEvent::Frame { bytes, .. }) = events.recv().await
                    && bytes == wire::frame(GROUP, b"lead on")
                {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), frames).await.expect("the last words arrive");
    });
}

/// A result of one block, signed.
fn signed_result(secret: &SecretKey, state_root: Hash) -> Signed {
    let outcome = Outcome { state_root, ..envelope().seal.outcome };
    let message = outcome.signing_bytes();
    Signed { key: secret.public(), signature: secret.sign_bytes(&message), message }
}

#[test]
fn what_a_liar_signed_is_kept_once_and_can_be_checked_after_a_restart() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (own, _events) = network(&runtime, 2, Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let (mut looping, commands, inbox) = event_loop(&own, folder.path());
    let secret = SecretKey::from_seed([4; 32]);
    let evidence = Evidence {
        validator: ValidatorIndex(3),
        key: secret.public(),
        conflict: "two results of one block",
        first: signed_result(&secret, Hash([1; 32])),
        second: signed_result(&secret, Hash([2; 32])),
    };
    for accuse in [vec![evidence.clone()], vec![evidence.clone(), evidence.clone()]] {
        looping.obey(GROUP, Effects { accuse, ..Effects::default() });
    }
    commands.send(Command::Stop).unwrap();
    looping.run(inbox).unwrap();
    let storage = Storage::open(&folder.path().join("data"), Options::default()).unwrap();
    let kept = storage.consensus_log().evidence(None, 9).unwrap();
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((kept.group, kept.validator, kept.key), (GROUP, evidence.validator, evidence.key));
    assert_eq!(kept.conflict, evidence.conflict);
    assert_ne!(kept.first.message, kept.second.message);
    for signed in [&kept.first, &kept.second] {
        assert!(Scheme::Ed25519.verify(&kept.key, &signed.message, &signed.signature));
    }
}

#[test]
fn a_group_that_waits_for_ever_does_not_keep_its_node_from_stopping() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (own, _events) = network(&runtime, 2, Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let (mut looping, commands, inbox) = event_loop(&own, folder.path());
    looping.groups.insert(GROUP, Box::new(Leader { for_ever: true, ..Leader::default() }));
    commands.send(Command::Stop).unwrap();
    looping.run(inbox).unwrap();
}

#[test]
fn groups_that_answer_each_other_for_ever_are_heard_once_a_turn_each() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (own, _events) = network(&runtime, 2, Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let (mut looping, _commands, _inbox) = event_loop(&own, folder.path());
    let heard = [Heard::default(), Heard::default()];
    for (own, other, heard) in [(GROUP, OTHER, &heard[0]), (OTHER, GROUP, &heard[1])] {
        looping.groups.insert(own, Box::new(Talker { heard: Arc::clone(heard), other }));
    }
    let count = |heard: &Heard| heard.lock().unwrap().len();
    let relays = vec![Relay { to: OTHER, envelope: envelope(), nodes: Vec::new() }];
    looping.obey(GROUP, Effects { relays, ..Effects::default() });
    assert_eq!(heard.each_ref().map(count), [0, 0], "what is said in a step is handed over after it");
    for expected in [[0, 1], [1, 1], [1, 2]] {
        looping.hand_over();
        assert_eq!(heard.each_ref().map(count), expected);
    }
}

//! Blocks that carry what other groups say, under real signatures: what a validator refuses before it looks at them.

use crate::cluster::{Cluster, GROUP, genesis, key, node, proposal, verifier_among};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::Instance;
use witan_consensus::hotstuff::{Message as Inner, Proposal};
use witan_ledger::Store;
use witan_replica::{Event, Message, MessageVerifier, NoCache, OtherGroup, Rejection, Source};
use witan_types::genesis::GenesisGroup;
use witan_types::{
    BlockId, ChainId, Committee, Contents, EngineKind, Envelope, Epoch, FaultModel, GroupId, Hash, NodeId,
    Outcome, QuorumSignatures, Scheme, Seal, SealShare, SecretKey, ValidatorIndex, Wire, merkle_list,
};

const OTHER: GroupId = GroupId(2);
const THIRD: GroupId = GroupId(3);

/// A member's key in another group. Groups have members of their own here, so that none can stand for another.
fn member(group: GroupId, place: usize) -> SecretKey {
    SecretKey::from_seed([50 * group.0 as u8 + place as u8; 32])
}

/// Four members of another group, of which three are a quorum.
fn committee(group: GroupId) -> Committee {
    let keys = (0..4).map(|place| member(group, place).public()).collect();
    Committee::new(keys, FaultModel::Byzantine)
}

/// The node of a member of another group.
fn bearer(group: GroupId, place: usize) -> NodeId {
    node(10 * group.0 as usize + place)
}

/// A group of this network with a proposal that peers accept, and its verifier that knows two other groups.
struct Stage {
    chain: ChainId,
    verifier: MessageVerifier,
    proposer: usize,
    honest: Proposal,
}

impl Stage {
    fn new() -> Stage {
        let mut cluster = Cluster::running(4, 0);
        cluster.execute(0, 1);
        cluster.run(Duration::from_millis(10));
        let (proposer, honest) = proposal(&cluster);
        let other = |group| OtherGroup {
            committee: committee(group),
            nodes: (0..4).map(|place| bearer(group, place)).collect(),
        };
        let others = [OTHER, THIRD].map(|group| (group, other(group)));
        let verifier = verifier_among(&cluster.genesis, FaultModel::Byzantine, BTreeMap::from(others));
        Stage { chain: cluster.genesis.chain(), verifier, proposer, honest }
    }

    /// What came out of a block of the other group that says this to this one, before its members sign.
    fn unsigned(&self) -> (Outcome, Contents) {
        let messages = vec![b"one".to_vec(), b"two".to_vec()];
        let contents = Contents { destination: GROUP, first: 0, consumed: 0, messages };
        let outcome = Outcome {
            chain: self.chain,
            group: OTHER,
            epoch: Epoch(1),
            height: 5,
            block_id: BlockId::default(),
            state_root: Hash::ZERO,
            receipts_root: Hash::ZERO,
            outbox_root: merkle_list::root(&[contents.leaf()]),
            next_epoch: None,
        };
        (outcome, contents)
    }

    /// An envelope changed before so many members of a group sign for it.
    fn envelope(
        &self,
        signers: std::ops::Range<usize>,
        of: GroupId,
        change: impl Fn(&mut Outcome, &mut Contents),
    ) -> Envelope {
        let (mut outcome, mut contents) = self.unsigned();
        change(&mut outcome, &mut contents);
        let signatures = signers.map(|place| {
            let share = SealShare::sign(outcome.clone(), ValidatorIndex(place as u16), &member(of, place));
            (share.validator, share.signature)
        });
        let signatures = QuorumSignatures::collect(signatures);
        let proof = merkle_list::prove(&[contents.leaf()], 0).unwrap();
        Envelope { seal: Seal { outcome, signatures }, contents, proof }
    }

    fn good(&self) -> Envelope {
        self.envelope(0..3, OTHER, |_, _| ())
    }

    /// What a validator says to the block of the honest proposal with these envelopes in it.
    fn judge(&self, envelopes: Vec<Envelope>) -> Result<(), Rejection> {
        let mut block = (*self.honest.block).clone();
        block.payload.envelopes = envelopes;
        block.header.payload_root = block.payload.root();
        let header = &block.header;
        let instance = Instance { chain: header.chain, group: header.group, epoch: header.epoch };
        let (justify, tc) = (self.honest.justify.clone(), self.honest.tc.clone());
        let proposal = Proposal::sign(&instance, &key(self.proposer), Arc::new(block), justify, tc);
        let message = Message::Engine(Inner::Proposal(proposal).encode());
        self.verifier.verify(&NoCache, node(self.proposer), &message.bytes()).map(|_| ())
    }

    /// What a validator says to the envelope as a message of this node.
    fn hear(&self, from: NodeId, envelope: Envelope) -> Result<(), Rejection> {
        let message = Message::Envelope(Arc::new(envelope));
        self.verifier.verify(&NoCache, from, &message.bytes()).map(|_| ())
    }

    /// Refused in a block, and from any member of the other group as a message.
    fn assert_refused(&self, envelope: Envelope) {
        assert_eq!(self.judge(vec![envelope.clone()]), Err(Rejection::Envelope));
        assert_eq!(
            self.judge(vec![self.good(), envelope.clone()]),
            Err(Rejection::Envelope),
            "behind a good one"
        );
        let bearer = bearer(envelope.source(), 1);
        let refused = self.hear(bearer, envelope).unwrap_err();
        assert!(matches!(refused, Rejection::Envelope | Rejection::NotAValidator), "{refused}");
    }
}

/// Re-makes a seal's root after contents changed.
fn reseal(outcome: &mut Outcome, contents: &Contents) {
    outcome.outbox_root = merkle_list::root(&[contents.leaf()]);
}

#[test]
fn what_a_quorum_of_another_group_sealed_is_accepted() {
    let stage = Stage::new();
    assert_eq!(stage.judge(vec![]), Ok(()));
    assert_eq!(stage.judge(vec![stage.good()]), Ok(()));
    let of_third = stage.envelope(1..4, THIRD, |outcome, _| outcome.group = THIRD);
    assert_eq!(stage.judge(vec![stage.good(), of_third]), Ok(()));
}

#[test]
fn a_seal_without_a_quorum_is_refused() {
    let stage = Stage::new();
    stage.assert_refused(stage.envelope(0..2, OTHER, |_, _| ()));
    stage.assert_refused(stage.envelope(0..0, OTHER, |_, _| ()));
}

#[test]
fn a_seal_by_the_members_of_a_third_group_is_refused() {
    let stage = Stage::new();
    stage.assert_refused(stage.envelope(0..4, THIRD, |_, _| ()));
}

#[test]
fn a_seal_of_one_group_does_not_speak_for_another() {
    let stage = Stage::new();
    let mut relabelled = stage.good();
    relabelled.seal.outcome.group = THIRD;
    stage.assert_refused(relabelled);
}

#[test]
fn a_seal_of_a_group_that_does_not_exist_is_refused() {
    let stage = Stage::new();
    stage.assert_refused(stage.envelope(0..4, OTHER, |outcome, _| outcome.group = GroupId(9)));
}

#[test]
fn a_seal_of_another_epoch_is_refused() {
    let stage = Stage::new();
    for epoch in [Epoch(0), Epoch(2)] {
        stage.assert_refused(stage.envelope(0..4, OTHER, |outcome, _| outcome.epoch = epoch));
    }
}

#[test]
fn a_seal_of_another_chain_is_refused() {
    let stage = Stage::new();
    stage.assert_refused(stage.envelope(0..4, OTHER, |outcome, _| outcome.chain = ChainId(Hash::ZERO)));
}

#[test]
fn contents_altered_after_the_seal_are_refused() {
    let stage = Stage::new();
    let changes: [fn(&mut Envelope); 6] = [
        |envelope| envelope.contents.messages[0].push(0),
        |envelope| envelope.contents.messages.swap(0, 1),
        |envelope| envelope.contents.messages.clear(),
        |envelope| envelope.contents.first = 1,
        |envelope| envelope.contents.consumed = 1,
        |envelope| envelope.contents.destination = THIRD,
    ];
    for change in changes {
        let mut altered = stage.good();
        change(&mut altered);
        stage.assert_refused(altered);
    }
}

#[test]
fn a_root_altered_to_fit_altered_contents_is_refused() {
    let stage = Stage::new();
    let mut altered = stage.good();
    altered.contents.messages[0].push(0);
    reseal(&mut altered.seal.outcome, &altered.contents);
    altered.proof = merkle_list::prove(&[altered.contents.leaf()], 0).unwrap();
    assert!(altered.is_consistent());
    stage.assert_refused(altered);
}

#[test]
fn a_proof_altered_after_the_seal_is_refused() {
    let stage = Stage::new();
    let changes: [fn(&mut Envelope); 3] = [
        |envelope| envelope.proof.length += 1,
        |envelope| envelope.proof.index += 1,
        |envelope| envelope.proof.siblings.push(Hash::ZERO),
    ];
    for change in changes {
        let mut altered = stage.good();
        change(&mut altered);
        stage.assert_refused(altered);
    }
}

#[test]
fn what_is_said_to_a_third_group_is_refused() {
    let stage = Stage::new();
    let elsewhere = stage.envelope(0..4, OTHER, |outcome, contents| {
        contents.destination = THIRD;
        reseal(outcome, contents);
    });
    assert!(elsewhere.is_consistent());
    stage.assert_refused(elsewhere);
}

#[test]
fn what_a_group_says_to_itself_is_refused() {
    let stage = Stage::new();
    let (mut outcome, contents) = stage.unsigned();
    outcome.group = GROUP;
    let signatures = (0..4).map(|place| {
        let share = SealShare::sign(outcome.clone(), ValidatorIndex(place as u16), &key(place));
        (share.validator, share.signature)
    });
    let signatures = QuorumSignatures::collect(signatures.collect::<Vec<_>>());
    let proof = merkle_list::prove(&[contents.leaf()], 0).unwrap();
    stage.assert_refused(Envelope { seal: Seal { outcome, signatures }, contents, proof });
}

#[test]
fn a_member_of_the_sending_group_brings_what_it_says_and_nobody_else_does() {
    let stage = Stage::new();
    for place in 0..4 {
        assert_eq!(stage.hear(bearer(OTHER, place), stage.good()), Ok(()));
    }
    let strangers = [("a member of a third group", bearer(THIRD, 0)), ("one of this group", node(0))];
    for (who, stranger) in strangers.into_iter().chain([("a follower", node(30))]) {
        assert_eq!(stage.hear(stranger, stage.good()), Err(Rejection::NotAValidator), "{who}");
    }
    let forged = stage.envelope(0..2, OTHER, |_, _| ());
    assert_eq!(stage.hear(bearer(OTHER, 0), forged), Err(Rejection::Envelope), "no quorum");
    let elsewhere = stage.envelope(0..4, OTHER, |outcome, contents| {
        contents.destination = THIRD;
        reseal(outcome, contents);
    });
    assert_eq!(stage.hear(bearer(OTHER, 0), elsewhere), Err(Rejection::Envelope), "for a third group");
}

#[test]
fn what_comes_over_the_network_again_and_again_is_consumed_once() {
    let mut genesis = genesis(4);
    genesis.groups.push(GenesisGroup::of_all(OTHER, EngineKind::HotStuff));
    let keys = (0..4).map(|place| key(place).public()).collect();
    let committee = Committee::new(keys, FaultModel::Byzantine).under(Scheme::StandIn);
    let other = OtherGroup { committee, nodes: (0..4).map(node).collect() };
    let verifier = verifier_among(&genesis, FaultModel::Byzantine, BTreeMap::from([(OTHER, other)]));
    let mut cluster = Cluster::of_genesis(genesis, 0);
    cluster.verifier = verifier;
    cluster.connect_all();
    cluster.run(Duration::from_millis(200));

    let contents = |first: u64| Contents {
        destination: GROUP,
        first,
        consumed: 0,
        messages: vec![b"not a message that the ledger knows".to_vec()],
    };
    let envelope = |first: u64| {
        let contents = contents(first);
        let outcome = Outcome {
            chain: cluster.genesis.chain(),
            group: OTHER,
            epoch: Epoch(1),
            height: 5 + first,
            block_id: BlockId::default(),
            state_root: Hash::ZERO,
            receipts_root: Hash::ZERO,
            outbox_root: merkle_list::root(&[contents.leaf()]),
            next_epoch: None,
        };
        let share = |place: usize| {
            let share = SealShare::sign(outcome.clone(), ValidatorIndex(place as u16), &key(place));
            (share.validator, share.signature)
        };
        let signatures = QuorumSignatures::collect((0..3).map(share).collect::<Vec<_>>());
        let proof = merkle_list::prove(&[contents.leaf()], 0).unwrap();
        Message::Envelope(Arc::new(Envelope { seal: Seal { outcome, signatures }, contents, proof }))
    };
    let envelopes = [envelope(1), envelope(0)];
    for round in 0..3 {
        for to in 0..4 {
            for message in envelopes.iter().cycle().take(4) {
                let from = (to + 1 + round) % 4;
                let event = Event::Message(Source::Node(node(from)), cluster.judged(from, message));
                cluster.step(to, event);
            }
        }
        cluster.run(Duration::from_millis(500));
    }
    let heights = 1..=cluster.height(0);
    let carried: Vec<u64> = heights
        .filter_map(|height| cluster.nodes[0].disk.block(height))
        .flat_map(|block| block.payload.envelopes.clone())
        .map(|envelope| envelope.contents.first)
        .collect();
    assert_eq!(carried, [0, 1], "in order, and each once");
    cluster.assert_sealed_alike(cluster.height(0));
}

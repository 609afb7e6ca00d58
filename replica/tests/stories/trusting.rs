//! A member of a group under Raft: whom it hands to what its clients submit.

use crate::cluster::{GROUP, START_MS, genesis, key, node, put};
use crate::disk::Disk;
use std::time::Duration;
use witan_consensus::engine::{Instance, Tick};
use witan_consensus::raft::{Append, Message as Inner, Point, Raft};
use witan_ledger::mempool::Limits;
use witan_replica::{
    Effects, Event, Group, Identity, Message, MessageVerifier, NoCache, Now, Open, Recipient, Replica,
    Source, Ticket, Timer,
};
use witan_types::{
    BlockId, Committee, EngineKind, Epoch, FaultModel, Genesis, IdentifiedTransaction, Scheme,
    SignedTransaction, ValidatorIndex, Wire,
};

/// Member 0 of three, alone with what others say to it.
struct Member {
    genesis: Genesis,
    replica: Replica<Raft, Disk>,
    verifier: MessageVerifier,
    base: BlockId,
    elapsed: Duration,
}

impl Member {
    fn new() -> Member {
        let mut genesis = genesis(3);
        genesis.permissioned = true;
        genesis.groups.iter_mut().for_each(|group| group.engine = EngineKind::Raft);
        let disk = Disk::default();
        let open = Open {
            genesis: &genesis,
            group: GROUP,
            identity: Identity { node: node(0), validator: Some((ValidatorIndex(0), key(0))) },
            store: disk.clone(),
            records: Vec::new(),
            batches: Vec::new(),
            min_batch_bytes: witan_replica::MIN_BATCH_BYTES,
            mempool: Limits::default(),
            seed: 0,
            scheme: Scheme::StandIn,
        };
        let now = Now { tick: Tick(Duration::ZERO), wall_ms: START_MS };
        let (replica, _, effects) = Replica::open(open, now).unwrap();
        effects.writes.into_iter().for_each(|(_, write)| disk.write(write));
        let keys = genesis.validators.iter().map(|validator| validator.key).collect();
        let committee = Committee::new(keys, FaultModel::Crash).under(Scheme::StandIn);
        let instance = Instance { chain: genesis.chain(), group: GROUP, epoch: Epoch(1) };
        let nodes: Vec<_> = genesis.validators.iter().map(|validator| validator.node).collect();
        let verifier = MessageVerifier::new::<Raft>(instance, committee, &nodes, [].into());
        let base = genesis.base_header(GROUP).id();
        Member { genesis, replica, verifier, base, elapsed: Duration::ZERO }
    }

    fn step(&mut self, event: Event) -> Effects {
        self.elapsed += Duration::from_millis(10);
        let wall_ms = START_MS + self.elapsed.as_millis() as u64;
        self.replica.step(Now { tick: Tick(self.elapsed), wall_ms }, event)
    }

    /// A member says that it leads this term.
    fn hears_leader(&mut self, place: usize, term: u64) -> Effects {
        let prev = Point { height: 0, term: 0, id: self.base };
        let append = Inner::Append(Append { term, prev, entries: Vec::new(), commit: 0 });
        let bytes = Message::Engine(append.encode()).bytes();
        let judged = self.verifier.verify(&NoCache, node(place), &bytes).unwrap();
        self.step(Event::Message(Source::Node(node(place)), judged))
    }

    /// A client submits, and what is gathered for its time leaves.
    fn submit(&mut self, salt: u64) -> (SignedTransaction, Vec<(Recipient, Vec<SignedTransaction>)>) {
        let signed = put(&self.genesis, salt, START_MS + 60_000);
        let event = Event::Submit(Ticket(salt), vec![IdentifiedTransaction::from(signed.clone())]);
        let mut sent = handed_over(self.step(event));
        sent.extend(handed_over(self.step(Event::Timer(Timer::Gather))));
        (signed, sent)
    }
}

/// Which transactions go to whom.
fn handed_over(effects: Effects) -> Vec<(Recipient, Vec<SignedTransaction>)> {
    let sent =
        effects.send.into_iter().filter_map(|outgoing| match Message::decode(&outgoing.bytes).unwrap() {
            Message::Transactions(list) => {
                Some((outgoing.to, list.into_iter().map(|known| SignedTransaction::clone(&known)).collect()))
            }
            _ => None,
        });
    sent.collect()
}

#[test]
fn a_follower_hands_transactions_to_the_leader_alone_and_a_new_leader_gets_what_is_not_final() {
    let mut member = Member::new();
    let (first, sent) = member.submit(1);
    assert_eq!(sent, [(Recipient::Validators, vec![first.clone()])], "nobody leads yet");
    let again = handed_over(member.hears_leader(1, 1));
    assert_eq!(again, [(Recipient::Node(node(1)), vec![first.clone()])]);
    assert_eq!(handed_over(member.hears_leader(1, 1)), [], "it has them");
    let again = handed_over(member.hears_leader(1, 2));
    assert_eq!(again, [(Recipient::Node(node(1)), vec![first.clone()])], "it may have lost them since");
    let (second, sent) = member.submit(2);
    assert_eq!(sent, [(Recipient::Node(node(1)), vec![second.clone()])]);
    let again = handed_over(member.hears_leader(2, 3));
    let expected = vec![first, second];
    assert_eq!(again, [(Recipient::Node(node(2)), expected.clone())]);
    assert_eq!(handed_over(member.step(Event::Leaving)), [(Recipient::Validators, expected)]);
}

//! A cluster of one engine under a seeded scheduler: late, lost and repeated messages, crashes at any record, slow
//! disks. It checks the laws that every engine obeys at every step.

use super::{Choices, MAX_TIMEOUT, sealed, setup};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use witan_consensus::engine::{
    Draft, Engine, Input, Outputs, PROPOSERS_A_MEMBER, Seq, Setup, Tick, To, Turn, Verdict,
};
use witan_types::{BlockId, Header, Height, Payload, Scheme, Seal, ValidatorIndex, Wire};

/// An engine whose messages the laws can read.
pub trait Subject: Engine {
    /// What a message commits its author to, as (question, answer): no honest author ever gives one question two
    /// answers, however often it restarts.
    fn commitments(author: usize, to: To, message: &Self::Message) -> Vec<(String, String)>;
}

/// How unkind the world is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// One in so many messages is lost; 0 for none.
    pub lost_once_in: u64,
    /// One in so many messages comes twice; 0 for none.
    pub twice_once_in: u64,
    /// The longest a message takes, in milliseconds.
    pub delay_ms: u64,
    /// One in so many events is a crash; 0 for none.
    pub crash_once_in: u64,
    /// The longest a write takes, in milliseconds.
    pub disk_ms: u64,
}

impl Weather {
    /// Everything arrives, soon.
    pub const FAIR: Weather =
        Weather { lost_once_in: 0, twice_once_in: 0, delay_ms: 20, crash_once_in: 0, disk_ms: 5 };
    /// Everything goes wrong.
    pub const FOUL: Weather =
        Weather { lost_once_in: 8, twice_once_in: 10, delay_ms: 600, crash_once_in: 400, disk_ms: 60 };
}

/// What happens at some time.
enum Event<E: Engine> {
    Arrives { from: usize, to: usize, bytes: Vec<u8> },
    Fires { node: usize, life: u32, timer: E::Timer, set: u64 },
    Drafted { node: usize, life: u32, turn: Turn, number: u64 },
    Judged { node: usize, life: u32, id: BlockId },
    Synced { node: usize, life: u32 },
    Restarts { node: usize },
    Stabilises { node: usize, life: u32, header: Header },
    IsBehind { node: usize, life: u32, height: Height },
}

/// What waits for records to be durable.
struct Waiting<E: Engine> {
    after: Option<Seq>,
    outputs: Outputs<E>,
}

/// A member with its disk.
struct Node<E: Engine> {
    setup: Setup,
    engine: Option<E>,
    life: u32,
    disk: Vec<(Seq, Vec<u8>)>,
    unsynced: VecDeque<(Seq, Vec<u8>)>,
    waiting: VecDeque<Waiting<E>>,
    timers: BTreeMap<E::Timer, u64>,
    /// A turn that waits for work.
    turn: Option<Turn>,
    newest_turn: u64,
    /// Released decisions of this life.
    last_decided: Height,
    /// Where sealed blocks took it: decisions up to here may still have waited for the disk.
    jumped: Height,
    /// What its ledger has executed and flushed.
    durable: Height,
    stable: Header,
    stable_seal: Option<Seal>,
    commitments: BTreeMap<String, String>,
}

/// The cluster.
pub struct Cluster<E: Subject> {
    nodes: Vec<Node<E>>,
    events: BTreeMap<(Duration, u64), Event<E>>,
    now: Duration,
    count: u64,
    choices: Choices,
    scheme: Scheme,
    /// How things are now.
    pub weather: Weather,
    cut: Option<usize>,
    /// Whether the hosts say that work waits.
    work: bool,
    /// The one chain: what anyone decided, by height.
    pub chain: BTreeMap<Height, Header>,
    /// Whether blocks become stable, now and then.
    pub stabilises: bool,
    /// Messages sent.
    pub sent: u64,
}

impl<E: Subject> Cluster<E> {
    /// A cluster of `size`, all started.
    pub fn new(size: usize, seed: u64, scheme: Scheme, weather: Weather) -> Cluster<E> {
        Cluster::with_longest_timeout(size, seed, scheme, weather, MAX_TIMEOUT)
    }

    /// A cluster whose members wait as long as this for a view, after many failed ones.
    pub fn with_longest_timeout(
        size: usize,
        seed: u64,
        scheme: Scheme,
        weather: Weather,
        max_timeout: Duration,
    ) -> Cluster<E> {
        let nodes = (0..size).map(|place| {
            let setup = Setup { max_timeout, ..setup::<E>(place, size, scheme, seed) };
            let base = setup.base.clone();
            Node {
                engine: None,
                life: 0,
                disk: Vec::new(),
                unsynced: VecDeque::new(),
                waiting: VecDeque::new(),
                timers: BTreeMap::new(),
                turn: None,
                newest_turn: 0,
                last_decided: base.height,
                jumped: base.height,
                durable: base.height,
                stable: base,
                stable_seal: None,
                commitments: BTreeMap::new(),
                setup,
            }
        });
        let mut cluster = Cluster {
            nodes: nodes.collect(),
            events: BTreeMap::new(),
            now: Duration::ZERO,
            count: 0,
            choices: Choices(seed),
            scheme,
            weather,
            cut: None,
            work: true,
            chain: BTreeMap::new(),
            stabilises: true,
            sent: 0,
        };
        (0..size).for_each(|node| cluster.start(node));
        cluster
    }

    /// Lets `events` things happen. False once nothing is left to happen.
    pub fn run(&mut self, events: usize) -> bool {
        (0..events).all(|_| self.happen())
    }

    /// Ends the bad weather: everyone runs, every message arrives.
    pub fn heal(&mut self) {
        (self.weather, self.cut) = (Weather::FAIR, None);
        for node in 0..self.nodes.len() {
            if self.nodes[node].engine.is_none() {
                self.start(node);
            }
        }
    }

    /// Tells every host whether work waits.
    pub fn set_work(&mut self, work: bool) {
        self.work = work;
        for node in 0..self.nodes.len() {
            self.give(node, Input::Pending(work));
            let turn = self.nodes[node].turn.take_if(|_| work);
            turn.into_iter().for_each(|turn| self.answer(node, turn));
        }
    }

    /// Ends a member, until [`Cluster::heal`].
    pub fn stop(&mut self, node: usize) {
        let host = &mut self.nodes[node];
        host.engine = None;
        host.life += 1;
        host.unsynced.clear();
        host.waiting.clear();
        host.timers.clear();
        host.turn = None;
    }

    /// Loses every message between members below `place` and the others.
    pub fn cut_at(&mut self, place: usize) {
        self.cut = Some(place);
    }

    /// The lowest height that a running member has decided.
    pub fn lowest(&self) -> Height {
        let running = self.nodes.iter().filter_map(|node| node.engine.as_ref());
        running.map(|engine| engine.status().decided).min().unwrap()
    }

    /// What has been decided by anyone.
    pub fn highest(&self) -> Height {
        self.chain.keys().next_back().copied().unwrap_or(100)
    }

    /// Milliseconds gone by.
    pub fn now_ms(&self) -> u128 {
        self.now.as_millis()
    }

    fn at(&mut self, delay_ms: u64, event: Event<E>) {
        self.count += 1;
        self.events.insert((self.now + Duration::from_millis(delay_ms), self.count), event);
    }

    fn happen(&mut self) -> bool {
        let Some(((when, _), event)) = self.events.pop_first() else { return false };
        self.now = when;
        if self.weather.crash_once_in > 0 && self.choices.once_in(self.weather.crash_once_in) {
            let node = self.choices.place(self.nodes.len());
            self.crash(node);
        }
        match event {
            Event::Arrives { from, to, bytes } => self.arrive(from, to, &bytes),
            Event::Fires { node, life, timer, set } => {
                if self.nodes[node].life == life && self.nodes[node].timers.get(&timer) == Some(&set) {
                    self.give(node, Input::Timeout(timer));
                }
            }
            Event::Drafted { node, life, turn, number } => {
                // A later turn replaces an earlier one.
                if self.nodes[node].life == life && self.nodes[node].newest_turn == number {
                    self.answer(node, turn);
                }
            }
            Event::Judged { node, life, id } => {
                if self.nodes[node].life == life {
                    self.give(node, Input::Validated(id, Verdict::Valid));
                }
            }
            Event::Synced { node, life } => {
                if self.nodes[node].life == life {
                    self.sync(node);
                }
            }
            Event::Stabilises { node, life, header } => {
                if self.nodes[node].life == life && header.height > self.nodes[node].stable.height {
                    self.make_stable(node, &header);
                }
            }
            Event::IsBehind { node, life, height } => {
                if self.nodes[node].life == life {
                    self.catch_up_by_seals(node, height);
                }
            }
            Event::Restarts { node } => {
                if self.nodes[node].engine.is_none() {
                    self.start(node);
                }
            }
        }
        true
    }

    /// A turn waits for work, unless it must be answered at once.
    fn answer(&mut self, node: usize, turn: Turn) {
        if self.work || turn.at_once {
            let draft = Draft { time_ms: turn.parent_time_ms + 3, payload: Payload::default() };
            self.give(node, Input::Payload(turn, draft));
        } else {
            self.nodes[node].turn = Some(turn);
        }
    }

    fn arrive(&mut self, from: usize, to: usize, bytes: &[u8]) {
        let message = E::Message::decode(bytes).expect("what an engine says decodes");
        let Setup { instance, committee, .. } = &self.nodes[to].setup;
        let from = ValidatorIndex(u16::try_from(from).unwrap());
        let verified =
            E::verify(instance, committee, from, message).expect("what an honest member says verifies");
        self.give(to, Input::Message(verified));
    }

    fn give(&mut self, node: usize, input: Input<E>) {
        let now = Tick(self.now);
        if let Some(engine) = &mut self.nodes[node].engine {
            let outputs = engine.step(now, input);
            self.obey(node, outputs);
        }
    }

    /// Writes at once to what the disk will have; everything else waits for it, first in, first out.
    fn obey(&mut self, node: usize, mut outputs: Outputs<E>) {
        let records = std::mem::take(&mut outputs.persist);
        let host = &mut self.nodes[node];
        for (seq, record) in &records {
            let newest = host.unsynced.back().or(host.disk.last()).map(|(seq, _)| *seq);
            assert!(newest.is_none_or(|newest| newest + 1 == *seq), "records are numbered without gaps");
            host.unsynced.push_back((*seq, record.encode()));
        }
        let after = host.unsynced.back().map(|(seq, _)| *seq);
        host.waiting.push_back(Waiting { after, outputs });
        if !records.is_empty() {
            let delay = self.choices.below(self.weather.disk_ms + 1);
            let life = self.nodes[node].life;
            self.at(delay, Event::Synced { node, life });
        }
        self.release(node);
    }

    /// Some of the records reach the disk: a crash may fall between any two.
    fn sync(&mut self, node: usize) {
        let host = &mut self.nodes[node];
        let some = 1 + self.choices.place(host.unsynced.len().max(1));
        for record in host.unsynced.drain(..some.min(host.unsynced.len())) {
            host.disk.push(record);
        }
        if !host.unsynced.is_empty() {
            let (delay, life) = (self.choices.below(self.weather.disk_ms + 1), host.life);
            self.at(delay, Event::Synced { node, life });
        }
        self.release(node);
        if let Some(seq) = self.nodes[node].disk.last().map(|(seq, _)| *seq) {
            self.give(node, Input::Durable(seq));
        }
    }

    fn release(&mut self, node: usize) {
        let oldest_unsynced = self.nodes[node].unsynced.front().map(|(seq, _)| *seq);
        let durable = |after: Option<Seq>| {
            after.is_none_or(|after| oldest_unsynced.is_none_or(|oldest| after < oldest))
        };
        while let Some(waiting) = self.nodes[node].waiting.pop_front_if(|waiting| durable(waiting.after)) {
            self.carry_out(node, waiting.outputs);
        }
    }

    fn carry_out(&mut self, node: usize, outputs: Outputs<E>) {
        assert!(outputs.accuse.is_empty(), "nobody lied, yet node {node} says {:?}", outputs.accuse);
        let life = self.nodes[node].life;
        if let Some(truncate) = outputs.truncate {
            self.nodes[node].disk.retain(|(seq, _)| *seq >= truncate);
        }
        outputs.send.iter().for_each(|(to, message)| self.send(node, *to, message));
        for (timer, wait) in outputs.timers {
            self.count += 1;
            let set = self.count;
            self.nodes[node].timers.insert(timer, set);
            self.at(u64::try_from(wait.as_millis()).unwrap(), Event::Fires { node, life, timer, set });
        }
        if let Some(turn) = outputs.want {
            let delay = self.choices.below(5);
            self.count += 1;
            let number = self.count;
            self.nodes[node].newest_turn = number;
            self.at(delay, Event::Drafted { node, life, turn, number });
        }
        for block in outputs.validate {
            let delay = self.choices.below(5);
            self.at(delay, Event::Judged { node, life, id: block.id() });
        }
        outputs.decided.iter().for_each(|block| self.decided(node, &block.header));
        if let Some(height) = outputs.behind {
            let delay = self.choices.below(50);
            self.at(delay, Event::IsBehind { node, life, height });
        }
    }

    fn send(&mut self, node: usize, to: To, message: &E::Message) {
        for (question, answer) in E::commitments(node, to, message) {
            let earlier = self.nodes[node].commitments.entry(question.clone()).or_insert(answer.clone());
            assert_eq!(*earlier, answer, "node {node} answers {question} in two ways");
        }
        let bytes = message.encode();
        let receivers: Vec<usize> = match to {
            To::All => (0..self.nodes.len()).filter(|other| *other != node).collect(),
            To::One(other) => vec![other.at()],
        };
        for other in receivers {
            assert_ne!(other, node, "an engine never sends to itself");
            self.sent += 1;
            if self.cut.is_some_and(|place| (node < place) != (other < place)) {
                continue;
            }
            if self.weather.lost_once_in > 0 && self.choices.once_in(self.weather.lost_once_in) {
                continue;
            }
            let twice = self.weather.twice_once_in > 0 && self.choices.once_in(self.weather.twice_once_in);
            for _ in 0..=usize::from(twice) {
                let delay = 1 + self.choices.below(self.weather.delay_ms);
                self.at(delay, Event::Arrives { from: node, to: other, bytes: bytes.clone() });
            }
        }
    }

    fn decided(&mut self, node: usize, header: &Header) {
        let host = &mut self.nodes[node];
        if header.height <= host.jumped {
            assert_eq!(self.chain.get(&header.height), Some(header), "node {node} decides what was sealed");
            return;
        }
        assert_eq!(
            header.height,
            host.last_decided + 1,
            "node {node}: decisions ascend, without gaps, each once"
        );
        host.last_decided = header.height;
        let agreed = self.chain.entry(header.height).or_insert_with(|| header.clone());
        assert_eq!(agreed, header, "node {node} decides another block at height {}", header.height);
        if header.height > 101 {
            assert_eq!(self.chain.get(&(header.height - 1)).map(Header::id), Some(header.parent), "a chain");
        }
        host.durable = host.durable.max(header.height.saturating_sub(self.choices.below(3)));
        // A host lets no more than so many blocks go unsealed.
        let is_far = header.height > host.stable.height + 8;
        if self.choices.once_in(4) || is_far {
            self.stabilise(node);
        }
    }

    /// What a node has flushed is soon sealed.
    fn stabilise(&mut self, node: usize) {
        let host = &self.nodes[node];
        if self.stabilises && host.durable > host.stable.height {
            let header = self.chain[&host.durable].clone();
            let (delay, life) = (self.choices.below(5), host.life);
            self.at(delay, Event::Stabilises { node, life, header });
        }
    }

    /// A peer has truncated what this node's engine lacks: the host fetches sealed blocks, or only the seal where its
    /// ledger has the block.
    fn catch_up_by_seals(&mut self, node: usize, height: Height) {
        let highest_stable = self.nodes.iter().map(|node| node.stable.height).max().unwrap();
        let header = self.chain.get(&height.min(highest_stable)).cloned();
        let Some(header) = header.filter(|header| header.height > self.nodes[node].stable.height) else {
            return;
        };
        let host = &mut self.nodes[node];
        host.last_decided = host.last_decided.max(header.height);
        host.durable = host.durable.max(header.height);
        host.jumped = header.height;
        self.make_stable(node, &header);
    }

    /// Tells a member of every block up to `header` that it is stable now.
    fn make_stable(&mut self, node: usize, header: &Header) {
        let heights = self.nodes[node].stable.height + 1..=header.height;
        let headers: Vec<Header> = self.chain.range(heights).map(|(_, header)| header.clone()).collect();
        for header in headers {
            let sealed = sealed(&header, self.nodes.len(), self.scheme);
            (self.nodes[node].stable, self.nodes[node].stable_seal) = (header, Some(sealed.seal.clone()));
            self.give(node, Input::Stable(sealed));
        }
    }

    fn crash(&mut self, node: usize) {
        if self.nodes[node].engine.is_some() {
            self.stop(node);
            let delay = self.choices.below(3000);
            self.at(delay, Event::Restarts { node });
        }
    }

    fn start(&mut self, node: usize) {
        let host = &mut self.nodes[node];
        (host.setup.durable, host.setup.stable) = (host.durable, host.stable.clone());
        host.setup.stable_seal.clone_from(&host.stable_seal);
        let headers = self.chain.range(..=host.stable.height).rev().map(|(_, header)| header.proposer);
        host.setup.proposers = headers.take(host.setup.committee.size() * PROPOSERS_A_MEMBER).collect();
        host.last_decided = host.durable;
        let decode =
            |(seq, bytes): &(Seq, Vec<u8>)| (*seq, E::Record::decode(bytes).expect("records decode"));
        let records = host.disk.iter().map(decode).collect();
        let (engine, outputs) = E::open(host.setup.clone(), records);
        host.engine = Some(engine);
        self.obey(node, outputs);
        self.give(node, Input::Pending(self.work));
        self.stabilise(node);
    }
}

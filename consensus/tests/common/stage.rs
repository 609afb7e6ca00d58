//! A stage for protocol stories: a few HotStuff members, disks that are never slow, and a pool of messages that only
//! the story delivers.

use super::{BASE_TIMEOUT, Choices, setup};
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{
    Draft, Engine, Evidence, Input, Outputs, Seq, Setup, Tick, To, Verdict, Verified,
};
use witan_consensus::hotstuff::{HotStuff, Message, PlantedFault, Record, Round, Timer};
use witan_types::{Block, BlockId, Header, Height, Payload, Scheme, ValidatorIndex};

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Who says it.
    pub from: usize,
    /// To whom.
    pub to: usize,
    /// What.
    pub message: Message,
}

impl Letter {
    /// Whether it is a vote in `round`.
    pub fn is_vote(&self, round: Round) -> bool {
        matches!(&self.message, Message::Vote(vote) if vote.round == round)
    }

    /// Whether it is an order vote for the block of `round`.
    pub fn is_order_vote(&self, round: Round) -> bool {
        matches!(&self.message, Message::OrderVote(vote) if vote.round == round)
    }

    /// Whether it is the proposal of `round`.
    pub fn is_proposal(&self, round: Round) -> bool {
        matches!(&self.message, Message::Proposal(proposal) if proposal.round() == round)
    }

    /// Whether it is a time-out of `round`.
    pub fn is_timeout(&self, round: Round) -> bool {
        matches!(&self.message, Message::Timeout(timeout) if timeout.round == round)
    }

    /// Whether it asks for blocks or brings some.
    pub fn is_fetching(&self) -> bool {
        matches!(&self.message, Message::Fetch(_) | Message::Blocks(_))
    }
}

/// A member, with all it ever said and decided.
struct Member {
    setup: Setup,
    engine: HotStuff,
    disk: Vec<(Seq, Record)>,
    decided: Vec<Arc<Block>>,
    accused: Vec<Evidence>,
    timers: Vec<(Timer, Duration)>,
    behind: Option<Height>,
    truncated: Seq,
}

/// The stage.
pub struct Stage {
    members: Vec<Member>,
    fault: Option<PlantedFault>,
    now: Duration,
    /// Messages not yet delivered.
    pub pool: Vec<Letter>,
}

impl Stage {
    /// Four members, with work waiting.
    pub fn of_four() -> Stage {
        Stage::new(4, None)
    }

    /// Four members with a fault planted in each.
    pub fn of_four_with(fault: Option<PlantedFault>) -> Stage {
        Stage::new(4, fault)
    }

    fn new(size: usize, fault: Option<PlantedFault>) -> Stage {
        let mut opened = Vec::new();
        let members = (0..size).map(|place| {
            let setup = setup::<HotStuff>(place, size, Scheme::StandIn, 1);
            let (engine, outputs) = open(setup.clone(), Vec::new(), fault);
            opened.push(outputs);
            let (disk, decided, accused, timers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            Member { setup, engine, disk, decided, accused, timers, behind: None, truncated: 0 }
        });
        let members = members.collect();
        let mut stage = Stage { members, fault, now: Duration::ZERO, pool: Vec::new() };
        for (place, outputs) in opened.into_iter().enumerate() {
            stage.obey(place, outputs);
            stage.give(place, Input::Pending(true));
        }
        stage.pool.retain(|letter| !matches!(letter.message, Message::Hello(_)));
        stage
    }

    /// Delivers what matches, and what comes of it if that matches, until nothing does.
    pub fn deliver(&mut self, matches: impl Fn(&Letter) -> bool) {
        while let Some(at) = self.pool.iter().position(&matches) {
            let letter = self.pool.remove(at);
            self.say(letter.from, letter.to, letter.message);
        }
    }

    /// Loses what matches.
    pub fn lose(&mut self, matches: impl Fn(&Letter) -> bool) {
        self.pool.retain(|letter| !matches(letter));
    }

    /// Hands one message over, whoever made it.
    pub fn say(&mut self, from: usize, to: usize, message: Message) {
        let verified = self.verify(from, to, message).expect("it verifies");
        self.give(to, Input::Message(verified));
    }

    /// What a member thinks of a message.
    pub fn verify(
        &self,
        from: usize,
        to: usize,
        message: Message,
    ) -> Result<Verified<Message>, witan_consensus::engine::Rejected> {
        let Setup { instance, committee, .. } = &self.members[to].setup;
        HotStuff::verify(instance, committee, ValidatorIndex(u16::try_from(from).unwrap()), message)
    }

    /// A member's round timer fires.
    pub fn give_up(&mut self, place: usize) {
        let round = self.round(place);
        self.give(place, Input::Timeout(Timer::Round(round)));
    }

    /// A member's resend timer fires, a while later.
    pub fn resend(&mut self, place: usize) {
        self.now += BASE_TIMEOUT;
        let round = self.round(place);
        self.give(place, Input::Timeout(Timer::Resend(round)));
    }

    /// A member crashes and comes back from its disk; what it had sent is still on its way.
    pub fn restart(&mut self, place: usize) {
        let member = &mut self.members[place];
        member.decided.clear();
        let (engine, outputs) = open(member.setup.clone(), member.disk.clone(), self.fault);
        member.engine = engine;
        self.obey(place, outputs);
        self.give(place, Input::Pending(true));
    }

    /// A member crashes and comes back with a ledger that stands at `stable`.
    pub fn restart_from(&mut self, place: usize, stable: &Header) {
        let setup = &mut self.members[place].setup;
        (setup.stable, setup.durable) = (stable.clone(), stable.height);
        self.restart(place);
    }

    /// The record before which a member needs none.
    pub fn truncated(&self, place: usize) -> Seq {
        self.members[place].truncated
    }

    /// Says something to a member's engine.
    pub fn give(&mut self, place: usize, input: Input<HotStuff>) {
        let outputs = self.members[place].engine.step(Tick(self.now), input);
        self.obey(place, outputs);
    }

    /// The round a member is in.
    pub fn round(&self, place: usize) -> Round {
        self.members[place].engine.status().view
    }

    /// What a member has decided since it started.
    pub fn decided(&self, place: usize) -> &[Arc<Block>] {
        &self.members[place].decided
    }

    /// Whom a member accuses, and of what.
    pub fn accused(&self, place: usize) -> &[Evidence] {
        &self.members[place].accused
    }

    /// How far a member says sealed blocks must bring it.
    pub fn behind(&self, place: usize) -> Option<Height> {
        self.members[place].behind
    }

    /// A member's setup: where a liar finds its keys.
    pub fn setup(&self, place: usize) -> &Setup {
        &self.members[place].setup
    }

    /// Timers that a member has set.
    pub fn timers(&self, place: usize) -> &[(Timer, Duration)] {
        &self.members[place].timers
    }

    /// What a member has on disk.
    pub fn disk(&self, place: usize) -> &[(Seq, Record)] {
        &self.members[place].disk
    }

    /// Whether two members have decided different blocks at one height.
    pub fn has_forked(&self) -> bool {
        let mut chain = std::collections::BTreeMap::new();
        let decided = self.members.iter().flat_map(|member| &member.decided);
        decided.into_iter().any(|block| *chain.entry(block.header.height).or_insert(block.id()) != block.id())
    }

    /// The disk is written at once, the ledger approves at once, the leader has a payload at once.
    fn obey(&mut self, place: usize, outputs: Outputs<HotStuff>) {
        let size = self.members.len();
        let member = &mut self.members[place];
        let durable = outputs.persist.last().map(|(seq, _)| *seq);
        member.disk.extend(outputs.persist);
        if let Some(truncate) = outputs.truncate {
            member.disk.retain(|(seq, _)| *seq >= truncate);
            member.truncated = truncate;
        }
        member.decided.extend(outputs.decided);
        member.accused.extend(outputs.accuse);
        member.timers.extend(outputs.timers);
        member.behind = member.behind.max(outputs.behind);
        for (to, message) in outputs.send {
            let others = (0..size).filter(|other| *other != place);
            let receivers: Vec<usize> = match to {
                To::All => others.collect(),
                To::One(one) => vec![one.at()],
            };
            let letter = |to| Letter { from: place, to, message: message.clone() };
            self.pool.extend(receivers.into_iter().map(letter));
        }
        if let Some(seq) = durable {
            self.give(place, Input::Durable(seq));
        }
        for block in outputs.validate {
            self.give(place, Input::Validated(block.id(), Verdict::Valid));
        }
        if let Some(turn) = outputs.want {
            let draft = Draft { time_ms: turn.parent_time_ms + 1, payload: Payload::default() };
            self.give(place, Input::Payload(turn, draft));
        }
    }
}

fn open(
    setup: Setup,
    records: Vec<(Seq, Record)>,
    fault: Option<PlantedFault>,
) -> (HotStuff, Outputs<HotStuff>) {
    match fault {
        Some(fault) => HotStuff::open_with_fault(setup, records, fault),
        None => HotStuff::open(setup, records),
    }
}

/// An empty block of a round.
pub fn block(setup: &Setup, round: Round, parent: &Header, time_ms: u64) -> Arc<Block> {
    let payload = Payload::default();
    let header = Header {
        chain: setup.instance.chain,
        group: setup.instance.group,
        epoch: setup.instance.epoch,
        height: parent.height + 1,
        tag: round,
        parent: parent.id(),
        proposer: witan_consensus::hotstuff::leader_of(round, setup.committee.size()),
        time_ms,
        payload_root: payload.root(),
    };
    Arc::new(Block { header, payload })
}

/// The ids of blocks.
pub fn ids(blocks: &[Arc<Block>]) -> Vec<BlockId> {
    blocks.iter().map(|block| block.id()).collect()
}

/// A seeded shuffle, for stories whose order must not matter.
pub fn shuffle<T>(items: &mut [T], choices: &mut Choices) {
    for last in (1..items.len()).rev() {
        items.swap(last, choices.place(last + 1));
    }
}

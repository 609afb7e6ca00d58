//! A stage for protocol stories: a few members of one engine, disks that are never slow, and a pool of messages that
//! only the story delivers.

use super::{Choices, sealed, setup};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{
    Draft, Engine, EngineStatus, Evidence, Input, Instance, Outputs, Rejected, Seq, Setup, Tick, To, Turn,
    Verdict, Verified,
};
use witan_types::{Block, BlockId, Committee, Header, Height, Payload, Scheme, ValidatorIndex};

/// An engine that can be put on the stage, with or without a mistake planted in it.
pub trait Staged: Engine {
    /// The mistakes that can be planted.
    type Fault: Copy;

    /// Opens the engine.
    fn open_with(
        setup: Setup,
        records: Vec<(Seq, Self::Record)>,
        fault: Option<Self::Fault>,
    ) -> (Self, Outputs<Self>);

    /// Judges a message, with a mistake planted in the judgement where the engine has such mistakes.
    fn verify_with(
        instance: &Instance,
        committee: &Committee,
        from: ValidatorIndex,
        message: Self::Message,
        _: Option<Self::Fault>,
    ) -> Result<Verified<Self::Message>, Rejected> {
        Self::verify(instance, committee, from, message)
    }

    /// Whether the message is only a greeting at the start, which stories are better without.
    fn is_greeting(message: &Self::Message) -> bool;
}

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Letter<M> {
    /// Who says it.
    pub from: usize,
    /// To whom.
    pub to: usize,
    /// What.
    pub message: M,
}

/// Who answers a leader that asks for a payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Drafts {
    /// The stage, at once.
    AtOnce,
    /// The story, when it says [`Stage::draft`]: for engines that would otherwise run ahead, height after height.
    WhenTold,
}

/// What came of one step of a member, kept for stories that tell it.
#[derive(Clone)]
pub struct Deed<E: Engine> {
    /// Whose step.
    pub member: usize,
    /// What went to its disk.
    pub persist: Vec<(Seq, E::Record)>,
    /// What it said.
    pub send: Vec<(To, E::Message)>,
    /// What it asks its host to fill.
    pub want: Option<Turn>,
    /// What it decided.
    pub decided: Vec<Arc<Block>>,
    /// How far it says sealed blocks must bring it.
    pub behind: Option<Height>,
    /// Whom it accuses.
    pub accuse: Vec<Evidence>,
}

/// A member, with all it ever said and decided.
#[derive(Clone)]
struct Member<E: Engine> {
    setup: Setup,
    engine: E,
    disk: Vec<(Seq, E::Record)>,
    decided: Vec<Arc<Block>>,
    accused: Vec<Evidence>,
    timers: Vec<(E::Timer, Duration)>,
    behind: Option<Height>,
    truncated: Seq,
    asked: Vec<BlockId>,
    wanted: Option<Turn>,
}

/// The stage.
#[derive(Clone)]
pub struct Stage<E: Staged> {
    members: Vec<Member<E>>,
    fault: Option<E::Fault>,
    /// Whether a leader has a payload at once, or when [`Stage::draft`] says so.
    pub drafts: Drafts,
    /// What the members did, for a story to take; not kept unless asked for.
    pub deeds: Option<Vec<Deed<E>>>,
    /// What anyone ever decided, by height, whoever has crashed since.
    chain: BTreeMap<Height, Arc<Block>>,
    forked: bool,
    /// What every ledger thinks of every block, at once; nothing yet, if none.
    pub verdict: Option<Verdict>,
    /// The time.
    pub now: Duration,
    /// Messages not yet delivered.
    pub pool: Vec<Letter<E::Message>>,
}

impl<E: Staged> Stage<E> {
    /// Four members, with work waiting.
    pub fn of_four() -> Stage<E> {
        Stage::new(4, None)
    }

    /// Four members with a fault planted in each.
    pub fn of_four_with(fault: Option<E::Fault>) -> Stage<E> {
        Stage::new(4, fault)
    }

    /// Members with work waiting, and perhaps with a fault planted in each.
    pub fn new(size: usize, fault: Option<E::Fault>) -> Stage<E> {
        let places: Vec<usize> = (0..size).collect();
        Stage::of(size, &places, fault, Drafts::AtOnce, None)
    }

    /// Members whose every deed is kept from the start, and whose leaders get payloads as said.
    pub fn told(size: usize, drafts: Drafts, fault: Option<E::Fault>) -> Stage<E> {
        let places: Vec<usize> = (0..size).collect();
        Stage::of(size, &places, fault, drafts, Some(Vec::new()))
    }

    /// Members and, behind them, a second instance of one of them with the same key: a twin.
    pub fn with_twin(size: usize, twin: usize, fault: Option<E::Fault>) -> Stage<E> {
        let places: Vec<usize> = (0..size).chain([twin]).collect();
        Stage::of(size, &places, fault, Drafts::AtOnce, None)
    }

    /// One instance for each of `places` in a committee of `size`.
    fn of(
        size: usize,
        places: &[usize],
        fault: Option<E::Fault>,
        drafts: Drafts,
        deeds: Option<Vec<Deed<E>>>,
    ) -> Stage<E> {
        let mut opened = Vec::new();
        let members = places.iter().map(|place| {
            let setup = setup::<E>(*place, size, Scheme::StandIn, 1);
            let (engine, outputs) = E::open_with(setup.clone(), Vec::new(), fault);
            opened.push(outputs);
            let (disk, decided, accused, timers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            let (asked, behind, wanted) = (Vec::new(), None, None);
            Member { setup, engine, disk, decided, accused, timers, behind, truncated: 0, asked, wanted }
        });
        let members = members.collect();
        let mut stage = Stage {
            members,
            fault,
            drafts,
            deeds,
            chain: BTreeMap::new(),
            forked: false,
            verdict: Some(Verdict::Valid),
            now: Duration::ZERO,
            pool: Vec::new(),
        };
        for (place, outputs) in opened.into_iter().enumerate() {
            stage.obey(place, outputs);
            stage.give(place, Input::Pending(true));
        }
        stage.pool.retain(|letter| !E::is_greeting(&letter.message));
        stage
    }

    /// Delivers what matches, and what comes of it if that matches, until nothing does.
    pub fn deliver(&mut self, matches: impl Fn(&Letter<E::Message>) -> bool) {
        let mut left = 20_000;
        while let Some(at) = self.pool.iter().position(&matches) {
            let letter = self.pool.remove(at);
            left -= 1;
            assert!(left > 0, "they talk without end: {letter:?}");
            self.say(letter.from, letter.to, letter.message);
        }
    }

    /// Loses what matches.
    pub fn lose(&mut self, matches: impl Fn(&Letter<E::Message>) -> bool) {
        self.pool.retain(|letter| !matches(letter));
    }

    /// Hands one message over, whoever made it.
    pub fn say(&mut self, from: usize, to: usize, message: E::Message) {
        let verified = self.verify(from, to, message).expect("it verifies");
        self.give(to, Input::Message(verified));
    }

    /// What a member thinks of a message.
    pub fn verify(
        &self,
        from: usize,
        to: usize,
        message: E::Message,
    ) -> Result<Verified<E::Message>, Rejected> {
        let Setup { instance, committee, .. } = &self.members[to].setup;
        // A stranger goes by its place.
        let stranger = ValidatorIndex(u16::try_from(from).unwrap());
        let author = self.members.get(from).map_or(stranger, |member| member.setup.me);
        E::verify_with(instance, committee, author, message, self.fault)
    }

    /// A member crashes and comes back from its disk; what it had sent is still on its way.
    pub fn restart(&mut self, place: usize) {
        let member = &mut self.members[place];
        member.decided.clear();
        member.wanted = None;
        let (engine, outputs) = E::open_with(member.setup.clone(), member.disk.clone(), self.fault);
        member.engine = engine;
        self.obey(place, outputs);
        self.give(place, Input::Pending(true));
    }

    /// A member crashes and comes back with a ledger that stands at `stable`.
    pub fn restart_from(&mut self, place: usize, stable: &Header) {
        let size = self.members.len();
        let setup = &mut self.members[place].setup;
        (setup.stable, setup.durable) = (stable.clone(), stable.height);
        setup.stable_seal = Some(sealed(stable, size, Scheme::StandIn).seal);
        let below = self.chain.range(..stable.height).rev().map(|(_, block)| block.header.proposer);
        setup.proposers = [stable.proposer].into_iter().chain(below).collect();
        self.restart(place);
    }

    /// A member crashes before more than `count` of its records reached the disk, and comes back.
    pub fn restart_with(&mut self, place: usize, count: usize) {
        self.members[place].disk.truncate(count);
        self.restart(place);
    }

    /// The record before which a member needs none.
    pub fn truncated(&self, place: usize) -> Seq {
        self.members[place].truncated
    }

    /// Says something to a member's engine.
    pub fn give(&mut self, place: usize, input: Input<E>) {
        let outputs = self.members[place].engine.step(Tick(self.now), input);
        self.obey(place, outputs);
    }

    /// A leader that asks for a payload gets one. Says whether it asked.
    pub fn draft(&mut self, place: usize) -> bool {
        let Some(turn) = self.members[place].wanted.take() else { return false };
        // So that twins propose different blocks.
        let me = self.members[place].setup.me;
        let is_second = u64::from(self.members[..place].iter().any(|member| member.setup.me == me));
        let draft = Draft { time_ms: turn.parent_time_ms + 1 + is_second, payload: Payload::default() };
        self.give(place, Input::Payload(turn, draft));
        true
    }

    /// How many members there are.
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// How a member's engine stands.
    pub fn status(&self, place: usize) -> EngineStatus {
        self.members[place].engine.status()
    }

    /// What a member has decided since it started.
    pub fn decided(&self, place: usize) -> &[Arc<Block>] {
        &self.members[place].decided
    }

    /// The blocks that a member asked its ledger about.
    pub fn asked(&self, place: usize) -> &[BlockId] {
        &self.members[place].asked
    }

    /// The turn for which a member waits for a payload.
    pub fn wanted(&self, place: usize) -> Option<&Turn> {
        self.members[place].wanted.as_ref()
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
    pub fn timers(&self, place: usize) -> &[(E::Timer, Duration)] {
        &self.members[place].timers
    }

    /// Every timer that a member has set fires; stale ones are ignored.
    pub fn fire_timers(&mut self, place: usize) {
        for (timer, _) in std::mem::take(&mut self.members[place].timers) {
            self.give(place, Input::Timeout(timer));
        }
    }

    /// What a member has on disk.
    pub fn disk(&self, place: usize) -> &[(Seq, E::Record)] {
        &self.members[place].disk
    }

    /// Whether two different blocks were ever decided at one height.
    pub fn has_forked(&self) -> bool {
        self.forked
    }

    /// The disk is written at once; the ledger approves at once and the leader has a payload at once, unless told otherwise.
    fn obey(&mut self, place: usize, outputs: Outputs<E>) {
        let names: Vec<ValidatorIndex> = self.members.iter().map(|member| member.setup.me).collect();
        if let Some(deeds) = &mut self.deeds {
            deeds.push(Deed {
                member: place,
                persist: outputs.persist.clone(),
                send: outputs.send.clone(),
                want: outputs.want.clone(),
                decided: outputs.decided.clone(),
                behind: outputs.behind,
                accuse: outputs.accuse.clone(),
            });
        }
        let member = &mut self.members[place];
        let durable = outputs.persist.last().map(|(seq, _)| *seq);
        member.disk.extend(outputs.persist);
        if let Some(truncate) = outputs.truncate {
            member.disk.retain(|(seq, _)| *seq >= truncate);
            member.truncated = truncate;
        }
        for block in &outputs.decided {
            let first = self.chain.entry(block.header.height).or_insert(Arc::clone(block));
            self.forked |= first.id() != block.id();
        }
        member.decided.extend(outputs.decided);
        member.accused.extend(outputs.accuse);
        member.timers.extend(outputs.timers);
        member.behind = member.behind.max(outputs.behind);
        for (to, message) in outputs.send {
            // A twin never hears itself, and who writes to a member writes to both of its twins.
            let others = (0..names.len()).filter(|other| names[*other] != names[place]);
            let receivers: Vec<usize> = match to {
                To::All => others.collect(),
                To::One(one) => others.filter(|other| names[*other] == one).collect(),
            };
            let letter = |to| Letter { from: place, to, message: message.clone() };
            self.pool.extend(receivers.into_iter().map(letter));
        }
        if let Some(seq) = durable {
            self.give(place, Input::Durable(seq));
        }
        for block in outputs.validate {
            self.members[place].asked.push(block.id());
            if let Some(verdict) = self.verdict {
                self.give(place, Input::Validated(block.id(), verdict));
            }
        }
        if outputs.want.is_some() {
            self.members[place].wanted = outputs.want;
            if self.drafts == Drafts::AtOnce {
                self.draft(place);
            }
        }
    }
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

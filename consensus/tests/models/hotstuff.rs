//! Jolteon's rules with order votes: four members, one of them Byzantine.
//!
//! What is left to the adversary, so that the model holds more than can happen:
//!
//! - The liar's votes, order votes and time-outs exist for everything, at every time. So two honest signatures make a
//!   quorum, and no state is kept for the liar.
//! - Every round's leader lies: in each round honest members may meet two blocks, on any certified blocks.
//! - A certificate is known to whoever wants it as soon as it can be put together, and forgotten when that is worse. So
//!   what a member is bound by is its promises alone, as after a crash.
//! - A time-out certificate carries the lowest maximum that any quorum of time-outs allows, and a time-out the lowest
//!   certificate that the rules allow: a higher one forbids more and allows nothing.

use super::{AGREEMENT, forks, holds, is_soak};
use stateright::{Model, Property};
use std::fmt::{self, Debug, Formatter};
use witan_consensus::hotstuff::rules::{self, Lapse, Link, Promises};
use witan_types::{BlockId, Hash};

/// Honest members.
const HONEST: usize = 3;
/// Honest signatures that make a quorum with the liar's.
const ENOUGH: usize = 2;
/// The most rounds of any setting.
const MAX_ROUNDS: usize = 4;
/// The most blocks that honest members may meet in a round, in any setting.
const MAX_BLOCKS: usize = 2;

/// A rule to leave out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Broken {
    OrderVoteWithoutLock,
    OrderVoteAfterTimeout,
    TimeoutMaximumIgnored,
    CommitAcrossGap,
    VoteTwice,
    TimeoutBelowLock,
    VoteWithoutLock,
    /// Not a mistake: the code calls it defence in depth.
    VoteBelowOrderVote,
}

/// A block: a round, from 1, and which of the round's. `None` is the base.
type Id = Option<(usize, usize)>;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
struct Member {
    /// `last_voted_round`, `one_chain_round`, `highest_timeout_round`.
    promises: [u8; 3],
    /// For each round, which block it voted for; a broken rule may let it vote for both.
    voted: [[bool; MAX_BLOCKS]; MAX_ROUNDS],
    ordered: [[bool; MAX_BLOCKS]; MAX_ROUNDS],
    /// For each round given up, the round of the certificate it reported.
    gave_up: [Option<u8>; MAX_ROUNDS],
}

impl Member {
    fn promises(&self) -> Promises {
        let [last_voted_round, one_chain_round, highest_timeout_round] = self.promises.map(u64::from);
        Promises { last_voted_round, one_chain_round, highest_timeout_round }
    }

    fn promise(&mut self, promises: Promises) {
        let Promises { last_voted_round, one_chain_round, highest_timeout_round } = promises;
        let parts = [last_voted_round, one_chain_round, highest_timeout_round];
        self.promises = parts.map(|round| u8::try_from(round).unwrap());
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct State {
    members: [Member; HONEST],
    /// Each block that some honest member voted for, with its parent.
    parents: [[Option<Id>; MAX_BLOCKS]; MAX_ROUNDS],
}

#[derive(Clone, PartialEq, Eq)]
enum Step {
    Vote { member: usize, round: usize, block: usize, parent: Id },
    OrderVote { member: usize, round: usize, block: usize },
    TimeOut { member: usize, round: usize, high: u64 },
}

impl Debug for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name =
            |id: Id| id.map_or("base".to_owned(), |(round, block)| format!("r{round}{}", ["a", "b"][block]));
        match *self {
            Step::Vote { member, round, block, parent } => {
                write!(f, "n{member} votes {} on {}", name(Some((round, block))), name(parent))
            }
            Step::OrderVote { member, round, block } => {
                write!(f, "n{member} orders {}", name(Some((round, block))))
            }
            Step::TimeOut { member, round, high } => write!(f, "n{member} gives up r{round} high r{high}"),
        }
    }
}

struct Jolteon {
    rounds: usize,
    /// Blocks that honest members may meet in a round.
    blocks: usize,
    broken: Option<Broken>,
}

fn round_of(id: Id) -> u64 {
    id.map_or(0, |(round, _)| round as u64)
}

fn block_id(id: Id) -> BlockId {
    let (round, block) = id.map_or((0, 0), |(round, block)| (round, block + 1));
    BlockId(Hash([u8::try_from(round * 8 + block).unwrap(); 32]))
}

impl State {
    fn count(&self, signed: impl Fn(&Member) -> bool) -> usize {
        self.members.iter().filter(|member| signed(member)).count()
    }

    fn is_certified(&self, id: Id) -> bool {
        id.is_none_or(|(round, block)| self.count(|member| member.voted[round - 1][block]) >= ENOUGH)
    }

    fn is_ordered(&self, (round, block): (usize, usize)) -> bool {
        self.count(|member| member.ordered[round - 1][block]) >= ENOUGH
    }

    fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let all = (1..=MAX_ROUNDS).flat_map(|round| (0..MAX_BLOCKS).map(move |block| (round, block)));
        all.filter(|(round, block)| self.parents[round - 1][*block].is_some())
    }

    fn certified(&self) -> impl Iterator<Item = Id> + '_ {
        std::iter::once(None).chain(self.blocks().map(Some).filter(|id| self.is_certified(*id)))
    }

    fn parent(&self, (round, block): (usize, usize)) -> Id {
        self.parents[round - 1][block].unwrap()
    }

    /// The time-out certificate of a round, at its lowest.
    fn lapse(&self, round: usize) -> Option<Lapse> {
        let given_up = round.checked_sub(1)?;
        let mut reports: Vec<u8> =
            self.members.iter().filter_map(|member| member.gave_up[given_up]).collect();
        reports.sort_unstable();
        let highest = *reports.get(ENOUGH - 1)?;
        Some(Lapse { round: round as u64, high_qc_round: highest.into() })
    }

    fn link(&self, id: (usize, usize)) -> Link {
        Link { id: block_id(Some(id)), parent: block_id(self.parent(id)), round: id.0 as u64 }
    }

    /// Whether `id` is `below` or stands on it.
    fn stands_on(&self, id: (usize, usize), below: (usize, usize)) -> bool {
        let mut at = Some(id);
        while let Some(block) = at {
            if block == below {
                return true;
            }
            at = self.parent(block);
        }
        false
    }
}

impl Jolteon {
    fn has(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    fn may_vote(&self, member: &Member, round: usize, parent: Id, lapse: Option<Lapse>) -> bool {
        let mut promises = member.promises();
        if self.has(Broken::VoteTwice) {
            promises.last_voted_round = 0;
        }
        let lapse = match lapse {
            Some(lapse) if self.has(Broken::TimeoutMaximumIgnored) => {
                Some(Lapse { high_qc_round: 0, ..lapse })
            }
            lapse => lapse,
        };
        rules::may_vote(&promises, round as u64, round_of(parent), lapse)
    }

    /// The lowest certificate with which a member may give a round up.
    fn lowest_report(&self, state: &State, member: &Member, round: usize) -> Option<u64> {
        let mut promises = member.promises();
        if self.has(Broken::TimeoutBelowLock) {
            promises.one_chain_round = 0;
        }
        let tc_round = state.lapse(round - 1).map(|lapse| lapse.round);
        let mut known: Vec<u64> = state.certified().map(round_of).collect();
        known.sort_unstable();
        known.into_iter().find(|high| rules::may_time_out(&promises, round as u64, *high, tc_round))
    }

    fn is_final(&self, state: &State, id: (usize, usize)) -> bool {
        let parent = state.link(id);
        let has_final_child = |child: (usize, usize)| {
            let child_link = state.link(child);
            let across_gap = self.has(Broken::CommitAcrossGap) && child_link.parent == parent.id;
            state.is_certified(Some(child)) && (across_gap || rules::is_final(&parent, &child_link))
        };
        state.is_ordered(id) || (state.is_certified(Some(id)) && state.blocks().any(has_final_child))
    }

    fn agrees(&self, state: &State) -> bool {
        let finals: Vec<(usize, usize)> = state.blocks().filter(|id| self.is_final(state, *id)).collect();
        let on_one_chain = |one: &(usize, usize), other: &(usize, usize)| {
            state.stands_on(*one, *other) || state.stands_on(*other, *one)
        };
        finals.iter().all(|one| finals.iter().all(|other| on_one_chain(one, other)))
    }

    fn add_votes(&self, state: &State, member: usize, round: usize, steps: &mut Vec<Step>) {
        let lapse = state.lapse(round - 1);
        let certified: Vec<Id> = state.certified().filter(|id| round_of(*id) < round as u64).collect();
        for parent in certified {
            if !self.may_vote(&state.members[member], round, parent, lapse) {
                continue;
            }
            let slots = &state.parents[round - 1];
            let new = slots.iter().position(Option::is_none);
            for (block, slot) in slots.iter().enumerate().take(self.blocks) {
                let is_there = *slot == Some(parent) && !state.members[member].voted[round - 1][block];
                if is_there || new == Some(block) {
                    steps.push(Step::Vote { member, round, block, parent });
                }
            }
        }
    }
}

impl Model for Jolteon {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (member, it) in state.members.iter().enumerate() {
            for round in 1..=self.rounds {
                self.add_votes(state, member, round, steps);
                // To give the last round up would only forbid things.
                if round < self.rounds && it.gave_up[round - 1].is_none() {
                    let high = self.lowest_report(state, it, round);
                    steps.extend(high.map(|high| Step::TimeOut { member, round, high }));
                }
            }
            for (round, block) in state.blocks().filter(|id| state.is_certified(Some(*id))) {
                let may = self.has(Broken::OrderVoteAfterTimeout)
                    || rules::may_order_vote(&it.promises(), round as u64);
                if may && !it.ordered[round - 1][block] {
                    steps.push(Step::OrderVote { member, round, block });
                }
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Vote { member, round, block, parent } => {
                state.parents[round - 1][block] = Some(parent);
                let it = &mut state.members[member];
                it.voted[round - 1][block] = true;
                let mut promises = rules::after_vote(it.promises(), round as u64, round_of(parent));
                if self.has(Broken::VoteWithoutLock) {
                    promises.one_chain_round = it.promises().one_chain_round;
                }
                it.promise(promises);
            }
            Step::OrderVote { member, round, block } => {
                let it = &mut state.members[member];
                it.ordered[round - 1][block] = true;
                let before = it.promises();
                let mut promises = rules::after_order_vote(before, round as u64);
                if self.has(Broken::VoteBelowOrderVote) {
                    promises.last_voted_round = before.last_voted_round;
                }
                if !self.has(Broken::OrderVoteWithoutLock) {
                    it.promise(promises);
                }
            }
            Step::TimeOut { member, round, high } => {
                let it = &mut state.members[member];
                it.gave_up[round - 1] = Some(u8::try_from(high).unwrap());
                it.promise(rules::after_timeout(it.promises(), round as u64));
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Jolteon>> {
        vec![
            Property::always(AGREEMENT, |model: &Jolteon, state: &State| model.agrees(state)),
            Property::sometimes("a block is final by order votes", |_: &Jolteon, state: &State| {
                state.blocks().any(|id| state.is_ordered(id))
            }),
            Property::sometimes(
                "a block is final by two certificates alone",
                |model: &Jolteon, state: &State| {
                    state.blocks().any(|id| model.is_final(state, id) && !state.is_ordered(id))
                },
            ),
            Property::sometimes("two blocks of one height are certified", |_: &Jolteon, state: &State| {
                let certified: Vec<Id> = state.certified().filter(Option::is_some).collect();
                let parents = certified.iter().flatten().map(|id| state.parent(*id));
                parents.filter(Option::is_none).count() > 1
            }),
        ]
    }
}

/// Honest members differ in nothing but what they did, and the two blocks of a round in nothing but what became of them.
fn representative(state: &State) -> State {
    let mut state = state.clone();
    for round in 1..=MAX_ROUNDS {
        let fate = |block: usize| {
            let voted = state.count(|member| member.voted[round - 1][block]);
            let ordered = state.count(|member| member.ordered[round - 1][block]);
            (state.parents[round - 1][block], voted, ordered)
        };
        if state.parents[round - 1][1].is_some() && fate(1) < fate(0) {
            state.swap_blocks(round);
        }
    }
    state.members.sort_unstable();
    state
}

impl State {
    fn swap_blocks(&mut self, round: usize) {
        self.parents[round - 1].swap(0, 1);
        for member in &mut self.members {
            member.voted[round - 1].swap(0, 1);
            member.ordered[round - 1].swap(0, 1);
        }
        for parent in self.parents.iter_mut().flatten().flatten().flatten() {
            if parent.0 == round {
                parent.1 = 1 - parent.1;
            }
        }
    }
}

fn setting(rounds: usize, blocks: usize, broken: Option<Broken>) -> Jolteon {
    Jolteon { rounds, blocks, broken }
}

/// Four rounds, the fewest in which every mistake can show.
fn forks_if(broken: Broken, blocks: usize) {
    forks(&format!("HotStuff, {broken:?}"), setting(4, blocks, Some(broken)), representative);
}

/// Every state of three rounds with two blocks each; at length, of four rounds with one, where gaps of rounds play.
fn never_forks(name: &str, broken: Option<Broken>) {
    if is_soak() {
        holds(&format!("{name}, 4 rounds of a block"), setting(4, 1, broken), representative);
    }
    holds(&format!("{name}, 3 rounds of two blocks"), setting(3, 2, broken), representative);
}

#[test]
fn hotstuff_never_forks() {
    never_forks("HotStuff", None);
}

#[test]
fn hotstuff_forks_if_an_order_vote_forgets_its_lock() {
    forks_if(Broken::OrderVoteWithoutLock, 2);
}

#[test]
fn hotstuff_forks_if_an_order_vote_follows_a_timeout() {
    forks_if(Broken::OrderVoteAfterTimeout, 2);
}

#[test]
fn hotstuff_forks_if_a_timeout_certificates_maximum_is_ignored() {
    forks_if(Broken::TimeoutMaximumIgnored, 2);
}

#[test]
fn hotstuff_forks_if_a_gap_of_rounds_decides() {
    forks_if(Broken::CommitAcrossGap, 1);
}

#[test]
fn hotstuff_forks_if_members_vote_twice_in_a_round() {
    forks_if(Broken::VoteTwice, 2);
}

#[test]
fn hotstuff_forks_if_a_timeout_reports_less_than_the_lock() {
    forks_if(Broken::TimeoutBelowLock, 2);
}

#[test]
fn hotstuff_forks_if_a_vote_forgets_its_lock() {
    forks_if(Broken::VoteWithoutLock, 2);
}

#[test]
fn that_an_order_vote_ends_voting_below_it_is_only_defence_in_depth() {
    never_forks("HotStuff, voting below order votes", Some(Broken::VoteBelowOrderVote));
}

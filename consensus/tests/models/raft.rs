//! Raft's rules: three members, one of which crashes once.
//!
//! What is left to the adversary, so that the model holds more than can happen:
//!
//! - Whoever is not the leader stands for election at any time; messages are delayed and said again without end. So a
//!   candidacy can be answered, and any part of a leader's log be taken, at any later time.
//! - Entries are taken one by one: a message of several does what several messages do.
//! - Leaders are given entries at any time, and count what a quorum holds at any time.
//!
//! Members do not lie. What is on disk (ballot and entries) outlasts the crash; leading and what is known to be committed
//! does not.

use super::{AGREEMENT, forks, holds, is_soak};
use stateright::{Model, Property};
use std::fmt::{self, Debug, Formatter};
use witan_consensus::raft::rules::{self, Ballot, End};
use witan_types::{Height, ValidatorIndex};

const MEMBERS: usize = 3;
const QUORUM: usize = 2;
/// The most terms of any setting.
const MAX_TERMS: usize = 4;
/// The most entries of any setting.
const MAX_ENTRIES: usize = 3;

/// A rule to leave out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Broken {
    CommitOlderTerm,
    VoteTwice,
    OutdatedCandidate,
    AppendWithoutMatch,
}

/// An entry: its term, and who made it, for a broken rule may let two lead a term. Term 0 is no entry.
type Entry = (u8, u8);

/// A log; what is beyond its end is no entry.
type Log = [Entry; MAX_ENTRIES];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
struct Member {
    term: u8,
    vote: Option<u8>,
    log: Log,
    commit: u8,
    is_candidate: bool,
    is_leader: bool,
}

/// A member's candidacy in a term, and what it said as leader.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
struct Candidacy {
    end: (u8, u8),
    votes: [bool; MEMBERS],
    /// If it won: its log, what it knows others to hold, and what it called committed.
    log: Option<Log>,
    held: [u8; MEMBERS],
    commit: u8,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
struct State {
    members: [Member; MEMBERS],
    candidacies: [[Option<Candidacy>; MEMBERS]; MAX_TERMS],
    crashed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Stand { member: usize },
    Vote { member: usize, term: usize, candidate: usize },
    Lead { member: usize },
    Make { leader: usize },
    Take { member: usize, term: usize, leader: usize, after: usize },
    Commit { leader: usize },
    Crash { member: usize },
}

impl Debug for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Step::Stand { member } => write!(f, "n{member} stands"),
            Step::Vote { member, term, candidate } => write!(f, "n{member} votes n{candidate} in t{term}"),
            Step::Lead { member } => write!(f, "n{member} leads"),
            Step::Make { leader } => write!(f, "n{leader} makes an entry"),
            Step::Take { member, term, leader, after } => {
                write!(f, "n{member} takes what n{leader} of t{term} has after {after}")
            }
            Step::Commit { leader } => write!(f, "n{leader} commits"),
            Step::Crash { member } => write!(f, "n{member} crashes"),
        }
    }
}

fn length(log: &Log) -> usize {
    log.iter().take_while(|(term, _)| *term > 0).count()
}

fn end(log: &Log) -> End {
    let length = length(log);
    let term = length.checked_sub(1).map_or(0, |last| log[last].0);
    End { term: term.into(), height: length as Height }
}

fn index(place: usize) -> ValidatorIndex {
    ValidatorIndex(u16::try_from(place).unwrap())
}

fn small(number: usize) -> u8 {
    u8::try_from(number).unwrap()
}

impl Member {
    fn ballot(&self) -> Ballot {
        Ballot { term: self.term.into(), vote: self.vote.map(|vote| index(vote.into())) }
    }

    /// Hears of a term.
    fn follow(&mut self, term: u8) {
        if term > self.term {
            (self.term, self.vote, self.is_candidate, self.is_leader) = (term, None, false, false);
        }
    }
}

struct Raft {
    terms: usize,
    entries: usize,
    /// Whether a member crashes, once.
    crashes: bool,
    broken: Option<Broken>,
}

impl Raft {
    fn has(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    fn may_vote(&self, state: &State, member: usize, term: usize, candidate: usize) -> bool {
        let it = &state.members[member];
        let Some(candidacy) = state.candidacies[term - 1][candidate] else { return false };
        let mut ballot = it.ballot();
        if self.has(Broken::VoteTwice) {
            ballot.vote = None;
        }
        let own = if self.has(Broken::OutdatedCandidate) { End::default() } else { end(&it.log) };
        let (last, height) = candidacy.end;
        let theirs = End { term: last.into(), height: height.into() };
        !candidacy.votes[member] && rules::may_vote(ballot, own, term as u64, index(candidate), theirs)
    }

    /// What a member is after it took a leader's entry right after `after`, or its word that there is none yet.
    fn take(&self, state: &State, member: usize, term: usize, leader: usize, after: usize) -> Option<State> {
        let candidacy = state.candidacies[term - 1][leader].as_ref()?;
        let theirs = candidacy.log?;
        let it = &state.members[member];
        if member == leader || usize::from(it.term) > term || after > length(&theirs) {
            return None;
        }
        let mut next = state.clone();
        let it = &mut next.members[member];
        it.follow(small(term));
        it.is_candidate = false;
        let matches = after == 0 || it.log[after - 1] == theirs[after - 1];
        let fits = after <= length(&it.log);
        if fits && (matches || self.has(Broken::AppendWithoutMatch)) {
            let mut held = after;
            if after < length(&theirs) {
                if it.log[after] != theirs[after] {
                    if !rules::may_replace(after as Height + 1, it.commit.into()) {
                        return Some(next);
                    }
                    it.log[after..].fill((0, 0));
                    it.log[after] = theirs[after];
                }
                held += 1;
            }
            it.commit = it.commit.max(candidacy.commit.min(small(held)));
            let known = &mut next.candidacies[term - 1][leader].as_mut()?.held[member];
            *known = (*known).max(small(held));
        }
        Some(next)
    }

    /// How far a leader may call its log committed.
    fn committable(&self, state: &State, leader: usize) -> Option<u8> {
        let it = &state.members[leader];
        let term = usize::from(it.term).checked_sub(1).filter(|_| it.is_leader)?;
        let candidacy = state.candidacies[term][leader]?;
        let mut held: Vec<Height> = candidacy.held.iter().map(|held| Height::from(*held)).collect();
        held[leader] = length(&it.log) as Height;
        let height = rules::held_by_quorum(&held, QUORUM)?;
        let last = usize::try_from(height).unwrap().checked_sub(1)?;
        let entry_term = it.log[last].0;
        let may = self.has(Broken::CommitOlderTerm) || rules::may_commit(entry_term.into(), it.term.into());
        Some(small(last + 1)).filter(|height| may && *height > it.commit && *height > candidacy.commit)
    }
}

impl State {
    /// Each log that a leader called committed, up to where it did, with its term.
    fn committed(&self) -> impl Iterator<Item = (usize, Vec<Entry>)> + '_ {
        self.leaders().map(|(term, candidacy, log)| (term, log[..usize::from(candidacy.commit)].to_vec()))
    }

    fn leaders(&self) -> impl Iterator<Item = (usize, &Candidacy, Log)> + '_ {
        let terms = self.candidacies.iter().enumerate();
        let all =
            terms.flat_map(|(term, candidacies)| candidacies.iter().flatten().map(move |it| (term + 1, it)));
        all.filter_map(|(term, candidacy)| candidacy.log.map(|log| (term, candidacy, log)))
    }

    /// No two different entries are committed at a height.
    fn agrees(&self) -> bool {
        let committed: Vec<Vec<Entry>> = self.committed().map(|(_, log)| log).collect();
        let same = |one: &[Entry], other: &[Entry]| one.iter().zip(other).all(|(one, other)| one == other);
        committed.iter().all(|one| committed.iter().all(|other| same(one, other)))
    }

    /// Whoever leads a later term holds what was committed in an earlier one (section 5.4.3).
    fn is_complete(&self) -> bool {
        self.committed().all(|(term, log)| {
            self.leaders().all(|(later, _, theirs)| later <= term || theirs.starts_with(&log))
        })
    }
}

impl Model for Raft {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (member, it) in state.members.iter().enumerate() {
            if usize::from(it.term) < self.terms && !it.is_leader {
                steps.push(Step::Stand { member });
            }
            if self.crashes && !state.crashed {
                steps.push(Step::Crash { member });
            }
            for term in 1..=self.terms {
                for other in 0..MEMBERS {
                    if self.may_vote(state, member, term, other) {
                        steps.push(Step::Vote { member, term, candidate: other });
                    }
                    for after in 0..=self.entries {
                        let next = self.take(state, member, term, other, after);
                        if next.is_some_and(|next| next != *state) {
                            steps.push(Step::Take { member, term, leader: other, after });
                        }
                    }
                }
            }
            let term = usize::from(it.term).checked_sub(1);
            let candidacy = term.and_then(|term| state.candidacies[term][member]);
            let votes = candidacy.map_or(0, |candidacy| candidacy.votes.iter().filter(|vote| **vote).count());
            if it.is_candidate && votes >= QUORUM {
                steps.push(Step::Lead { member });
            }
            if it.is_leader && length(&it.log) < self.entries {
                steps.push(Step::Make { leader: member });
            }
            if self.committable(state, member).is_some() {
                steps.push(Step::Commit { leader: member });
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Stand { member } => {
                let it = &mut state.members[member];
                it.follow(it.term + 1);
                (it.vote, it.is_candidate) = (Some(small(member)), true);
                let End { term, height } = end(&it.log);
                let end = (u8::try_from(term).unwrap(), u8::try_from(height).unwrap());
                let mut candidacy = Candidacy { end, ..Candidacy::default() };
                candidacy.votes[member] = true;
                state.candidacies[usize::from(it.term) - 1][member] = Some(candidacy);
            }
            Step::Vote { member, term, candidate } => {
                let it = &mut state.members[member];
                it.follow(small(term));
                it.vote = Some(small(candidate));
                state.candidacies[term - 1][candidate].as_mut()?.votes[member] = true;
            }
            Step::Lead { member } => {
                let it = &mut state.members[member];
                (it.is_candidate, it.is_leader) = (false, true);
                state.candidacies[usize::from(it.term) - 1][member].as_mut()?.log = Some(it.log);
            }
            Step::Make { leader } => {
                let it = &mut state.members[leader];
                it.log[length(&it.log)] = (it.term, small(leader));
                state.candidacies[usize::from(it.term) - 1][leader].as_mut()?.log = Some(it.log);
            }
            Step::Take { member, term, leader, after } => {
                return self.take(last, member, term, leader, after);
            }
            Step::Commit { leader } => {
                let height = self.committable(last, leader)?;
                let it = &mut state.members[leader];
                it.commit = height;
                state.candidacies[usize::from(it.term) - 1][leader].as_mut()?.commit = height;
            }
            Step::Crash { member } => {
                let it = &mut state.members[member];
                (it.commit, it.is_candidate, it.is_leader) = (0, false, false);
                state.crashed = true;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Raft>> {
        vec![
            Property::always(AGREEMENT, |_: &Raft, state: &State| state.agrees()),
            Property::always("later leaders hold what is committed", |_: &Raft, state: &State| {
                state.is_complete()
            }),
            Property::sometimes("the last entry is committed", |model: &Raft, state: &State| {
                state.committed().any(|(_, log)| log.len() == model.entries)
            }),
            Property::sometimes("an entry of an earlier term is committed", |_: &Raft, state: &State| {
                state.committed().any(|(term, log)| log.iter().any(|entry| usize::from(entry.0) < term))
            }),
        ]
    }
}

/// The smallest of the states that differ in nothing but who is who.
fn representative(state: &State) -> State {
    const ORDERS: [[usize; MEMBERS]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    ORDERS.iter().map(|order| renamed(state, order)).min().unwrap()
}

/// The state with each member `m` called `order[m]`.
fn renamed(state: &State, order: &[usize; MEMBERS]) -> State {
    let called = |member: u8| small(order[usize::from(member)]);
    let log = |log: Log| log.map(|(term, by)| if term > 0 { (term, called(by)) } else { (0, 0) });
    let mut after = State { crashed: state.crashed, ..State::default() };
    for member in 0..MEMBERS {
        let it = state.members[member];
        after.members[order[member]] = Member { vote: it.vote.map(called), log: log(it.log), ..it };
        for term in 0..MAX_TERMS {
            let renamed = state.candidacies[term][member].map(|it| {
                let mut renamed = Candidacy { log: it.log.map(log), ..it };
                for (other, name) in order.iter().enumerate() {
                    renamed.votes[*name] = it.votes[other];
                    renamed.held[*name] = it.held[other];
                }
                renamed
            });
            after.candidacies[term][order[member]] = renamed;
        }
    }
    after
}

fn setting(terms: usize, entries: usize) -> Raft {
    Raft { terms, entries, crashes: true, broken: None }
}

/// With three members it takes four terms to come to figure 8, and no crash to see any of these.
fn forks_if(broken: Broken) {
    let (terms, entries) = if broken == Broken::CommitOlderTerm { (4, 1) } else { (3, 2) };
    let model = Raft { terms, entries, crashes: false, broken: Some(broken) };
    forks(&format!("Raft, {broken:?}"), model, representative);
}

#[test]
fn raft_never_forks() {
    if is_soak() {
        holds("Raft, 3 terms, 2 entries", setting(3, 2), representative);
    }
    holds("Raft, 2 terms, 3 entries", setting(2, 3), representative);
}

#[test]
fn raft_forks_if_entries_of_older_terms_are_counted() {
    forks_if(Broken::CommitOlderTerm);
}

#[test]
fn raft_forks_if_members_vote_twice_in_a_term() {
    forks_if(Broken::VoteTwice);
}

#[test]
fn raft_forks_if_candidates_may_lack_entries() {
    forks_if(Broken::OutdatedCandidate);
}

#[test]
fn raft_forks_if_entries_are_taken_without_the_one_before() {
    forks_if(Broken::AppendWithoutMatch);
}

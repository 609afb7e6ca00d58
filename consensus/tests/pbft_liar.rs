//! One of four members says anything that verifies: two blocks at a height, prepares and commits for every block it has
//! seen, view changes that leave out what they please, new views from any quorum of view changes. Messages arrive in any
//! order or never, the others crash. They never fork.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::pbft::{Stage, block, leader};
use common::{Choices, base};
use proptest::prelude::*;
use std::collections::BTreeMap;
use witan_consensus::engine::{Input, Setup};
use witan_consensus::pbft::{
    FinalCertificate, Finality, Kind, Message, NewView, PlantedFault, Point, PrePrepare, Prepare,
    PreparedCertificate, Timer, View, ViewChange, Vote,
};
use witan_types::{BlockId, Header, Height, QuorumSignatures, Signature, ValidatorIndex};

const LIAR: usize = 3;
const QUORUM: usize = 3;

type Signatures = BTreeMap<ValidatorIndex, Signature>;

/// What the liar has seen, and builds its lies from.
struct Liar {
    setup: Setup,
    headers: BTreeMap<BlockId, Header>,
    prepares: BTreeMap<(View, Point), Signatures>,
    commits: BTreeMap<(View, Point), Signatures>,
    view_changes: BTreeMap<View, BTreeMap<ValidatorIndex, ViewChange>>,
}

impl Liar {
    fn new(setup: &Setup) -> Liar {
        Liar {
            setup: setup.clone(),
            headers: BTreeMap::new(),
            prepares: BTreeMap::new(),
            commits: BTreeMap::new(),
            view_changes: BTreeMap::new(),
        }
    }

    fn sees(&mut self, from: usize, message: &Message) {
        let from = ValidatorIndex(u16::try_from(from).unwrap());
        let (votes, vote) = match message {
            Message::PrePrepare(proposal) => {
                self.headers.insert(proposal.block.id(), proposal.block.header.clone());
                (&mut self.prepares, &proposal.prepare)
            }
            Message::Prepare(prepare) => (&mut self.prepares, &prepare.vote),
            Message::Commit(vote) => (&mut self.commits, vote),
            Message::ViewChange(change) => {
                let of_view = self.view_changes.entry(change.view).or_default();
                of_view.insert(from, change.clone());
                return;
            }
            _ => return,
        };
        votes.entry((vote.view, vote.block)).or_default().insert(from, vote.signature);
    }

    fn vote(&self, kind: Kind, view: View, block: Point) -> Vote {
        Vote::sign(&self.setup.instance, &self.setup.key, kind, view, block)
    }

    fn any_header(&self, choices: &mut Choices) -> Option<&Header> {
        self.headers.values().nth(choices.place(self.headers.len().max(1)))
    }

    /// A quorum's signatures, with the liar's own, if the others gave theirs.
    fn quorum(&self, kind: Kind, view: View, block: Point, seen: &Signatures) -> Option<QuorumSignatures> {
        let own = (self.setup.me, self.vote(kind, view, block).signature);
        let signatures = QuorumSignatures::collect([own].into_iter().chain(seen.clone()));
        (signatures.signatures.len() >= QUORUM).then_some(signatures)
    }

    fn any_final(&self, choices: &mut Choices) -> FinalCertificate {
        let proven = self.commits.iter().filter_map(|((view, block), seen)| {
            let header = self.headers.get(&block.id)?.clone();
            let signatures = self.quorum(Kind::Commit, *view, *block, seen)?;
            Some(FinalCertificate { header, finality: Finality::Commits(*view, signatures) })
        });
        let of_base = FinalCertificate { header: base(), finality: Finality::Base };
        let mut known: Vec<FinalCertificate> = [of_base].into_iter().chain(proven).collect();
        let last = known.len().min(choices.place(known.len()) + 1) - 1;
        known.swap_remove(last)
    }

    /// Any of what was prepared, one block a height, or nothing at some.
    fn any_prepared(&self, below: View, above: Height, choices: &mut Choices) -> Vec<PreparedCertificate> {
        let mut by_height: BTreeMap<Height, PreparedCertificate> = BTreeMap::new();
        let (silence, last) = (2 + choices.below(4), choices.once_in(2));
        for ((view, block), seen) in &self.prepares {
            let header = self.headers.get(&block.id).filter(|_| *view < below && block.height > above);
            let signatures = self.quorum(Kind::Prepare, *view, *block, seen);
            if let (Some(header), Some(signatures)) = (header, signatures)
                && !choices.once_in(silence)
                && (last || !by_height.contains_key(&block.height))
            {
                let (view, header) = (*view, header.clone());
                by_height.insert(block.height, PreparedCertificate { view, header, signatures });
            }
        }
        by_height.into_values().collect()
    }

    fn view_change(&self, view: View, choices: &mut Choices) -> ViewChange {
        let decided = self.any_final(choices);
        let prepared = self.any_prepared(view, decided.header.height, choices);
        ViewChange::sign(&self.setup.instance, &self.setup.key, view, decided, prepared)
    }

    fn new_view(&self, view: View, choices: &mut Choices) -> Option<NewView> {
        let mut of_view = self.view_changes.get(&view).cloned().unwrap_or_default();
        of_view.insert(self.setup.me, self.view_change(view, choices));
        while of_view.len() > QUORUM {
            let out = ValidatorIndex(u16::try_from(choices.place(LIAR)).unwrap());
            of_view.remove(&out);
        }
        NewView::sign(&self.setup.instance, &self.setup.key, view, &of_view)
    }

    fn proposal(&self, view: View, choices: &mut Choices) -> Option<PrePrepare> {
        let of_base = base();
        let parent = if choices.once_in(3) { &of_base } else { self.any_header(choices)? };
        let lie = block(&self.setup, LIAR, parent, parent.time_ms + 1 + choices.below(2));
        Some(PrePrepare::sign(&self.setup.instance, &self.setup.key, view, lie))
    }

    fn lie(&self, view: View, choices: &mut Choices) -> Option<Message> {
        let next = view + choices.below(2);
        Some(match choices.below(6) {
            0 => Message::ViewChange(self.view_change(view.max(1) + choices.below(2), choices)),
            1 => Message::NewView(self.new_view(next.max(1), choices)?),
            2 | 3 => Message::PrePrepare(self.proposal(view, choices)?),
            other => {
                let header = self.any_header(choices)?;
                let block = Point { height: header.height, id: header.id() };
                if other == 4 {
                    let vote = self.vote(Kind::Prepare, view, block);
                    Message::Prepare(Prepare { vote, leader: None })
                } else {
                    Message::Commit(self.vote(Kind::Commit, view, block))
                }
            }
        })
    }
}

/// What came of a run.
#[derive(Default)]
struct Ending {
    forked: bool,
    blocks: usize,
    views: View,
    /// Lies that verified, by kind: proposals, prepares, commits, view changes, new views.
    lies: [usize; 5],
}

impl Ending {
    fn count(&mut self, lie: &Message) {
        let kind = match lie {
            Message::PrePrepare(_) => 0,
            Message::Prepare(_) => 1,
            Message::Commit(_) => 2,
            Message::ViewChange(_) => 3,
            _ => 4,
        };
        self.lies[kind] += 1;
    }
}

/// A run of `events` things in an order drawn from `seed`.
fn run(seed: u64, fault: Option<PlantedFault>, events: usize) -> Ending {
    let mut choices = Choices(seed);
    let (mut stage, mut ending) = (Stage::of_four_with(fault), Ending::default());
    let mut liar = Liar::new(stage.setup(LIAR));
    // Some runs are orderly, some are not: how often a view is given up, a member crashes, the liar speaks and keeps quiet.
    let (patience, health) = (10 + choices.below(90), 20 + choices.below(400));
    let (honesty, candour, loss) = (1 + choices.below(8), 1 + choices.below(4), 5 + choices.below(40));
    for _ in 0..events {
        let place = choices.place(LIAR);
        if choices.once_in(honesty) {
            let lie = liar.lie(stage.view(place), &mut choices);
            if let Some(verified) = lie.and_then(|lie| stage.verify(LIAR, place, lie).ok()) {
                ending.count(verified.message());
                liar.sees(LIAR, verified.message());
                stage.give(place, Input::Message(verified));
            }
        }
        if choices.once_in(patience) {
            stage.change_view(place);
        } else if choices.once_in(health) {
            stage.restart(place);
        } else if choices.once_in(40) {
            stage.say_again(place);
            stage.give(place, Input::Timeout(Timer::Fetch));
        } else if !stage.pool.is_empty() {
            let at = choices.place(stage.pool.len());
            let letter = stage.pool.remove(at);
            liar.sees(letter.from, &letter.message);
            if !choices.once_in(loss) && (letter.from != LIAR || choices.once_in(candour)) {
                stage.say(letter.from, letter.to, letter.message);
            }
        }
    }
    ending.forked = stage.has_forked();
    ending.blocks = (0..LIAR).map(|place| stage.decided(place).len()).max().unwrap();
    ending.views = (0..LIAR).map(|place| stage.view(place)).max().unwrap();
    ending
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_liar_forks_nobody(seed: u64) {
        prop_assert!(!run(seed, None, 1_000).forked);
    }
}

#[test]
fn the_runs_are_worth_running() {
    let endings: Vec<Ending> = (0..40).map(|seed| run(seed, None, 1_000)).collect();
    let blocks: usize = endings.iter().map(|ending| ending.blocks).sum();
    let views: View = endings.iter().map(|ending| ending.views).sum();
    let lies = (0..5).map(|kind| endings.iter().map(|ending| ending.lies[kind]).sum::<usize>());
    let lies: Vec<usize> = lies.collect();
    assert!(blocks > 80, "only {blocks} blocks were decided in 40 runs");
    assert!(views > 80, "only {views} views were given up in 40 runs");
    assert!(lies.iter().all(|count| *count > 40), "lies of each kind are told: {lies:?}");
    assert_eq!(leader(0, base().height + 1), LIAR, "the liar leads at first");
}

#[test]
fn random_runs_find_the_faults_that_need_little_luck() {
    let found = |fault, events| (0..1_500).any(|seed| run(seed, Some(fault), events).forked);
    for fault in [PlantedFault::CommitOutOfOrder, PlantedFault::PrepareTwice, PlantedFault::ViewChangeForgets]
    {
        assert!(found(fault, 1_000), "{fault:?} is found");
    }
    assert!(found(PlantedFault::StartForgotten, 2_000), "a crash of several in a new view is found");
}

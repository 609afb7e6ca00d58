//! One of four members says anything that verifies: it votes for every block it has seen, gives rounds up with any
//! certificate, proposes two blocks at once. Messages arrive in any order or never, the others crash. They never fork.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::hotstuff::{Stage, block};
use common::{Choices, base};
use proptest::prelude::*;
use std::collections::BTreeMap;
use witan_consensus::engine::{Input, Setup};
use witan_consensus::hotstuff::{
    Kind, Message, PlantedFault, Proposal, QuorumCertificate, Round, Timeout, TimeoutCertificate, Timer,
    Vote, home_of,
};
use witan_types::{BlockId, Header, ValidatorIndex};

const LIAR: usize = 3;

/// What the liar has seen, and builds its lies from.
struct Liar {
    setup: Setup,
    headers: BTreeMap<BlockId, Header>,
    certificates: Vec<QuorumCertificate>,
    timeout_certificates: Vec<TimeoutCertificate>,
}

impl Liar {
    fn new(setup: &Setup) -> Liar {
        let id = base().id();
        Liar {
            setup: setup.clone(),
            headers: BTreeMap::from([(id, base())]),
            certificates: vec![QuorumCertificate::of_base(id)],
            timeout_certificates: Vec::new(),
        }
    }

    fn sees(&mut self, message: &Message) {
        let (qc, tc) = match message {
            Message::Proposal(proposal) => {
                self.headers.insert(proposal.block.id(), proposal.block.header.clone());
                (&proposal.justify, &proposal.tc)
            }
            Message::Timeout(timeout) => (&timeout.high_qc, &timeout.tc),
            Message::Certificates(certificates) => (&certificates.high_qc, &certificates.tc),
            _ => return,
        };
        if !self.certificates.contains(qc) {
            self.certificates.push(qc.clone());
        }
        if let Some(tc) = tc.as_ref().filter(|tc| !self.timeout_certificates.contains(tc)) {
            self.timeout_certificates.push(tc.clone());
        }
    }

    fn vote(&self, kind: Kind, choices: &mut Choices) -> Vote {
        let (id, header) = self.headers.iter().nth(choices.place(self.headers.len())).unwrap();
        Vote::sign(&self.setup.instance, &self.setup.key, kind, header.tag, *id)
    }

    /// A certificate, and what else it takes to be in `round` with it, if that was seen.
    fn grounds(
        &self,
        round: Round,
        choices: &mut Choices,
    ) -> (QuorumCertificate, Option<TimeoutCertificate>) {
        let qc = self.certificates[choices.place(self.certificates.len())].clone();
        let opens = |tc: &&TimeoutCertificate| tc.round + 1 == round && qc.round + 1 != round;
        let tc = self.timeout_certificates.iter().find(opens).cloned();
        (qc, tc)
    }

    fn lie(&self, round: Round, choices: &mut Choices) -> Option<Message> {
        let Setup { instance, key, .. } = &self.setup;
        let (qc, tc) = self.grounds(round, choices);
        Some(match choices.below(4) {
            0 => Message::Vote(self.vote(Kind::Vote, choices)),
            1 => Message::OrderVote(self.vote(Kind::OrderVote, choices)),
            2 => Message::Timeout(Timeout::sign(instance, key, round, qc, tc)),
            _ => {
                let parent = self.headers.get(&qc.block)?;
                let mut lie = block(&self.setup, round, parent, parent.time_ms + 1 + choices.below(3));
                std::sync::Arc::make_mut(&mut lie).header.proposer = ValidatorIndex(3);
                Message::Proposal(Proposal::sign(instance, key, lie, qc, tc))
            }
        })
    }
}

/// A run of `events` things in an order drawn from `seed`; whether it ends in a fork, and in how many blocks.
fn run(seed: u64, fault: Option<PlantedFault>, events: usize) -> (bool, usize) {
    let mut choices = Choices(seed);
    let mut stage = Stage::of_four_with(fault);
    let mut liar = Liar::new(stage.setup(LIAR));
    // Some runs are orderly, some are not: how often a round is given up, a member crashes, the liar speaks.
    let (patience, health, honesty) = (4 + choices.below(60), 20 + choices.below(400), 1 + choices.below(8));
    for _ in 0..events {
        let place = choices.place(LIAR);
        if choices.once_in(honesty) {
            let round = stage.round(place);
            let lie = if home_of(round, 4).at() == LIAR || choices.once_in(2) {
                liar.lie(round, &mut choices)
            } else {
                Some(Message::OrderVote(liar.vote(Kind::OrderVote, &mut choices)))
            };
            if let Some(verified) = lie.and_then(|lie| stage.verify(LIAR, place, lie).ok()) {
                stage.give(place, Input::Message(verified));
            }
        }
        if choices.once_in(patience) {
            stage.give_up(place);
        } else if choices.once_in(health) {
            stage.restart(place);
        } else if choices.once_in(40) {
            stage.resend(place);
            stage.give(place, Input::Timeout(Timer::Fetch));
        } else if !stage.pool.is_empty() {
            let at = choices.place(stage.pool.len());
            let letter = stage.pool.remove(at);
            liar.sees(&letter.message);
            if !choices.once_in(10) && letter.from != LIAR {
                stage.say(letter.from, letter.to, letter.message);
            }
        }
    }
    let blocks = (0..LIAR).map(|place| stage.decided(place).len()).max().unwrap();
    (stage.has_forked(), blocks)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_liar_forks_nobody(seed: u64) {
        let (forked, _) = run(seed, None, 600);
        prop_assert!(!forked);
    }
}

#[test]
fn the_runs_are_worth_running() {
    let blocks: usize = (0..20).map(|seed| run(seed, None, 600).1).sum();
    assert!(blocks > 20, "only {blocks} blocks were decided in 20 runs");
}

#[test]
fn random_runs_find_the_faults_that_need_little_luck() {
    for fault in [PlantedFault::OrderVoteAfterTimeout, PlantedFault::CommitAcrossGap] {
        assert!((0..1500).any(|seed| run(seed, Some(fault), 600).0), "{fault:?} is found");
    }
}

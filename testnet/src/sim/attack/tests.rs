//! Each attack does what its name says.

use super::*;
use crate::sim::engines::speech;
use crate::sim::scenario::{Attacks, GROUP, Scenario};
use std::collections::BTreeSet;
use witan_consensus::engine::Engine as _;
use witan_consensus::hotstuff::{HotStuff, Kind, Message as Spoken, Vote};
use witan_replica::Message;
use witan_types::{BlockId, EngineKind, Epoch, Hash, Wire};

fn instance(scenario: &Scenario) -> Instance {
    Instance { chain: scenario.genesis().chain(), group: GROUP, epoch: Epoch(1) }
}

fn says(attack: Attack, to: usize, bytes: &[u8]) -> Vec<Said> {
    let scenario = Scenario::of(1, 4);
    let key = scenario.validator_key(2);
    let mut attackers = Attackers::new(vec![(2, attack, key)], 1, 5);
    let letter = Letter { to, how: How::OneWay, bytes: bytes.into() };
    let mut random = Random::of(3);
    let speech = speech(EngineKind::HotStuff);
    let mut means = Means { random: &mut random, speech, instance: &instance(&scenario) };
    attackers.say(2, letter, &mut means)
}

fn vote() -> (Vec<u8>, Scenario) {
    let scenario = Scenario::of(1, 4);
    let block = BlockId(Hash([1; 32]));
    let vote = Vote::sign(&instance(&scenario), &scenario.validator_key(2), Kind::Vote, 3, block);
    (Message::Engine(Spoken::Vote(vote).encode()).encode(), scenario)
}

#[test]
fn the_mute_say_nothing_and_the_slow_say_it_later() {
    let (bytes, _) = vote();
    assert!(says(Attack::Mute, 0, &bytes).is_empty());
    let late = says(Attack::Delay, 0, &bytes);
    assert!(late.iter().all(|said| said.bytes[..] == bytes[..]) && late.len() == 1);
}

#[test]
fn an_equivocator_signs_two_votes_that_both_verify() {
    let (bytes, scenario) = vote();
    let heard: BTreeSet<Vec<u8>> =
        (0..2).flat_map(|to| says(Attack::Equivocate, to, &bytes)).map(|said| said.bytes.to_vec()).collect();
    assert_eq!(heard.len(), 2, "one vote for some, another for others");
    let committee = scenario.genesis().committee(GROUP).unwrap().under(scenario.scheme);
    for bytes in heard {
        let Ok(Message::Engine(bytes)) = Message::decode(&bytes) else { panic!("an engine's message") };
        let message = Spoken::decode(&bytes).unwrap();
        let (instance, from) = (instance(&scenario), ValidatorIndex(2));
        assert!(HotStuff::verify(&instance, &committee, from, message).is_ok());
    }
}

#[test]
fn twins_are_heard_by_one_audience_each_and_never_by_each_other() {
    let twins = Twins::new(5, [1].into_iter(), 5);
    assert_eq!((twins.second(1), twins.home(5), twins.home(2)), (Some(5), 1, 2));
    for now in [0, 2_000_000, 9_000_000] {
        assert_eq!(twins.hearer(now, 1, 5, How::OneWay), None);
        for node in [0, 2, 3] {
            let heard = [1, 5].map(|twin| twins.hearer(now, twin, node, How::OneWay).is_some());
            assert!(heard[0] != heard[1], "node {node} hears one of the two");
            let hearer = twins.hearer(now, node, 1, How::OneWay).unwrap();
            assert_eq!(hearer == 5, heard[1], "and talks to that one");
        }
    }
}

#[test]
fn ten_seeds_in_a_row_have_every_attack_and_never_more_attackers_than_the_group_withstands() {
    for (nodes, most) in [(4, 1), (7, 2)] {
        let attackers = |seed| Scenario::of(seed, nodes).under(Attacks::Drawn).attackers();
        assert!((1..=40).all(|seed| attackers(seed).len() == most));
        let played: BTreeSet<Attack> = (11..=20).flat_map(|seed| attackers(seed).into_values()).collect();
        assert_eq!(played, BTreeSet::from(Attack::ALL));
    }
    assert!(Scenario::of(1, 7).attackers().is_empty());
}

#[test]
fn attacks_are_named_as_they_are_read() {
    for attack in Attack::ALL {
        assert_eq!(attack.to_string().parse(), Ok(attack));
    }
    assert!("nonsense".parse::<Attack>().unwrap_err().contains("equivocate"));
}

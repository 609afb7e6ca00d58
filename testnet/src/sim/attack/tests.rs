//! Twins and attackers are drawn as the rules say.

use super::*;
use crate::sim::scenario::Attacks;
use crate::sim::world::How;
use std::collections::BTreeSet;

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
fn eleven_seeds_in_a_row_have_every_attack_and_never_more_attackers_than_the_group_withstands() {
    for (nodes, most) in [(4, 1), (7, 2)] {
        let attackers = |seed| Scenario::of(seed, nodes).under(Attacks::Drawn).attackers();
        assert!((1..=40).all(|seed| attackers(seed).len() == most));
        let played: BTreeSet<Attack> = (11..=21).flat_map(|seed| attackers(seed).into_values()).collect();
        assert_eq!(played, BTreeSet::from(Attack::ALL));
    }
    assert!(Scenario::of(1, 7).attackers().is_empty());
}

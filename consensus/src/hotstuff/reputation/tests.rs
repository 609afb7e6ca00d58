//! The rule against what it promises, for any committee and any chain.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use witan_types::{FaultModel, SecretKey};

fn committee(size: usize) -> Committee {
    let key = |place: usize| SecretKey::from_seed([u8::try_from(place).unwrap(); 32]).public();
    Committee::new((0..size).map(key).collect(), FaultModel::Byzantine)
}

/// A committee, and a chain's proposers, newest first.
fn chain() -> impl Strategy<Value = (usize, Vec<ValidatorIndex>)> {
    (1_usize..11).prop_flat_map(|size| {
        let proposer = (0..u16::try_from(size).unwrap()).prop_map(ValidatorIndex);
        (Just(size), proptest::collection::vec(proposer, 0..3 * size))
    })
}

/// A chain of which some members made nothing, as long as is looked at.
fn chain_without(committee: &Committee, absent: &[u16]) -> Vec<ValidatorIndex> {
    let able: Vec<ValidatorIndex> =
        committee.validators().filter(|member| !absent.contains(&member.0)).collect();
    able.iter().copied().cycle().take(span_of(committee)).collect()
}

fn leader(round: Round, committee: &Committee, chain: &[ValidatorIndex]) -> ValidatorIndex {
    leader_of(round, committee, chain.iter().copied())
}

proptest! {
    #[test]
    fn at_most_so_many_are_skipped_as_may_be_faulty((size, chain) in chain()) {
        let committee = committee(size);
        let skipped = skipped(&committee, chain.iter().copied());
        prop_assert!(skipped.count() <= committee.max_faulty());
        let looked_at = chain.iter().take(2 * size);
        prop_assert!(looked_at.into_iter().all(|proposer| !skipped.contains(*proposer)), "nobody who made a block");
    }

    #[test]
    fn a_leader_is_a_candidate_and_not_skipped((size, chain) in chain(), round: u64) {
        let committee = committee(size);
        let candidates: Vec<ValidatorIndex> = candidates(round, &committee).collect();
        let distinct: BTreeSet<ValidatorIndex> = candidates.iter().copied().collect();
        prop_assert_eq!(candidates[0], home_of(round, size));
        prop_assert_eq!(distinct.len(), candidates.len());
        prop_assert!(candidates.len() <= 1 + committee.max_faulty());
        prop_assert!(candidates.iter().all(|candidate| candidate.at() < size));
        let leader = leader(round, &committee, &chain);
        prop_assert!(candidates.contains(&leader));
        let skipped = skipped(&committee, chain.into_iter());
        prop_assert!(candidates.len() == 1 || !skipped.contains(leader), "outside a trial");
    }

    /// Whatever a chain shows: whoever is not skipped leads all its turns, so f + 1 honest members lead in any n rounds.
    #[test]
    fn nobody_else_leads_in_the_turn_of_a_member_that_is_not_skipped((size, chain) in chain(), round in 0..u64::MAX / 2) {
        let committee = committee(size);
        let skipped = skipped(&committee, chain.iter().copied());
        let led = (round..round + size as u64).filter(|round| leader(*round, &committee, &chain) == home_of(*round, size));
        prop_assert!(led.count() >= size - skipped.count());
    }

    /// Whatever a chain shows: all who know no more than the round agree on these leaders.
    #[test]
    fn every_member_has_rounds_that_no_chain_takes_away(size in 1_usize..11, from in 0..u64::MAX / 2) {
        let committee = committee(size);
        let rounds = from..from + TRIAL_TURNS * size as u64;
        let trials: Vec<ValidatorIndex> =
            rounds.filter(|round| committee.max_faulty() == 0 || candidates(*round, &committee).count() == 1)
                .map(|round| home_of(round, size)).collect();
        let members: BTreeSet<ValidatorIndex> = trials.iter().copied().collect();
        prop_assert_eq!(members.len(), size);
        prop_assert!(committee.max_faulty() == 0 || trials.len() == size, "one each");
    }

    #[test]
    fn a_young_epoch_and_one_without_room_for_faults_go_in_turn(size in 1_usize..11, chain in chain(), round: u64) {
        let committee = committee(size);
        let young: Vec<ValidatorIndex> = vec![ValidatorIndex(0); 2 * size - 1];
        prop_assert_eq!(leader(round, &committee, &young), home_of(round, size));
        if committee.max_faulty() == 0 {
            prop_assert_eq!(leader(round, &committee, &chain.1), home_of(round, size));
        }
    }

    /// What became stable and what did not yet are one chain.
    #[test]
    fn the_past_keeps_what_is_looked_at((size, chain) in chain(), known in 0_usize..30) {
        let committee = committee(size);
        let known = known.min(chain.len());
        let mut past = Past::new(&committee, &chain[chain.len() - known..]);
        let mut last = witan_types::BlockId::default();
        for proposer in chain[..chain.len() - known].iter().rev() {
            let header = Header { proposer: *proposer, parent: last, ..header() };
            past.push(&header, last);
            last = header.id();
        }
        let expected: Vec<ValidatorIndex> = chain.into_iter().take(2 * size).collect();
        prop_assert_eq!(Vec::from(past.proposers), expected);
    }
}

fn header() -> Header {
    Header {
        chain: witan_types::ChainId::default(),
        group: witan_types::GroupId(1),
        epoch: witan_types::Epoch(1),
        height: 1,
        tag: 1,
        parent: BlockId::default(),
        proposer: ValidatorIndex(0),
        time_ms: 1,
        payload_root: witan_types::Hash::ZERO,
    }
}

#[test]
fn after_blocks_that_were_never_seen_a_member_starts_afresh() {
    let committee = committee(4);
    let mut past = Past::new(&committee, &chain_without(&committee, &[3]));
    past.push(&header(), header().id());
    assert_eq!(Vec::from(past.proposers), [ValidatorIndex(0)]);
}

#[test]
fn of_four_one_is_skipped_and_of_two_that_fail_nobody() {
    let committee = committee(4);
    let of = |absent: &[u16]| {
        let skipped = skipped(&committee, chain_without(&committee, absent).into_iter());
        committee.validators().filter(|member| skipped.contains(*member)).map(|member| member.0).collect()
    };
    let nobody: [Vec<u16>; 3] = [of(&[]), of(&[1, 2]), of(&[0, 1, 2])];
    assert!(nobody.iter().all(Vec::is_empty), "{nobody:?}");
    assert_eq!(of(&[2]), [2]);
}

#[test]
fn the_turns_of_the_skipped_are_spread_over_all_others() {
    for (size, absent) in [(4, vec![2]), (7, vec![2, 3]), (10, vec![0, 4, 9])] {
        let committee = committee(size);
        let chain = chain_without(&committee, &absent);
        let rounds = TRIAL_TURNS * (size * (size - 1)) as u64;
        let mut led: BTreeMap<ValidatorIndex, u64> = BTreeMap::new();
        (0..rounds).for_each(|round| *led.entry(leader(round, &committee, &chain)).or_default() += 1);
        let (of_absent, of_others): (Vec<_>, Vec<_>) =
            led.into_iter().partition(|(member, _)| absent.contains(&member.0));
        assert!(of_absent.iter().all(|(_, led)| led * TRIAL_TURNS * size as u64 == rounds), "{of_absent:?}");
        let (most, least) = (
            of_others.iter().map(|(_, led)| *led).max().unwrap(),
            of_others.iter().map(|(_, led)| *led).min().unwrap(),
        );
        assert!(most * 3 <= least * 4, "{size}: {of_others:?}");
    }
}

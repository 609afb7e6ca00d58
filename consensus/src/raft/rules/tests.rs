use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn end(term: Term, height: Height) -> End {
    End { term, height }
}

#[test]
fn of_two_logs_the_one_of_the_later_term_is_ahead_and_else_the_longer() {
    assert!(is_up_to_date(end(3, 1), end(2, 9)));
    assert!(is_up_to_date(end(2, 9), end(2, 9)));
    assert!(!is_up_to_date(end(2, 8), end(2, 9)));
    assert!(!is_up_to_date(end(1, 20), end(2, 9)));
}

#[test]
fn a_member_votes_once_a_term_and_repeats_itself_if_asked() {
    let (me, other) = (ValidatorIndex(1), ValidatorIndex(2));
    let ballot = Ballot { term: 4, vote: Some(me) };
    assert!(may_vote(ballot, end(1, 1), 4, me, end(1, 1)));
    assert!(!may_vote(ballot, end(1, 1), 4, other, end(1, 1)));
    assert!(may_vote(ballot, end(1, 1), 5, other, end(1, 1)));
    assert!(!may_vote(ballot, end(1, 1), 3, me, end(1, 1)), "an old term is over");
    assert!(!may_vote(ballot, end(2, 1), 5, other, end(1, 1)), "an outdated log gets no vote");
}

#[test]
fn nobody_is_encouraged_while_a_leader_is_heard() {
    let ballot = Ballot { term: 4, vote: None };
    assert!(would_vote(ballot, end(1, 1), false, 5, end(1, 1)));
    assert!(!would_vote(ballot, end(1, 1), true, 5, end(1, 1)));
    assert!(!would_vote(ballot, end(1, 1), false, 4, end(1, 1)));
    assert!(!would_vote(ballot, end(1, 2), false, 5, end(1, 1)));
}

#[test]
fn a_quorum_holds_what_as_many_members_match() {
    assert_eq!(held_by_quorum(&[5, 3, 9], 2), Some(5));
    assert_eq!(held_by_quorum(&[5, 3, 9, 1], 3), Some(3));
    assert_eq!(held_by_quorum(&[7], 1), Some(7));
    assert_eq!(held_by_quorum(&[7], 2), None);
    assert_eq!(held_by_quorum(&[], 0), None);
}

proptest! {
    #[test]
    fn what_a_quorum_holds_is_the_highest_that_as_many_hold(
        matched in proptest::collection::vec(0_u64..12, 0..9),
        quorum in 1_usize..9,
    ) {
        let hold = |height: Height| matched.iter().filter(|held| **held >= height).count();
        let naive = (0..12).rev().find(|height| hold(*height) >= quorum);
        prop_assert_eq!(held_by_quorum(&matched, quorum), naive);
    }

    #[test]
    fn a_member_that_acks_more_takes_nothing_back(
        mut matched in proptest::collection::vec(0_u64..12, 1..9),
        quorum in 1_usize..9,
        who: prop::sample::Index,
        more in 0_u64..12,
    ) {
        let before = held_by_quorum(&matched, quorum);
        let place = who.index(matched.len());
        matched[place] += more;
        prop_assert!(held_by_quorum(&matched, quorum) >= before);
    }

    #[test]
    fn no_sequence_of_requests_wins_two_votes_in_a_term(
        requests in proptest::collection::vec((0_u64..6, 0_u16..4, 0_u64..3, 0_u64..3), 0..60),
        own in (0_u64..3, 0_u64..3),
    ) {
        let own = end(own.0, own.1);
        let (mut ballot, mut given) = (Ballot::default(), BTreeMap::new());
        for (term, candidate, its_term, its_height) in requests {
            let candidate = ValidatorIndex(candidate);
            // As the engine does: a later term is entered first, without a vote.
            if term > ballot.term {
                ballot = Ballot { term, vote: None };
            }
            if may_vote(ballot, own, term, candidate, end(its_term, its_height)) {
                prop_assert!(end(its_term, its_height) >= own);
                prop_assert_eq!(term, ballot.term);
                ballot.vote = Some(candidate);
                prop_assert_eq!(*given.entry(term).or_insert(candidate), candidate);
            }
        }
    }

    #[test]
    fn two_logs_are_always_comparable_and_a_longer_history_is_never_behind(
        one in (0_u64..4, 0_u64..4),
        other in (0_u64..4, 0_u64..4),
    ) {
        let (one, other) = (end(one.0, one.1), end(other.0, other.1));
        prop_assert!(is_up_to_date(one, other) || is_up_to_date(other, one));
        prop_assert_eq!(is_up_to_date(one, other) && is_up_to_date(other, one), one == other);
        prop_assert!(is_up_to_date(end(one.term, one.height + 1), one));
        prop_assert!(is_up_to_date(end(one.term + 1, 0), one));
    }
}

#[test]
fn only_an_entry_of_the_leaders_own_term_is_committed_by_counting() {
    assert!(may_commit(4, 4));
    assert!(!may_commit(3, 4), "figure 8");
    assert!(!may_commit(0, 4), "the base needs no leader");
}

#[test]
fn what_is_committed_is_never_replaced() {
    assert!(may_replace(8, 7));
    assert!(!may_replace(7, 7));
    assert!(!may_replace(1, 7));
}

//! The predicates against what they promise, for any numbers.

use super::*;
use proptest::prelude::*;
use witan_types::Hash;

fn promises() -> impl Strategy<Value = Promises> {
    (0_u64..20, 0_u64..20, 0_u64..20).prop_map(
        |(last_voted_round, one_chain_round, highest_timeout_round)| Promises {
            last_voted_round,
            one_chain_round,
            highest_timeout_round,
        },
    )
}

fn lapse() -> impl Strategy<Value = Option<Lapse>> {
    proptest::option::of(
        (0_u64..20, 0_u64..20).prop_map(|(round, high_qc_round)| Lapse { round, high_qc_round }),
    )
}

proptest! {
    #[test]
    fn nobody_votes_twice_in_a_round(before in promises(), round in 0_u64..20, justify in 0_u64..20, lapse in lapse()) {
        let after = after_vote(before, round, justify);
        prop_assert!(!may_vote(&after, round, justify, lapse));
    }

    #[test]
    fn a_vote_extends_the_last_round_or_all_that_a_quorum_reported(
        before in promises(), round in 0_u64..20, justify in 0_u64..20, lapse in lapse(),
    ) {
        if may_vote(&before, round, justify, lapse) && round != justify + 1 {
            let lapse = lapse.expect("only a time-out certificate allows a gap");
            prop_assert!(lapse.round + 1 == round && lapse.high_qc_round <= justify);
        }
    }

    #[test]
    fn no_order_vote_follows_a_timeout_and_no_timeout_reports_less_than_an_order_vote(
        before in promises(), round in 1_u64..20, later in 1_u64..20, reported in 0_u64..20,
    ) {
        prop_assert!(!may_order_vote(&after_timeout(before, later.max(round)), round));
        let after = after_order_vote(before, round);
        let may = may_time_out(&after, later, reported, later.checked_sub(1));
        prop_assert!(!may || reported >= round, "the lock is kept");
    }

    #[test]
    fn giving_a_round_up_ends_voting_in_it(before in promises(), round in 0_u64..20, justify in 0_u64..20) {
        prop_assert!(!may_vote(&after_timeout(before, round), round, justify, None));
    }

    #[test]
    fn promises_only_grow(before in promises(), round in 0_u64..20, justify in 0_u64..20) {
        let later = [after_vote(before, round, justify), after_order_vote(before, round), after_timeout(before, round)];
        for after in later {
            prop_assert!(after.last_voted_round >= before.last_voted_round.max(round));
            prop_assert!(after.one_chain_round >= before.one_chain_round);
            prop_assert!(after.highest_timeout_round >= before.highest_timeout_round);
        }
    }

    #[test]
    fn a_round_is_given_up_only_by_who_is_in_it(
        before in promises(), round in 0_u64..20, high_qc in 0_u64..20, tc in proptest::option::of(0_u64..20),
    ) {
        if may_time_out(&before, round, high_qc, tc) {
            prop_assert!(high_qc + 1 == round || tc.is_some_and(|tc| tc + 1 == round));
            prop_assert!(high_qc < round && before.one_chain_round <= high_qc && before.last_voted_round <= round);
        }
    }
}

#[test]
fn a_parent_is_final_only_under_its_child_of_the_next_round() {
    let id = |byte| BlockId(Hash([byte; 32]));
    let parent = Link { id: id(1), parent: id(0), round: 7 };
    let child = |parent, round| Link { id: id(2), parent, round };
    assert!(is_final(&parent, &child(id(1), 8)));
    assert!(!is_final(&parent, &child(id(1), 9)), "a gap");
    assert!(!is_final(&parent, &child(id(1), 7)));
    assert!(!is_final(&parent, &child(id(3), 8)), "another's child");
    let last = Link { round: u64::MAX, ..parent };
    assert!(!is_final(&last, &child(id(1), 0)), "rounds do not wrap");
}

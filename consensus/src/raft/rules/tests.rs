use super::*;

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

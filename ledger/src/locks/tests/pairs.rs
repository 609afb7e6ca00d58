//! Which locks exclude each other, and that taking and giving back is whole.

use super::*;

const MODES: [Mode; 4] =
    [Mode::Read, Mode::Write, Mode::Add(Delta::Up(1)), Mode::Add(Delta::Down(NonZeroU128::MIN))];

#[test]
fn reads_share_adds_share_and_nothing_else_does() {
    for (one, first) in (0..).zip(MODES) {
        for (two, second) in (0..).zip(MODES) {
            let mut table = table();
            assert_eq!(take(&mut table, &request(1, &[("k", first)])), Outcome::Granted);
            let is_shared = (one == 0 && two == 0) || (one >= 2 && two >= 2);
            let expected = if is_shared { Outcome::Granted } else { met("k", 1) };
            assert_eq!(take(&mut table, &request(2, &[("k", second)])), expected, "{first:?} {second:?}");
        }
    }
}

#[test]
fn one_key_in_the_way_leaves_no_key_locked() {
    let mut table = table();
    take(&mut table, &request(1, &[("b", Mode::Write)]));
    let refused = take(&mut table, &request(2, &[("a", Mode::Write), ("b", Mode::Read), ("c", add(1))]));
    assert_eq!(refused, met("b", 1));
    assert!(table.locks().all(|held| held.holder == holder(1)));
}

#[test]
fn an_add_that_fails_is_said_even_if_another_key_is_locked() {
    let mut table = table();
    let purse = purse();
    take(&mut table, &request(1, &[("0", Mode::Write), ("a", Mode::Write)]));
    let key = Key::from(&*purse);
    // One locked key stands behind the balance in order, the other before it.
    for locked in ["a", "0"] {
        let asked = request(2, &[(locked, Mode::Write), (&purse, add(-1))]);
        let reason = FailureReason::InsufficientBalance;
        assert_eq!(take(&mut table, &asked), Outcome::Impossible { key: key.clone(), reason });
    }
}

#[test]
fn taking_again_is_a_mistake_that_changes_nothing() {
    let mut table = table();
    take(&mut table, &request(1, &[("k", add(1))]));
    let before = table.clone();
    for again in ["k", "other"] {
        let result = table.take(&request(1, &[(again, add(1))]), &nothing, GENESIS_MS);
        assert_eq!(result, Err(LockError::AlreadyHeld(holder(1))));
        assert_eq!(table, before);
    }
}

#[test]
fn another_attempt_is_another_holder() {
    let mut table = table();
    take(&mut table, &request(1, &[("k", Mode::Write)]));
    let mut second = request(1, &[("k", Mode::Write)]);
    second.holder.attempt = 2;
    assert_eq!(take(&mut table, &second), met("k", 1));
    assert_eq!(table.release(&second.holder), 0);
    assert_eq!(table.release(&holder(1)), 1);
    assert_eq!(take(&mut table, &second), Outcome::Granted);
    assert_eq!(table.release(&holder(1)), 0);
    assert_eq!(table.locks().count(), 1);
}

#[test]
fn what_is_released_leaves_nothing_behind() {
    let mut table = table();
    let all = [("a", Mode::Read), ("b", Mode::Write), ("c", add(7)), ("d", add(-7))];
    take(&mut table, &request(1, &all));
    assert_eq!(table.locks().count(), 4);
    assert_eq!(table.release(&holder(1)), 4);
    assert!(table.is_empty());
    assert_eq!(told(table), self::table());
}

#[test]
fn asking_for_nothing_is_granted_and_holds_nothing() {
    let mut table = table();
    assert_eq!(take(&mut table, &request(1, &[])), Outcome::Granted);
    assert!(table.is_empty());
}

#[test]
fn locks_are_listed_by_key_and_holder_with_the_block_time_they_were_taken_at() {
    let mut table = table();
    for (number, now_ms) in [(3, 30), (1, 10), (2, 20)] {
        let asked = request(number, &[("b", Mode::Read), ("a", add(1))]);
        assert_eq!(table.take(&asked, &nothing, now_ms), Ok(Outcome::Granted));
    }
    let listed: Vec<_> = table.locks().map(|held| (held.key.clone(), held.holder)).collect();
    assert!(listed.is_sorted());
    assert_eq!(listed.len(), 6);
    let of_two: Vec<_> = table.locks().filter(|held| held.holder == holder(2)).collect();
    assert_eq!(of_two.iter().map(|held| held.mode).collect::<Vec<_>>(), [add(1), Mode::Read]);
    assert!(of_two.iter().all(|held| held.taken_at_ms == 20));
}

#[test]
fn a_request_larger_than_a_transaction_is_a_mistake() {
    let keys = |count: usize| (0..count).map(|number| (Key::from(&*format!("{number}")), Mode::Read));
    let asked = |modes| Request { modes, ..request(1, &[]) };
    let mut table = table();
    let result = table.take(&asked(keys(MAX_KEYS + 1).collect()), &nothing, GENESIS_MS);
    assert_eq!(result, Err(LockError::TooManyKeys(MAX_KEYS + 1)));
    let long = BTreeMap::from([(Key(vec![b'k'; MAX_KEY_BYTES + 1]), Mode::Read)]);
    assert_eq!(table.take(&asked(long), &nothing, GENESIS_MS), Err(LockError::KeyLength(MAX_KEY_BYTES + 1)));
    assert!(table.is_empty());
    assert_eq!(table.take(&asked(keys(MAX_KEYS).collect()), &nothing, GENESIS_MS), Ok(Outcome::Granted));
}

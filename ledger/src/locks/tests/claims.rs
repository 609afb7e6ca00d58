//! Claims: the oldest that waits is served, whatever comes behind it, and no claim stays for ever.

use super::*;

/// Transaction 10 is refused for what transaction 1 holds, and claims `modes`.
fn claimed(modes: &[(&str, Mode)], committed: &dyn Fn(&Key) -> Option<Value>) -> LockTable {
    let mut table = table();
    let keys: Vec<_> = modes.iter().map(|(key, _)| (*key, Mode::Write)).collect();
    table.take(&request(1, &keys), committed, GENESIS_MS).unwrap();
    let refused = table.take(&request(10, modes), committed, GENESIS_MS).unwrap();
    assert!(matches!(refused, Outcome::Conflict { .. }));
    table.release(&holder(1));
    table
}

fn claimants(table: &LockTable) -> Vec<TxId> {
    table.claims().map(|age| age.id).collect()
}

#[test]
fn a_younger_transaction_yields_to_a_claim_and_an_older_one_does_not() {
    let mut table = claimed(&[("k", Mode::Write)], &nothing);
    assert_eq!(take(&mut table, &request(11, &[("k", Mode::Read)])), met("k", 10));
    assert_eq!(take(&mut table, &request(9, &[("k", Mode::Read)])), Outcome::Granted);
    table.release(&holder(9));
    assert_eq!(take(&mut table, &request(10, &[("k", Mode::Write)])), Outcome::Granted);
}

#[test]
fn claims_exclude_what_locks_exclude() {
    let modes = [Mode::Read, Mode::Write, add(1)];
    for (one, first) in modes.into_iter().enumerate() {
        for (two, second) in modes.into_iter().enumerate() {
            let mut table = claimed(&[("k", first)], &nothing);
            let expected = if one == two && one != 1 { Outcome::Granted } else { met("k", 10) };
            assert_eq!(take(&mut table, &request(11, &[("k", second)])), expected, "{first:?} {second:?}");
        }
    }
}

#[test]
fn a_refusal_by_a_claim_leaves_a_claim_too() {
    let mut table = claimed(&[("a", Mode::Write)], &nothing);
    take(&mut table, &request(11, &[("a", Mode::Write), ("b", Mode::Write)]));
    assert_eq!(take(&mut table, &request(12, &[("b", Mode::Write)])), met("b", 11));
    assert_eq!(claimants(&table), [id(10), id(11), id(12)]);
}

#[test]
fn small_withdrawals_do_not_use_up_what_a_large_one_waits_for() {
    let (purse, value) = (purse(), balance(100));
    let mut table = claimed(&[(&purse, add(-90))], &value);
    let mut ask =
        |number, delta| table.take(&request(number, &[(&*purse, add(delta))]), &value, GENESIS_MS).unwrap();
    assert_eq!(ask(11, -11), met(&purse, 10));
    assert_eq!(ask(12, -10), met(&purse, 11), "10 leaves enough for it, but 11 wants that and came first");
    assert_eq!(ask(13, 1_000), Outcome::Granted);
    assert_eq!(ask(14, 0), Outcome::Granted);
    assert_eq!(ask(10, -90), Outcome::Granted);
}

#[test]
fn a_withdrawal_that_leaves_enough_for_the_claim_passes() {
    let (purse, value) = (purse(), balance(100));
    let mut table = claimed(&[(&purse, add(-90))], &value);
    let asked = request(11, &[(&purse, add(-10))]);
    assert_eq!(table.take(&asked, &value, GENESIS_MS), Ok(Outcome::Granted));
    let asked = request(10, &[(&purse, add(-90))]);
    assert_eq!(table.take(&asked, &value, GENESIS_MS), Ok(Outcome::Granted));
}

#[test]
fn later_deposits_do_not_keep_a_withdrawal_waiting_that_may_come_to_nothing() {
    let (mut table, purse, value) = (table(), purse(), balance(10));
    let ask = |table: &mut LockTable, number, delta| {
        table.take(&request(number, &[(&*purse, add(delta))]), &value, GENESIS_MS).unwrap()
    };
    assert_eq!(ask(&mut table, 1, 50), Outcome::Granted);
    assert_eq!(ask(&mut table, 2, -60), met(&purse, 1));
    assert_eq!(ask(&mut table, 3, 50), met(&purse, 2));
    assert_eq!(ask(&mut table, 4, 0), Outcome::Granted);
    // The first deposit aborts.
    table.release(&holder(1));
    assert!(matches!(ask(&mut table, 2, -60), Outcome::Impossible { .. }));
    assert_eq!(ask(&mut table, 3, 50), Outcome::Granted);
}

#[test]
fn a_claim_that_outgrows_the_range_keeps_out_whoever_would_take_of_it() {
    let (mut table, purse, value) = (table(), purse(), balance(10));
    let mut ask = |number, delta| {
        table.take(&request(number, &[(&*purse, Mode::Add(delta))]), &value, GENESIS_MS).unwrap()
    };
    assert_eq!(ask(1, Delta::Up(u128::MAX - 10)), Outcome::Granted);
    assert_eq!(ask(2, Delta::down(u128::MAX)), met(&purse, 1));
    assert_eq!(ask(3, Delta::down(u128::MAX - 1)), met(&purse, 1));
    assert_eq!(ask(4, Delta::down(1)), met(&purse, 2));
}

#[test]
fn a_grant_a_failure_and_an_end_drop_the_claim() {
    let purse = purse();
    let claims = || claimed(&[(&purse, add(-5))], &balance(5));
    let mut granted = claims();
    let asked = request(10, &[(&purse, add(-5))]);
    assert_eq!(granted.take(&asked, &balance(5), GENESIS_MS), Ok(Outcome::Granted));
    assert!(claimants(&granted).is_empty());
    let mut failed = claims();
    assert!(matches!(failed.take(&asked, &balance(4), GENESIS_MS), Ok(Outcome::Impossible { .. })));
    assert!(failed.is_empty());
    let mut ended = claims();
    assert!(ended.drop_claim(&id(10)));
    assert!(!ended.drop_claim(&id(10)));
    assert!(ended.is_empty());
}

#[test]
fn a_release_keeps_the_claim_for_the_next_attempt_whose_refusal_renews_it() {
    let mut table = table();
    take(&mut table, &request(1, &[("k", Mode::Write)]));
    let mut asked = request(10, &[("k", Mode::Write)]);
    take(&mut table, &asked);
    assert_eq!(table.release(&asked.holder), 0);
    assert_eq!(claimants(&table), [id(10)]);
    asked.holder.attempt = 2;
    assert_eq!(take(&mut table, &asked), met("k", 1));
    assert_eq!(claimants(&table), [id(10)]);
    table.release(&holder(1));
    let expected = Outcome::Conflict { key: Key::from("k"), holder: asked.holder };
    assert_eq!(take(&mut table, &request(11, &[("k", Mode::Read)])), expected);
}

#[test]
fn a_transaction_that_gives_another_age_has_one_claim_all_the_same() {
    let mut table = table();
    take(&mut table, &request(1, &[("k", Mode::Write)]));
    let asked = request(10, &[("k", Mode::Write)]);
    for since_ms in [5, 3, 4] {
        take(&mut table, &Request { since_ms, ..asked.clone() });
    }
    assert_eq!(table.claims().collect::<Vec<_>>(), [Age { since_ms: 4, id: id(10) }]);
}

#[test]
fn a_claim_ends_twice_the_time_out_after_it_was_renewed() {
    let mut table = claimed(&[("k", Mode::Write)], &nothing);
    take(&mut table, &request(1, &[("k", Mode::Write)]));
    table.expire(GENESIS_MS + 2 * TIMEOUT_MS - 1);
    assert_eq!(claimants(&table), [id(10)]);
    let again = table.take(&request(10, &[("k", Mode::Write)]), &nothing, GENESIS_MS + 500).unwrap();
    assert_eq!(again, met("k", 1));
    table.expire(GENESIS_MS + 2 * TIMEOUT_MS + 499);
    assert_eq!(claimants(&table), [id(10)]);
    table.expire(GENESIS_MS + 2 * TIMEOUT_MS + 500);
    assert!(claimants(&table).is_empty());
    assert_eq!(table.locks().count(), 1, "locks stay until the decision");
}

#[test]
fn a_claim_ends_with_its_transaction() {
    let mut table = table();
    take(&mut table, &request(1, &[("k", Mode::Write)]));
    let expires_at_ms = GENESIS_MS + 100;
    take(&mut table, &Request { expires_at_ms, ..request(10, &[("k", Mode::Write)]) });
    take(&mut table, &Request { expires_at_ms: u64::MAX, ..request(11, &[("k", Mode::Write)]) });
    table.expire(expires_at_ms);
    assert_eq!(claimants(&table), [id(10), id(11)]);
    table.expire(expires_at_ms + 1);
    assert_eq!(claimants(&table), [id(11)]);
    table.expire(u64::MAX);
    assert!(claimants(&table).is_empty());
}

#[test]
fn of_too_many_claims_the_youngest_yields() {
    let mut table = table();
    take(&mut table, &request(1, &[("k", Mode::Write)]));
    let most = u32::try_from(MAX_CLAIMS).unwrap();
    let mut ask = |number| {
        take(&mut table, &request(number, &[("k", Mode::Write)]));
        claimants(&table)
    };
    for number in 1_000..1_000 + most {
        ask(number);
    }
    let (youngest, later, older) = (999 + most, 1_000 + most, 500);
    assert!(ask(later).ends_with(&[id(youngest)]));
    let claims = ask(older);
    assert_eq!((claims.len(), claims[0]), (MAX_CLAIMS, id(older)));
    assert!(!claims.contains(&id(youngest)));
}

#[test]
fn a_claim_that_finds_no_room_and_one_that_is_fulfilled_free_nothing() {
    let mut table = table();
    take(&mut table, &request(1, &[("k", Mode::Write)]));
    let most = u32::try_from(MAX_CLAIMS).unwrap();
    for number in 1_000..=1_000 + most {
        take(&mut table, &request(number, &[("k", Mode::Write)]));
    }
    assert!(table.freed().is_empty(), "the last was the youngest");
    table.release(&holder(1));
    assert_eq!(table.freed(), BTreeSet::from([Key::from("k")]));
    assert_eq!(take(&mut table, &request(1_000, &[("k", Mode::Write)])), Outcome::Granted);
    assert!(table.freed().is_empty(), "now it is locked");
}

#[test]
fn a_full_table_refuses_and_keeps_room_for_the_oldest_claim() {
    let mut table = table();
    let keys: Vec<_> = (0..MAX_LOCKS).map(|number| format!("{number}")).collect();
    let of = |number, keys: &[String]| {
        request(number, &keys.iter().map(|key| (&**key, Mode::Read)).collect::<Vec<_>>())
    };
    for (number, keys) in (100..).zip(keys.chunks(256)) {
        assert_eq!(take(&mut table, &of(number, keys)), Outcome::Granted);
    }
    assert_eq!(take(&mut table, &of(10, &keys[..2])), Outcome::Full);
    table.release(&holder(100));
    assert_eq!(take(&mut table, &of(11, &keys[..255])), Outcome::Full);
    assert_eq!(take(&mut table, &of(12, &keys[..254])), Outcome::Granted);
    assert_eq!(take(&mut table, &of(9, &keys[..3])), Outcome::Full, "older, but two are left");
    assert_eq!(take(&mut table, &of(10, &keys[..2])), Outcome::Full, "the claim of 9 comes first now");
    table.drop_claim(&id(9));
    assert_eq!(take(&mut table, &of(10, &keys[..2])), Outcome::Granted);
    assert_eq!(table.locks().count(), MAX_LOCKS);
}

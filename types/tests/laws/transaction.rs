//! Transactions: what they may hold, what they may write, what their id says.

use crate::samples::{account, approval, change, hash, secret, signed_transaction, transaction};
use witan_types::transaction::{MAX_CHECKS, MAX_KEY_BYTES, MAX_OPS, MAX_TRANSACTION_BYTES, MAX_VALUE_BYTES};
use witan_types::{
    Account, ChainId, Check, IdentifiedTransaction, Key, Op, Scheme, Transaction, TransactionError, sha256,
};

fn of(ops: Vec<Op>) -> Transaction {
    Transaction { ops, checks: vec![], ..transaction() }
}

fn checking(check: Check) -> Transaction {
    Transaction { checks: vec![check], ..transaction() }
}

fn long_key(length: usize) -> Key {
    Key(vec![b'k'; length])
}

fn get(key: Key) -> Op {
    Op::Get { key }
}

/// Each op that names a key.
fn ops_on(key: &Key) -> Vec<Op> {
    let key = || key.clone();
    vec![
        Op::Put { key: key(), value: vec![] },
        Op::Delete { key: key() },
        Op::Append { key: key(), item: vec![] },
        Op::Add { key: key(), delta: 1 },
        get(key()),
    ]
}

/// Each check that names a key.
fn checks_on(key: &Key) -> Vec<Check> {
    let key = || key.clone();
    vec![
        Check::Absent { key: key() },
        Check::Exists { key: key() },
        Check::Value { key: key(), value: vec![] },
        Check::Version { key: key(), version: 0 },
    ]
}

#[test]
fn a_transaction_with_every_op_and_check_is_well_formed() {
    assert_eq!(transaction().check_form(), Ok(()));
}

#[test]
fn a_transaction_has_one_to_128_ops() {
    let of_count = |count| of(vec![get(Key::from("k")); count]).check_form();
    assert_eq!(of_count(0), Err(TransactionError::NoOps));
    assert_eq!(of_count(1), Ok(()));
    assert_eq!(of_count(MAX_OPS), Ok(()));
    assert_eq!(of_count(MAX_OPS + 1), Err(TransactionError::TooMany { ops: MAX_OPS + 1, checks: 0 }));
}

#[test]
fn a_transaction_has_up_to_128_checks() {
    let of_count = |count| {
        let checks = vec![Check::Exists { key: Key::from("k") }; count];
        Transaction { checks, ..of(vec![get(Key::from("k"))]) }.check_form()
    };
    assert_eq!(of_count(0), Ok(()));
    assert_eq!(of_count(MAX_CHECKS), Ok(()));
    assert_eq!(of_count(MAX_CHECKS + 1), Err(TransactionError::TooMany { ops: 1, checks: MAX_CHECKS + 1 }));
}

#[test]
fn a_key_has_one_to_256_bytes_wherever_it_stands() {
    for (length, fits) in [(0, false), (1, true), (MAX_KEY_BYTES, true), (MAX_KEY_BYTES + 1, false)] {
        let expected = if fits { Ok(()) } else { Err(TransactionError::KeyLength(length)) };
        for op in ops_on(&long_key(length)) {
            assert_eq!(of(vec![op.clone()]).check_form(), expected, "{op:?}");
        }
        for check in checks_on(&long_key(length)) {
            assert_eq!(checking(check.clone()).check_form(), expected, "{check:?}");
        }
    }
}

#[test]
fn a_value_has_up_to_64_kib_wherever_it_stands() {
    for (length, fits) in [(0, true), (MAX_VALUE_BYTES, true), (MAX_VALUE_BYTES + 1, false)] {
        let expected = if fits { Ok(()) } else { Err(TransactionError::ValueTooLarge(length)) };
        let (key, value) = (Key::from("k"), vec![0; length]);
        assert_eq!(of(vec![Op::Put { key: key.clone(), value: value.clone() }]).check_form(), expected);
        assert_eq!(of(vec![Op::Append { key: key.clone(), item: value.clone() }]).check_form(), expected);
        assert_eq!(checking(Check::Value { key, value }).check_form(), expected);
    }
}

#[test]
fn a_signed_transaction_has_up_to_128_kib() {
    let put = |length| Op::Put { key: Key::from("k"), value: vec![0; length] };
    let others = of(vec![put(0), put(0), put(MAX_VALUE_BYTES)]).sign(&secret(11)).size();
    let room = MAX_TRANSACTION_BYTES - others;
    let filled = |length: usize| of(vec![put(length - 9), put(9), put(MAX_VALUE_BYTES)]);
    assert_eq!(filled(room).sign(&secret(11)).size(), MAX_TRANSACTION_BYTES);
    assert_eq!(filled(room).check_form(), Ok(()));
    let above = MAX_TRANSACTION_BYTES + 1;
    assert_eq!(filled(room + 1).check_form(), Err(TransactionError::TooLarge(above)));
}

fn may_write(signer: Account, key: &str) -> bool {
    let mut verdicts =
        ops_on(&Key::from(key)).into_iter().filter(|op| !matches!(op, Op::Get { .. })).map(|op| {
            match (Transaction { signer, ..of(vec![op]) }.check_form()) {
                Ok(()) => true,
                Err(TransactionError::ForbiddenKey(forbidden)) if forbidden == Key::from(key) => false,
                Err(other) => panic!("{other}"),
            }
        });
    let first = verdicts.next().unwrap();
    assert!(verdicts.all(|verdict| verdict == first), "every write of {key} is judged alike");
    first
}

#[test]
fn a_key_under_an_account_is_written_by_that_account_alone() {
    let (mine, theirs) = (account(11), account(12));
    assert!(may_write(mine, "color"));
    assert!(may_write(mine, &format!("{mine}/color")), "no @, nobody's");
    assert!(may_write(mine, &format!("@{mine}/color")));
    assert!(may_write(mine, &format!("@{mine}/")));
    assert!(may_write(mine, &format!("@{mine}/balance/of/trade")));
    assert!(!may_write(mine, &format!("@{theirs}/color")));
    for nobodys in
        ["@", "@/", "@anna/color", &format!("@{mine}"), &format!("@{}/x", mine.to_string().to_uppercase())]
    {
        assert!(!may_write(mine, nobodys), "{nobodys}");
    }
}

#[test]
fn a_balance_is_written_by_transfers_alone_and_read_by_everyone() {
    let (mine, theirs) = (account(11), account(12));
    assert!(!may_write(mine, &format!("@{mine}/balance")));
    assert!(!may_write(mine, &format!("@{theirs}/balance")));
    assert_eq!(of(vec![Op::Transfer { to: theirs, amount: u128::MAX }]).check_form(), Ok(()));
    assert_eq!(of(vec![get(Key::balance_of(&theirs))]).check_form(), Ok(()));
    for check in checks_on(&Key::balance_of(&theirs)) {
        assert_eq!(checking(check).check_form(), Ok(()));
    }
}

#[test]
fn a_reserved_key_is_used_by_no_transaction() {
    let key = Key(b"\0anything".to_vec());
    for op in ops_on(&key) {
        assert_eq!(of(vec![op]).check_form(), Err(TransactionError::ForbiddenKey(key.clone())));
    }
    for check in checks_on(&key) {
        assert_eq!(checking(check).check_form(), Err(TransactionError::ForbiddenKey(key.clone())));
    }
}

#[test]
fn one_bad_op_among_good_ones_is_found() {
    let good = || get(Key::from("k"));
    let bad = get(long_key(0));
    assert_eq!(of(vec![good(), good(), bad]).check_form(), Err(TransactionError::KeyLength(0)));
}

#[test]
fn the_id_is_the_hash_of_the_signed_bytes_and_the_signature_is_no_part_of_it() {
    let signed = signed_transaction();
    assert_eq!(signed.id().0, sha256(&[&signed.transaction.signing_bytes()]));
    let mut resigned = signed.clone();
    resigned.signature.0[0] ^= 1;
    assert_eq!(resigned.id(), signed.id());
}

#[test]
fn any_change_makes_another_id_and_voids_the_signature() {
    let signed = signed_transaction();
    assert!(signed.verify(Scheme::Ed25519));
    let changes: [fn(&mut Transaction); 6] = [
        |it| it.chain = ChainId(hash("other")),
        |it| it.signer = account(12),
        |it| it.salt += 1,
        |it| it.expires_at_ms += 1,
        |it| it.checks.truncate(4),
        |it| it.ops.swap(0, 1),
    ];
    for (place, change) in changes.iter().enumerate() {
        let mut changed = signed.clone();
        change(&mut changed.transaction);
        assert_ne!(changed.id(), signed.id(), "change {place}");
        assert!(!changed.verify(Scheme::Ed25519), "change {place}");
    }
}

#[test]
fn a_batch_judges_transactions_as_one_by_one() {
    let mut forged = signed_transaction();
    forged.signature.0[40] ^= 1;
    let items: Vec<_> =
        [signed_transaction(), forged.clone(), signed_transaction()].iter().map(|it| it.signed()).collect();
    assert_eq!(Scheme::Ed25519.verify_batch(&items), vec![1]);
    assert!(!forged.verify(Scheme::Ed25519));
    assert!(signed_transaction().verify(Scheme::Ed25519));
}

proptest::proptest! {
    #[test]
    fn one_that_knows_its_id_and_size_knows_them_right(signed in crate::strategies::signed_transaction()) {
        let known = IdentifiedTransaction::from(signed.clone());
        proptest::prop_assert_eq!((known.id(), known.size()), (signed.id(), signed.size()));
        proptest::prop_assert_eq!(&*known, &signed);
    }
}

#[test]
fn an_approval_of_a_change_is_alone_in_its_transaction() {
    let alone = approval();
    assert_eq!((alone.check_form(), alone.approves()), (Ok(()), Some(&change())));

    let twice = Transaction { ops: [alone.ops.clone(), alone.ops.clone()].concat(), ..approval() };
    let beside = Transaction { ops: [alone.ops.clone(), vec![get(Key::from("k"))]].concat(), ..approval() };
    let checked = Transaction { checks: vec![Check::Exists { key: Key::from("k") }], ..approval() };
    for crowded in [twice, beside, checked] {
        assert_eq!(crowded.check_form(), Err(TransactionError::ApproveAlone));
        assert_eq!(crowded.approves(), None);
    }
    assert_eq!(transaction().approves(), None);
}

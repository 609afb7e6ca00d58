use super::*;

fn caller(last: u8) -> Source {
    Source::of([10, 0, 0, last].into())
}

fn here() -> Source {
    Source::of([127, 0, 0, 1].into())
}

#[test]
fn one_caller_gets_a_quarter_and_all_elsewhere_leave_some_to_this_machine() {
    let shares = Shares::new(32);
    let mut held = vec![shares.take(caller(1), 8).unwrap()];
    assert_eq!(shares.take(caller(1), 1).unwrap_err(), Full::One(8));
    for other in 2..=4 {
        held.extend((0..8).map_while(|_| shares.take(caller(other), 1).ok()));
    }
    assert_eq!(shares.take(caller(5), 1).unwrap_err(), Full::All(30));
    held.push(shares.take(here(), 2).unwrap());
    assert_eq!(shares.take(here(), 1).unwrap_err(), Full::All(32));
}

#[test]
fn what_is_given_back_can_be_taken_again() {
    let shares = Shares::new(32);
    let mut share = shares.take(caller(1), 3).unwrap();
    share.grow(5).unwrap();
    assert_eq!(share.grow(1), Err(Full::One(8)));
    drop(share);
    assert_eq!(shares.lock().all, 0);
    assert!(shares.take(caller(1), 8).is_ok() && shares.lock().by.is_empty());
}

#[test]
fn this_machine_may_take_all_and_so_may_the_only_caller() {
    assert!(Shares::new(3).take(here(), 3).is_ok());
    assert!(Shares::of_one(3).take(caller(1), 3).is_ok());
    assert_eq!(Shares::of_one(3).take(caller(1), 4).unwrap_err(), Full::All(3));
    assert_eq!(Shares::new(1).take(caller(1), 1).unwrap().amount, 1, "of little, one gets some");
}

#[test]
fn no_amount_overflows() {
    let shares = Shares::new(usize::MAX);
    let _held = shares.take(here(), usize::MAX).unwrap();
    assert!(shares.take(here(), 1).is_err());
}

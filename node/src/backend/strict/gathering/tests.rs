//! When strict reads wait for each other, and which go together.

use super::*;

type Waiter = oneshot::Receiver<Result<ManyValues, RpcError>>;

fn groups(ids: &[u32]) -> Groups {
    ids.iter().map(|id| GroupId(*id)).collect()
}

/// A read of the keys with these numbers, and who waits for it.
fn read(numbers: std::ops::Range<usize>) -> (StrictRead, Waiter) {
    let (answer, waiter) = oneshot::channel();
    let keys = numbers.map(|number| Key::from(format!("key {number}").as_str())).collect();
    (StrictRead { keys, answer }, waiter)
}

fn sizes(ready: &[Together]) -> Vec<usize> {
    ready.iter().map(|together| together.reads.len()).collect()
}

#[test]
fn a_read_alone_goes_at_once() {
    let (mut gathering, now) = (Gathering::default(), Instant::now());
    let (first, _waiter) = read(0..2);
    gathering.add(now, groups(&[1]), first);
    assert_eq!(sizes(&gathering.ready(now)), [1]);
    assert_eq!(gathering.next_due(), None);
}

#[test]
fn those_that_come_while_one_is_under_way_go_together_when_it_ends_and_each_key_once() {
    let (mut gathering, now) = (Gathering::default(), Instant::now());
    let (first, _one) = read(0..2);
    gathering.add(now, groups(&[1, 2]), first);
    gathering.ready(now);
    let ((second, _two), (third, _three)) = (read(0..3), read(2..4));
    gathering.add(now, groups(&[1, 2]), second);
    gathering.add(now, groups(&[1, 2]), third);
    assert_eq!(sizes(&gathering.ready(now)), [0; 0]);
    gathering.ended(&groups(&[1, 2]));
    let ready = gathering.ready(now);
    assert_eq!((sizes(&ready), ready[0].keys().len()), (vec![2], 4));
}

#[test]
fn one_that_is_held_up_holds_the_others_up_for_a_short_time_only() {
    let (mut gathering, now) = (Gathering::default(), Instant::now());
    let ((slow, _one), (next, _two)) = (read(0..1), read(1..2));
    gathering.add(now, groups(&[1]), slow);
    gathering.ready(now);
    gathering.add(now, groups(&[1]), next);
    assert_eq!(gathering.next_due(), Some(now + GATHER));
    assert_eq!(sizes(&gathering.ready(now + GATHER / 2)), [0; 0]);
    assert_eq!(sizes(&gathering.ready(now + GATHER)), [1]);
}

#[test]
fn reads_of_other_groups_wait_for_nobody() {
    let (mut gathering, now) = (Gathering::default(), Instant::now());
    let ((one, _one), (other, _other)) = (read(0..1), read(1..2));
    gathering.add(now, groups(&[1]), one);
    gathering.ready(now);
    gathering.add(now, groups(&[1, 2]), other);
    assert_eq!(sizes(&gathering.ready(now)), [1]);
}

#[test]
fn more_keys_than_a_transaction_holds_go_in_several() {
    let (mut gathering, now) = (Gathering::default(), Instant::now());
    let (first, _first) = read(0..1);
    gathering.add(now, groups(&[1]), first);
    gathering.ready(now);
    let mut waiters = Vec::new();
    for start in [0, MAX_OPS / 2, MAX_OPS] {
        let (next, waiter) = read(start..start + MAX_OPS / 2);
        gathering.add(now, groups(&[1]), next);
        waiters.push(waiter);
    }
    let ready = gathering.ready(now + GATHER);
    assert_eq!(sizes(&ready), [2, 1]);
    assert!(ready.iter().all(|together| together.keys().len() <= MAX_OPS));
}

#[test]
fn whoever_hung_up_is_not_read_for_and_nothing_is_remembered_of_what_ended() {
    let (mut gathering, now) = (Gathering::default(), Instant::now());
    let (gone, waiter) = read(0..1);
    gathering.add(now, groups(&[1]), gone);
    drop(waiter);
    assert_eq!(sizes(&gathering.ready(now)), [0; 0]);
    assert!(gathering.lanes.is_empty());
    let (kept, _waiter) = read(0..1);
    gathering.add(now, groups(&[1]), kept);
    gathering.ready(now);
    gathering.ended(&groups(&[1]));
    assert!(gathering.lanes.is_empty());
}

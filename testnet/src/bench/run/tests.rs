//! The book-keeping of a run: each transaction counts once, and what found no room goes again.

use super::*;
use witan_rpc::{Rejection, TransactionState};
use witan_types::{ChainId, Hash};

fn plan() -> BenchPlan {
    BenchPlan {
        nodes: Vec::new(),
        group: GroupId(1),
        warm_up: Duration::ZERO,
        window: Duration::from_secs(1),
        target: Duration::from_millis(250),
        in_flight: Some(4),
        tx_bytes: 256,
        seed: 1,
    }
}

fn load(count: usize) -> Vec<Prepared> {
    presign(&LoadPlan::scattered(ChainId::default(), 1, count, 256, 1))
}

/// A run that has submitted every batch at `now`.
fn submitted(plan: &BenchPlan, load: Vec<Prepared>, now: Instant) -> Run<'_> {
    let mut run = Run::new(plan, Vec::new(), load);
    for batch in &mut run.batches {
        batch.submitted = Some(now);
        run.under_way += 1;
    }
    run
}

fn ids(load: &[Prepared]) -> Vec<TxId> {
    load.iter().map(|one| one.id).collect()
}

#[test]
fn a_batch_is_over_with_its_last_transaction_and_each_counts_once() {
    let (plan, load, now) = (plan(), load(BATCH + 1), Instant::now());
    let ids = ids(&load);
    let mut run = submitted(&plan, load, now);
    assert_eq!(run.under_way, 2);
    let seen = now + Duration::from_millis(20);
    run.learn(Event::Block { ids: ids[1..].to_vec(), seen });
    assert_eq!((run.under_way, run.open_transactions()), (1, 1));
    run.learn(Event::Block { ids: ids.clone(), seen: seen + Duration::from_millis(60) });
    assert_eq!((run.under_way, run.open_transactions()), (0, 0));
    assert_eq!(run.latencies_us.len(), ids.len() as u64);
    assert!((20_000..=20_100).contains(&run.latencies_us.value_at_quantile(0.5)));
    assert!((80_000..=80_200).contains(&run.latencies_us.max()));
}

#[test]
fn transactions_of_others_do_not_count() {
    let (plan, now) = (plan(), Instant::now());
    let mut run = submitted(&plan, load(1), now);
    run.learn(Event::Block { ids: vec![TxId(Hash([9; 32]))], seen: now });
    assert_eq!((run.latencies_us.len(), run.under_way), (0, 1));
}

#[test]
fn a_batch_that_is_given_up_makes_room_and_is_told_apart_from_a_lost_one() {
    let (plan, now) = (plan(), Instant::now());
    let mut run = submitted(&plan, load(2 * BATCH), now);
    run.learn(Event::GaveUp { batch: 0, refused: BATCH, why: "no answer".into() });
    assert_eq!((run.under_way, run.failed, run.open_transactions()), (1, 1, BATCH as u64));
}

#[test]
fn what_finds_no_room_is_kept_with_the_longest_wait_and_what_is_refused_is_counted() {
    let batch: Vec<Vec<u8>> = (0..4_u8).map(|byte| vec![byte]).collect();
    let full = |retry_after_ms| Err(ClientError::Rpc(RpcError::MempoolFull { retry_after_ms }));
    let items = vec![
        Ok((TxId::default(), TransactionState::Accepted)),
        full(20),
        Err(ClientError::Rpc(RpcError::rejected(Rejection::Expired, "late"))),
        full(50),
    ];
    let (kept, after, failure) = sort_out(&batch, items);
    assert_eq!(kept, [vec![1], vec![3]]);
    assert_eq!(after, Duration::from_millis(50));
    let (refused, why) = failure.unwrap();
    assert!(refused == 1 && why.contains("late"));
}

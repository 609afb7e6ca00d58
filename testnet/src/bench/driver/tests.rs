//! The book-keeping of a run: each transaction counts once, and what is due counts from then.

use super::*;
use crate::load::{LoadPlan, presign};
use witan_types::{ChainId, Hash};

fn load(count: usize) -> Vec<Prepared> {
    presign(&LoadPlan::scattered(ChainId::default(), 1, count, 256, 1))
}

const BATCH: usize = 100;

/// A driver that has submitted every batch at `now`.
fn submitted(load: Vec<Prepared>, now: Instant) -> Driver<'static> {
    let mut driver = Driver::new(&[], Vec::new(), (load, BATCH), Pace::fixed(4));
    for batch in &mut driver.batches {
        batch.since = Some(now);
        driver.under_way += 1;
    }
    driver.stalls.due(now);
    driver
}

fn ids(load: &[Prepared]) -> Vec<TxId> {
    load.iter().map(|one| one.id).collect()
}

#[test]
fn a_batch_is_over_with_its_last_transaction_and_each_counts_once() {
    let (load, now) = (load(BATCH + 1), Instant::now());
    let ids = ids(&load);
    let mut driver = submitted(load, now);
    assert_eq!(driver.under_way, 2);
    let seen = now + Duration::from_millis(20);
    driver.learn(Event::Committed { ids: ids[1..].to_vec(), seen });
    assert_eq!((driver.under_way, driver.open_transactions()), (1, 1));
    driver.learn(Event::Committed { ids: ids.clone(), seen: seen + Duration::from_millis(60) });
    assert_eq!((driver.under_way, driver.open_transactions()), (0, 0));
    assert_eq!(driver.latencies_us.len(), ids.len() as u64);
    assert!((20_000..=20_100).contains(&driver.latencies_us.value_at_quantile(0.5)));
    assert!((80_000..=80_200).contains(&driver.latencies_us.max()));
}

#[test]
fn transactions_of_others_do_not_count() {
    let now = Instant::now();
    let mut driver = submitted(load(1), now);
    driver.learn(Event::Committed { ids: vec![TxId(Hash([9; 32]))], seen: now });
    assert_eq!((driver.latencies_us.len(), driver.under_way), (0, 1));
}

#[test]
fn a_batch_that_is_given_up_makes_room_and_is_told_apart_from_a_lost_one() {
    let now = Instant::now();
    let mut driver = submitted(load(2 * BATCH), now);
    driver.learn(Event::GaveUp { batch: 0, refused: BATCH, why: "no answer".into() });
    assert_eq!((driver.under_way, driver.failed, driver.open_transactions()), (1, 1, BATCH as u64));
}

#[test]
fn batches_of_the_warm_up_count_as_commits_and_not_as_times() {
    let (load, now) = (load(2 * BATCH), Instant::now());
    let ids = ids(&load);
    let mut driver = submitted(load, now);
    driver.counted_from = 1;
    driver.learn(Event::Committed { ids, seen: now + Duration::from_millis(9) });
    assert_eq!((driver.commits, driver.latencies_us.len()), (2 * BATCH as u64, BATCH as u64));
}

#[test]
fn what_is_lost_counts_as_having_taken_until_the_end() {
    let load = load(BATCH);
    let ids = ids(&load);
    let long_ago = Instant::now().checked_sub(Duration::from_secs(3)).unwrap();
    let mut driver = submitted(load, long_ago);
    driver.learn(Event::Committed { ids: ids[1..].to_vec(), seen: long_ago + Duration::from_millis(10) });
    driver.count_lost();
    assert_eq!((driver.open_transactions(), driver.latencies_us.len()), (1, BATCH as u64));
    assert!(driver.latencies_us.max() >= 3_000_000);
}

#[tokio::test]
async fn an_open_loop_submits_all_that_is_due_and_counts_from_when_it_was() {
    let nobody = Client::new("http://127.0.0.1:1").unwrap();
    let mut driver = Driver::new(&[], vec![nobody], (load(10 * BATCH), BATCH), Pace::fixed(usize::MAX));
    let (events, mut inbox) = tokio::sync::mpsc::unbounded_channel();
    let second = Duration::from_secs(1);
    let start = Instant::now().checked_sub(second).unwrap();
    // Half of the load is due by now, though no submission was answered.
    driver.offer_until(start + second, (start, Schedule::per_second(500)), &events, &mut inbox).await;
    let due: Vec<Duration> =
        driver.batches.iter().filter_map(|batch| batch.since).map(|since| since - start).collect();
    assert_eq!(due, [0, 200, 400, 600, 800].map(Duration::from_millis));
    assert!(driver.late >= second && driver.under_way == due.len());
}

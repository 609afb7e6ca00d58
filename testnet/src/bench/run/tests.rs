//! What a plan makes of what it is told.

use super::*;

fn plan(offer: Offer) -> BenchPlan {
    BenchPlan {
        nodes: Vec::new(),
        group: GroupId(1),
        warm_up: Duration::from_secs(1),
        window: Duration::from_secs(9),
        offer,
        batch: None,
        tx_bytes: 256,
        keys: None,
        seed: 1,
    }
}

fn rate(per_second: u64) -> BenchPlan {
    plan(Offer::Rate { per_second, kill: 0 })
}

#[test]
fn a_low_rate_goes_singly_and_a_high_one_in_full_batches() {
    for (per_second, batch) in [(1, 1), (39, 1), (200, 10), (2_000, BATCH), (90_000, BATCH)] {
        assert_eq!(rate(per_second).batch(), batch, "{per_second}");
    }
    assert_eq!(plan(Offer::Clients(256)).batch(), 1);
    assert_eq!(plan(Offer::Target(Duration::from_secs(1))).batch(), BATCH);
    assert_eq!(BenchPlan { batch: Some(64), ..plan(Offer::Clients(256)) }.batch(), 64);
}

#[test]
fn an_offered_load_is_signed_to_the_last_transaction_and_no_more() {
    assert_eq!(rate(1).supply(2, 10.0), 10);
    assert_eq!(rate(5_000).supply(2, 10.0), 50_000);
}

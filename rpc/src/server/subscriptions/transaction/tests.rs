//! When a transaction is looked for among blocks.

use super::*;
use futures::FutureExt as _;
use witan_types::{GroupId, Hash, Height};

const GROUP: GroupId = GroupId(1);

/// When each of so many looks is made, in milliseconds, by somebody who looks as often as may be.
fn looks(ration: &mut Ration, start: Instant, from_ms: u64, count: usize) -> Vec<u128> {
    let mut now = start + Duration::from_millis(from_ms);
    let mut look = || {
        now = ration.due(now);
        ration.take(now);
        (now - start).as_millis()
    };
    (0..count).map(|_| look()).collect()
}

#[test]
fn some_looks_come_at_once_and_then_one_an_interval() {
    let start = Instant::now();
    let mut ration = Ration::new(start);
    assert_eq!(looks(&mut ration, start, 0, 10), [0, 0, 0, 0, 0, 0, 0, 0, 100, 200]);
    assert_eq!(
        looks(&mut ration, start, 450, 4),
        [450, 450, 500, 600],
        "what was left out meanwhile is made up for"
    );
    assert_eq!(
        looks(&mut ration, start, 9_000, 9)[7..],
        [9_000, 9_100],
        "after a pause as many as at the start"
    );
}

#[tokio::test]
async fn a_transaction_that_has_ended_everywhere_waits_for_the_seal_of_its_block_alone() {
    let (committed, commits) = watch::channel(Heights::new());
    let (sealed, seals) = watch::channel(Heights::from([(GROUP, 6)]));
    let mut blocks = Blocks::new(commits, seals);
    let set = |heights: &watch::Sender<Heights>, height: Height| {
        heights.send_modify(|heights| heights.extend([(GROUP, height)]));
    };
    let unknown = TxStatusView::outside_blocks(TxId(Hash([7; 32])), TransactionState::Unknown);
    let ended = TxStatusView {
        status: TransactionState::Committed,
        group: Some(GROUP),
        height: Some(9),
        applied: false,
        ..unknown.clone()
    };
    let applied = TxStatusView { applied: true, ..ended.clone() };
    let mut is_due = |told: &TxStatusView| blocks.change(told).now_or_never().is_some();

    assert!(!is_due(&unknown), "nothing has come");
    for told in [&unknown, &ended] {
        set(&committed, 10);
        assert!(is_due(told), "any block may concern it: {told:?}");
        assert!(!is_due(told), "it was looked at");
    }
    set(&committed, 11);
    set(&sealed, 8);
    assert!(!is_due(&applied), "neither blocks nor the seals of others concern it");
    set(&sealed, 9);
    assert!(is_due(&applied));
}

#[tokio::test]
async fn blocks_that_come_one_after_another_are_looked_at_together() {
    let (committed, commits) = watch::channel(Heights::new());
    let (_sealed, seals) = watch::channel(Heights::new());
    let mut blocks = Blocks::new(commits, seals);
    // As if looks had been taken for an hour to come.
    blocks.ration.even = Instant::now() + Duration::from_secs(3_600);
    let unknown = TxStatusView::outside_blocks(TxId(Hash([7; 32])), TransactionState::Unknown);
    for height in 1..=100 {
        committed.send_modify(|heights| heights.extend([(GROUP, height)]));
        assert!(blocks.change(&unknown).now_or_never().is_none(), "no look is due at block {height}");
    }
    blocks.ration.even = Instant::now();
    committed.send_modify(|heights| heights.extend([(GROUP, 101)]));
    assert!(blocks.change(&unknown).now_or_never().is_some(), "one look finds all of them");
    assert!(blocks.change(&unknown).now_or_never().is_none());
}

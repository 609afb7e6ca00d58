//! Who is skipped follows from the chain: those who come back, or were brought up by seals, name the same leader.

use crate::cluster::Cluster;
use std::time::Duration;
use witan_types::ValidatorIndex;

/// Makes blocks until the turn of node 3 comes and another leads it.
fn go_on_until_3_is_skipped(cluster: &mut Cluster, salts: std::ops::Range<u64>) -> Option<ValidatorIndex> {
    for salt in salts {
        cluster.execute(1, salt);
        cluster.run(Duration::from_secs(2));
        let consensus = cluster.status(1).consensus.unwrap();
        if consensus.view % 4 == 3 && consensus.leader != Some(ValidatorIndex(3)) {
            return consensus.leader;
        }
    }
    None
}

#[test]
fn whoever_restarts_knows_from_its_ledger_who_is_skipped() {
    let mut cluster = Cluster::running(4, 0);
    cluster.crash(3);
    let leader = go_on_until_3_is_skipped(&mut cluster, 0..40);
    assert!(leader.is_some(), "it made none of the last blocks");
    cluster.crash(0);
    cluster.restart(0);
    assert_eq!(cluster.status(0).sealed, cluster.height(1), "its engine starts from the newest block");
    assert_eq!(cluster.status(0).consensus.unwrap().leader, leader);
}

#[test]
fn whoever_is_brought_up_by_seals_knows_who_is_skipped_and_leads_again() {
    let mut cluster = Cluster::running(4, 0);
    cluster.isolate(3);
    (0..60).for_each(|salt| {
        cluster.execute(1, salt);
        cluster.run(Duration::from_millis(1_500));
    });
    cluster.connect_all();
    cluster.run(Duration::from_secs(10));
    let height = cluster.height(0);
    cluster.assert_sealed_alike(height);
    let leader = go_on_until_3_is_skipped(&mut cluster, 100..104);
    assert!(leader.is_some(), "it has made no block yet");
    assert_eq!(cluster.status(3).consensus.unwrap().leader, leader);
    let mut salts = 200..400;
    while cluster.status(0).tip.proposer != ValidatorIndex(3) {
        cluster.execute(1, salts.next().expect("its trial comes"));
    }
}

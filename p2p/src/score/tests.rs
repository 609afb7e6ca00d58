use super::*;
use std::time::Duration;
use witan_types::Hash;

fn node(number: usize) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    NodeId(Hash(bytes))
}

#[test]
fn faults_add_up_to_a_ban_and_the_count_starts_again() {
    let (mut scores, now) = (Scores::default(), Instant::now());
    for _ in 0..4 {
        assert!(!scores.report(node(1), Misbehaviour::Malformed, now));
    }
    assert!(scores.report(node(1), Misbehaviour::Malformed, now));
    assert!(!scores.report(node(1), Misbehaviour::Malformed, now));
}

#[test]
fn faults_are_forgiven_with_time() {
    let (mut scores, mut now) = (Scores::default(), Instant::now());
    for _ in 0..100 {
        assert!(!scores.report(node(1), Misbehaviour::Malformed, now));
        now += Duration::from_secs(20);
    }
}

#[test]
fn one_nodes_faults_are_not_anothers() {
    let (mut scores, now) = (Scores::default(), Instant::now());
    assert!(!scores.report(node(1), Misbehaviour::Forged, now));
    assert!(!scores.report(node(2), Misbehaviour::Forged, now));
    assert!(scores.report(node(1), Misbehaviour::Forged, now));
}

#[test]
fn a_crowd_of_small_offenders_does_not_wash_away_a_big_one() {
    let (mut scores, now) = (Scores::default(), Instant::now());
    assert!(!scores.report(node(0), Misbehaviour::Forged, now));
    for number in 1..=MAX_SCORED {
        assert!(!scores.report(node(number), Misbehaviour::Useless, now));
    }
    assert_eq!(scores.nodes.len(), MAX_SCORED);
    assert!(scores.report(node(0), Misbehaviour::Forged, now));
}

#[test]
fn an_allowance_is_spent_and_fills_again_up_to_twice_its_rate() {
    let now = Instant::now();
    let mut allowance = Allowance::new(100, now);
    assert!(allowance.take(200, now));
    assert!(!allowance.take(1, now));
    assert!(allowance.take(50, now + Duration::from_millis(500)));
    assert!(!allowance.take(201, now + Duration::from_secs(3600)));
    assert!(allowance.take(200, now + Duration::from_secs(3600)));
}

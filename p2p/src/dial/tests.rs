use super::*;
use witan_types::Hash;

fn address(number: u8) -> PeerAddress {
    PeerAddress { node: NodeId(Hash([number; 32])), host: "127.0.0.1".to_owned(), port: 1 }
}

#[test]
fn a_peer_that_does_not_answer_is_tried_again_ever_more_slowly_up_to_a_bound() {
    let (mut dialer, mut now) = (Dialer::default(), Instant::now());
    let peer = address(1);
    dialer.add(peer.clone(), false, now);
    let mut waits = Vec::new();
    for _ in 0..8 {
        assert_eq!(dialer.due(now), vec![peer.clone()]);
        assert_eq!(dialer.due(now), vec![], "one attempt at a time");
        dialer.failed(peer.node, now);
        let next = dialer.next().unwrap();
        waits.push(next - now);
        now = next;
    }
    assert_eq!(waits[0], FIRST_BACK_OFF);
    assert!(waits.is_sorted());
    assert_eq!(waits.last(), Some(&LAST_BACK_OFF));
}

#[test]
fn a_lost_peer_is_dialed_again_at_once_however_long_it_failed_before() {
    let (mut dialer, mut now) = (Dialer::default(), Instant::now());
    let node = address(1).node;
    dialer.add(address(1), false, now);
    for _ in 0..8 {
        dialer.due(now);
        dialer.failed(node, now);
        now = dialer.next().unwrap();
    }
    dialer.connected(node);
    assert_eq!(dialer.next(), None);
    dialer.lost(node, now);
    assert_eq!(dialer.next(), Some(now + FIRST_BACK_OFF));
}

#[test]
fn an_attempt_that_fails_beside_a_standing_connection_changes_nothing() {
    let (mut dialer, now) = (Dialer::default(), Instant::now());
    dialer.add(address(1), false, now);
    assert_eq!(dialer.due(now).len(), 1);
    dialer.connected(address(1).node);
    dialer.failed(address(1).node, now);
    assert_eq!(dialer.next(), None);
}

#[test]
fn a_removed_peer_is_dialed_no_more() {
    let (mut dialer, now) = (Dialer::default(), Instant::now());
    dialer.add(address(1), false, now);
    dialer.remove(address(1).node);
    dialer.lost(address(1).node, now);
    assert_eq!((dialer.due(now), dialer.next()), (vec![], None));
}

use super::*;
use witan_types::{Hash, NodeId};

const NODE: NodeId = NodeId(Hash([7; 32]));

fn frame(bytes: usize) -> NetworkEvent {
    NetworkEvent::Frame { from: NODE, bytes: vec![0; bytes] }
}

fn is_full(result: Result<(), PushError>) -> bool {
    matches!(result, Err(PushError::Full(_)))
}

#[test]
fn bytes_are_bounded_and_come_free_as_the_node_takes_events() {
    let (queue, mut events) = EventQueue::new(100, 1000, Arc::default());
    queue.try_push(frame(600)).unwrap();
    assert!(is_full(queue.try_push(frame(500))));
    queue.try_push(frame(400)).unwrap();
    events.try_recv().unwrap();
    queue.try_push(frame(600)).unwrap();
    assert!(is_full(queue.try_push(frame(1))));
}

#[test]
fn one_event_over_the_byte_bound_passes_when_nothing_waits() {
    let (queue, _events) = EventQueue::new(100, 10, Arc::default());
    queue.try_push(frame(500)).unwrap();
    assert!(is_full(queue.try_push(frame(0))), "and then nothing follows until it is taken");
}

#[test]
fn connections_and_responses_have_room_when_bulk_has_none() {
    let (queue, mut events) = EventQueue::new(3, 1000, Arc::default());
    while queue.try_push(frame(1)).is_ok() {}
    for _ in 0..RESERVED_EVENTS {
        queue.push_reserved(NetworkEvent::Connected(NODE)).unwrap();
    }
    assert!(is_full(queue.push_reserved(NetworkEvent::Connected(NODE))));
    let mut taken = 0;
    while events.try_recv().is_ok() {
        taken += 1;
    }
    assert_eq!(taken, 3 + RESERVED_EVENTS);
}

#[test]
fn a_closed_queue_gives_what_it_holds_and_then_ends() {
    let (queue, mut events) = EventQueue::new(3, 1000, Arc::default());
    queue.try_push(frame(1)).unwrap();
    queue.close();
    assert!(matches!(queue.try_push(frame(1)), Err(PushError::Closed)));
    assert!(matches!(events.blocking_recv(), Some(NetworkEvent::Frame { .. })));
    assert!(events.blocking_recv().is_none());
}

use super::*;
use futures::executor::block_on;
use futures::io::Cursor;
use proptest::prelude::*;
use witan_types::Hash;

fn queue(frames: usize, bytes: usize) -> SendQueue {
    SendQueue::new(&Limits { queued_frames: frames, queued_bytes: bytes, ..Limits::default() })
}

fn frame(bytes: &[u8]) -> Arc<[u8]> {
    Arc::from(bytes)
}

fn drain(queue: &SendQueue) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let frames = queue.take();
        if frames.is_empty() {
            return all;
        }
        all.extend(frames.iter().map(|frame| frame.to_vec()));
    }
}

fn priority() -> impl Strategy<Value = Priority> {
    prop_oneof![Just(Priority::Vote), Just(Priority::Batch), Just(Priority::Sync)]
}

proptest! {
    #[test]
    fn frames_leave_by_priority_and_within_one_in_order(sent in prop::collection::vec((priority(), any::<Vec<u8>>()), 0..50)) {
        let queue = queue(100, 1 << 20);
        for (priority, bytes) in &sent {
            prop_assert_eq!(queue.push(*priority, frame(bytes)), Pushed { queued: true, dropped: 0 });
        }
        let mut expected = sent;
        expected.sort_by_key(|(priority, _)| *priority);
        let expected: Vec<_> = expected.into_iter().map(|(_, bytes)| bytes).collect();
        prop_assert_eq!(drain(&queue), expected);
        prop_assert_eq!(queue.waiting(), (0, 0));
    }

    #[test]
    fn no_queue_outgrows_its_bounds_and_every_frame_is_accounted_for(
        sent in prop::collection::vec((priority(), 0_usize..40), 0..80), frames in 1_usize..10, bytes in 1_usize..100,
    ) {
        let queue = queue(frames, bytes);
        let mut dropped = 0;
        for (priority, length) in &sent {
            let pushed = queue.push(*priority, frame(&vec![0; *length]));
            dropped += pushed.dropped;
            let (waiting, waiting_bytes) = queue.waiting();
            prop_assert!(waiting <= 3 * frames && waiting_bytes <= 3 * bytes);
        }
        prop_assert_eq!(drain(&queue).len() + dropped, sent.len());
    }

    #[test]
    fn what_one_end_writes_the_other_reads(sent in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20), large in 0_usize..100_000) {
        let mut sent = sent;
        sent.push(vec![7; large]);
        let frames: Vec<_> = sent.iter().map(|bytes| frame(bytes)).collect();
        let mut wire = Cursor::new(Vec::new());
        block_on(write_batch(&mut wire, &frames, &mut Vec::new())).unwrap();
        let (events, mut received) = EventQueue::new(100, 1 << 20, Arc::default());
        let from = NodeId(Hash([1; 32]));
        let ended = block_on(read_frames(from, Cursor::new(wire.into_inner()), &events, &Tally::default()));
        prop_assert_eq!(ended.kind(), io::ErrorKind::UnexpectedEof);
        for bytes in sent {
            match received.try_recv() {
                Ok(NetworkEvent::Frame { from: who, bytes: got }) => prop_assert_eq!((who, got), (from, bytes)),
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            }
        }
    }
}

#[test]
fn a_full_lane_of_batches_loses_its_oldest_and_one_of_votes_refuses_the_newest() {
    for (priority, queued, left) in [
        (Priority::Batch, true, [[2], [3]]),
        (Priority::Sync, true, [[2], [3]]),
        (Priority::Vote, false, [[1], [2]]),
    ] {
        let queue = queue(2, 100);
        queue.push(priority, frame(&[1]));
        queue.push(priority, frame(&[2]));
        assert_eq!(queue.push(priority, frame(&[3])), Pushed { queued, dropped: 1 });
        assert_eq!(drain(&queue), left);
    }
}

#[test]
fn a_frame_over_the_bound_is_refused_and_pushes_nothing_out() {
    let queue = queue(10, usize::MAX);
    queue.push(Priority::Batch, frame(&[1]));
    let pushed = queue.push(Priority::Batch, frame(&vec![0; MAX_FRAME_BYTES + 1]));
    assert_eq!(pushed, Pushed { queued: false, dropped: 1 });
    assert_eq!(drain(&queue), [[1]]);
}

#[test]
fn a_claimed_frame_over_the_bound_ends_the_reading() {
    let (events, mut received) = EventQueue::new(100, 1 << 20, Arc::default());
    let claim = u32::MAX.to_le_bytes();
    let ended = block_on(read_frames(NodeId(Hash([1; 32])), Cursor::new(claim), &events, &Tally::default()));
    assert_eq!(ended.kind(), io::ErrorKind::InvalidData);
    assert!(received.try_recv().is_err());
}

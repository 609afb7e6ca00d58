//! What lines do.

use super::*;
use witan_types::Hash;

const PEER: NodeId = NodeId(Hash([1; 32]));

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// When messages of 100 bytes sent at these milliseconds arrive, with this draw every time.
fn arrive(line: Line, sent: &[u64], draw: u8) -> Vec<u128> {
    let start = Instant::now();
    let mut course = Course { free_at: start, last: start };
    let mut arrivals = Vec::new();
    for at in sent {
        let due = line.arrivals(&mut course, 100, start + millis(*at), &mut || draw);
        arrivals.extend(due.into_iter().map(|due| (due - start).as_millis()));
    }
    arrivals
}

#[test]
fn a_line_delays_loses_repeats_and_narrows() {
    let plain = Line::default();
    assert_eq!(arrive(plain, &[0, 7], 50), [0, 7]);
    assert_eq!(arrive(Line { delay: millis(40), ..plain }, &[0, 7], 50), [40, 47]);
    assert_eq!(arrive(Line { jitter: millis(40), ..plain }, &[0, 7], 50), [20, 27]);
    assert_eq!(arrive(Line { loss_percent: 30, ..plain }, &[0], 29), [0_u128; 0]);
    assert_eq!(arrive(Line { loss_percent: 30, ..plain }, &[0], 30), [0]);
    assert_eq!(arrive(Line { duplicate_percent: 30, ..plain }, &[5], 29), [5, 5]);
    let narrow = Line { bytes_per_second: 1_000, ..plain };
    assert_eq!(arrive(narrow, &[0, 0, 500], 50), [100, 200, 600], "100 bytes take 100 ms");
}

#[test]
fn messages_stay_in_order_but_for_those_that_are_overtaken() {
    let (start, mut draws) = (Instant::now(), [0, 99, 99, 99, 0, 0, 99, 99].into_iter());
    let line = Line { jitter: millis(100), ..Line::default() };
    let mut course = Course { free_at: start, last: start };
    let first = line.arrivals(&mut course, 1, start, &mut || draws.next().unwrap());
    let second = line.arrivals(&mut course, 1, start + millis(1), &mut || draws.next().unwrap());
    assert_eq!(first, second, "drawn sooner, it arrives no sooner");
    let overtaken = Line { reorder_percent: 100, delay: millis(10), ..Line::default() };
    assert_eq!(arrive(overtaken, &[0], 0), [40]);
}

#[tokio::test]
async fn what_is_due_first_is_delivered_first_and_nothing_is_held_without_a_bound() {
    let lines = Lines::default();
    let frame = |text: &[u8]| Cargo::Frame(Priority::Vote, text.into());
    assert!(matches!(lines.enter(PEER, frame(b"free")), Fate::Free(_)));
    assert!(matches!(lines.hold_for(PEER, frame(b"late"), millis(30)), Fate::Held { begins: true }));
    assert!(matches!(lines.hold_for(PEER, frame(b"soon"), millis(10)), Fate::Held { begins: false }));
    let too_large = frame(&vec![0; MAX_HELD_BYTES]);
    assert!(matches!(lines.hold_for(PEER, too_large, millis(10)), Fate::Lost(_)));
    for expected in [b"soon", b"late"] {
        let Some((PEER, Cargo::Frame(_, bytes))) = lines.next().await else { panic!("a frame") };
        assert_eq!(&*bytes, expected);
    }
    assert!(lines.next().await.is_none());
    assert!(matches!(lines.hold_for(PEER, frame(b"anew"), millis(1)), Fate::Held { begins: true }));
}

#[test]
fn a_line_that_loses_everything_loses_requests_too() {
    let lines = Lines::default();
    lines.set(BTreeMap::from([(PEER, Line { loss_percent: 100, ..Line::default() })]));
    let request = Cargo::Request { id: 7, bytes: vec![1] };
    assert!(matches!(lines.enter(PEER, request), Fate::Lost(Cargo::Request { id: 7, .. })));
    lines.set(BTreeMap::new());
    assert!(matches!(lines.enter(PEER, Cargo::Request { id: 8, bytes: vec![1] }), Fate::Free(_)));
}

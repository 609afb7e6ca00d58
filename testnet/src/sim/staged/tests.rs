//! What staged faults come to.

use super::*;
use crate::faults::Span;

fn nodes(places: &[u16]) -> Vec<Who> {
    places.iter().copied().map(Who::Node).collect()
}

fn staged(faults: impl IntoIterator<Item = Fault>) -> Staged {
    let mut staged = Staged::default();
    (0..).zip(faults).for_each(|(number, fault)| staged.begin(number, fault));
    staged
}

fn line(line: Line) -> Fault {
    Fault::Link { from: nodes(&[0]), to: Vec::new(), line }
}

#[test]
fn a_partition_cuts_between_its_sides_and_who_is_in_none_reaches_all() {
    let sides = vec![nodes(&[0, 1]), nodes(&[2])];
    let both = staged([Fault::Partition { sides: sides.clone(), one_way: false }]);
    assert!(both.is_cut(0, 2) && both.is_cut(2, 1) && !both.is_cut(0, 1));
    assert!(!both.is_cut(3, 0) && !both.is_cut(2, 3));
    let one_way = staged([Fault::Partition { sides, one_way: true }]);
    assert!(one_way.is_cut(0, 2) && !one_way.is_cut(2, 0));
}

#[test]
fn a_process_that_its_disk_ended_is_back_when_the_disk_is() {
    let mut staged = staged([Fault::Disk { nodes: nodes(&[1]), trouble: DiskTrouble::Full }]);
    assert_eq!((staged.fails(1), staged.fails(0)), (Some(DiskTrouble::Full), None));
    assert!(!staged.is_down(1), "it ends at a write, not before");
    staged.ends(1);
    assert!(staged.is_down(1));
    staged.end(0);
    assert!(!staged.is_down(1));
}

#[test]
fn a_leader_on_a_bad_line_is_whoever_leads_by_then() {
    let bad = Line { delay: Span(Duration::from_secs(1)), ..Line::default() };
    let staged = staged([Fault::Link { from: vec![Who::Leader(GroupId(1))], to: Vec::new(), line: bad }]);
    assert_eq!(staged.line(2, 0, &|at, group| (at, group) == (2, GroupId(1))), Some(bad));
    assert_eq!(staged.line(2, 0, &|at, _| at == 3), None);
}

#[test]
fn messages_keep_their_order_but_for_those_that_are_overtaken() {
    let mut staged = Staged::default();
    let mut sent = |takes_us, overtaken| {
        staged.arrives((0, 1), &Line::default(), Sent { now_us: 0, takes_us, bytes: 10, overtaken })
    };
    assert_eq!(sent(9_000, false), 9_000);
    assert_eq!(sent(1_000, false), 9_000, "it waits for the one before it");
    assert_eq!(sent(9_000, true), 9_000 + OVERTAKEN_US);
    assert_eq!(sent(10_000, false), 10_000, "which passes");
}

#[test]
fn a_narrow_line_takes_time_for_each_byte() {
    let mut staged = Staged::default();
    let narrow = Line { kilobytes_per_second: 10, ..Line::default() };
    let mut sent =
        || staged.arrives((0, 1), &narrow, Sent { now_us: 0, takes_us: 0, bytes: 1_000, overtaken: false });
    assert_eq!((sent(), sent()), (100_000, 200_000));
}

#[test]
fn two_bad_lines_are_as_bad_as_both() {
    let slow = Line { delay: Span(Duration::from_millis(5)), kilobytes_per_second: 10, ..Line::default() };
    let lossy = Line { loss_percent: 30, delay: Span(Duration::from_millis(1)), ..Line::default() };
    let both = staged([line(slow), line(lossy)]).line(0, 1, &|_, _| false).unwrap();
    assert_eq!(both.delay, Span(Duration::from_millis(6)));
    assert_eq!((both.loss_percent, both.kilobytes_per_second), (30, 10));
}

#[test]
fn what_goes_on_at_once_adds_up() {
    let skewed = |offset_ms| Fault::Clock { nodes: nodes(&[0]), offset_ms };
    assert_eq!(staged([skewed(400), skewed(-100)]).skew(0), 300);
    let held_back = staged([Fault::TwoPhase { from: GroupId(1), to: GroupId(2) }]);
    assert!(held_back.is_unheard(GroupId(1), GroupId(2)) && !held_back.is_unheard(GroupId(2), GroupId(1)));
}

//! Theory says what papers say.

use super::*;
use crate::faults::Span;

fn setting(engine: EngineKind, nodes: u16) -> Setting {
    Setting {
        groups: vec![Members { group: GroupId(1), engine, places: (0..nodes).collect() }],
        nodes,
        max_timeout: Duration::from_secs(30),
        max_drift: Duration::from_millis(500),
        prepare_timeout: Duration::from_secs(5),
    }
}

fn some(places: &[u16]) -> Vec<Who> {
    places.iter().copied().map(Who::Node).collect()
}

fn expects(engine: EngineKind, nodes: u16, fault: Fault) -> (Progress, Forks) {
    let theory = Theory::of(&setting(engine, nodes), &[fault]);
    (theory.groups[0].progress, theory.groups[0].forks)
}

fn parted(sides: &[&[u16]], one_way: bool) -> Fault {
    Fault::Partition { sides: sides.iter().map(|side| some(side)).collect(), one_way }
}

const BYZANTINE: [EngineKind; 2] = [EngineKind::Pbft, EngineKind::HotStuff];

#[test]
fn a_side_with_a_quorum_goes_on_and_no_other() {
    for engine in BYZANTINE {
        assert_eq!(expects(engine, 4, parted(&[&[0, 1], &[2, 3]], false)), (Progress::Halts, Forks::Never));
        assert_eq!(
            expects(engine, 4, parted(&[&[0], &[1, 2, 3]], false)),
            (Progress::GoesOnSlowly, Forks::Never)
        );
        assert_eq!(expects(engine, 4, Fault::Kill { nodes: some(&[3]) }).0, Progress::GoesOnSlowly);
        assert_eq!(expects(engine, 4, Fault::Pause { nodes: some(&[2, 3]) }).0, Progress::Halts);
        assert_eq!(expects(engine, 7, Fault::Isolate { nodes: some(&[5, 6]) }).0, Progress::GoesOnSlowly);
        assert_eq!(expects(engine, 7, Fault::Isolate { nodes: some(&[4, 5, 6]) }).0, Progress::Halts);
    }
    assert_eq!(expects(EngineKind::Raft, 3, parted(&[&[0], &[1, 2]], false)).0, Progress::GoesOnSlowly);
    assert_eq!(expects(EngineKind::Raft, 4, parted(&[&[0, 1], &[2, 3]], false)).0, Progress::Halts);
    assert_eq!(expects(EngineKind::Raft, 5, Fault::Kill { nodes: some(&[0, 1]) }).0, Progress::GoesOnSlowly);
}

#[test]
fn whoever_is_not_heard_counts_no_more_than_whoever_hears_nothing() {
    for engine in BYZANTINE {
        assert_eq!(expects(engine, 4, parted(&[&[0], &[1, 2, 3]], true)).0, Progress::GoesOnSlowly);
        assert_eq!(expects(engine, 4, parted(&[&[0, 1], &[2, 3]], true)).0, Progress::Halts);
        assert_eq!(expects(engine, 4, parted(&[&[0], &[1]], false)).0, Progress::GoesOnSlowly);
    }
}

#[test]
fn one_liar_forks_only_engines_that_trust() {
    let twin = || Fault::Twin { node: Who::Node(2), audience: some(&[0]) };
    let liar = |place| Fault::Byzantine { node: Who::Node(place), behaviour: Attack::Equivocate };
    for engine in BYZANTINE {
        assert_eq!(expects(engine, 4, twin()), (Progress::GoesOnSlowly, Forks::Never));
        assert_eq!(expects(engine, 4, liar(3)).1, Forks::Never);
        let two = Theory::of(&setting(engine, 4), &[liar(2), liar(3)]);
        assert!(!two.is_safe(), "more than it withstands");
        assert_eq!(expects(engine, 3, twin()).1, Forks::Possible, "three withstand none");
    }
    assert_eq!(expects(EngineKind::Raft, 3, twin()).1, Forks::Possible);
    let mute = Fault::Byzantine { node: Who::Node(2), behaviour: Attack::Mute };
    assert_eq!(
        expects(EngineKind::Raft, 3, mute),
        (Progress::GoesOnSlowly, Forks::Never),
        "silence is a crash"
    );
}

#[test]
fn clocks_disks_and_lines_hurt_as_far_as_they_keep_a_quorum_from_voting() {
    let engine = EngineKind::HotStuff;
    let clock = |places: &[u16], offset_ms| Fault::Clock { nodes: some(places), offset_ms };
    assert_eq!(expects(engine, 4, clock(&[0, 1], -400)).0, Progress::GoesOn);
    assert_eq!(expects(engine, 4, clock(&[0], -5_000)).0, Progress::GoesOnSlowly);
    assert_eq!(expects(engine, 4, clock(&[0, 1], -5_000)).0, Progress::Halts);
    let disk = |places: &[u16], trouble| Fault::Disk { nodes: some(places), trouble };
    assert_eq!(expects(engine, 4, disk(&[0, 1], DiskTrouble::Full)).0, Progress::Halts);
    assert_eq!(expects(engine, 4, disk(&[0], DiskTrouble::FailSync)).0, Progress::GoesOnSlowly);
    let line = |places: &[u16], line| Fault::Link { from: some(places), to: Vec::new(), line };
    let slow = Line { delay: Span(Duration::from_millis(40)), ..Line::default() };
    let dead = Line { loss_percent: 100, ..Line::default() };
    let late = Line { delay: Span(Duration::from_secs(20)), ..Line::default() };
    assert_eq!(expects(engine, 4, line(&[0, 1, 2, 3], slow)).0, Progress::GoesOnSlowly);
    assert_eq!(expects(engine, 4, line(&[0, 1], dead)).0, Progress::Halts);
    assert_eq!(expects(engine, 4, line(&[0, 1], late)).0, Progress::MayHalt);
    assert_eq!(expects(engine, 4, line(&[0], late)).0, Progress::GoesOnSlowly);
}

#[test]
fn a_scheduler_that_hits_whoever_leads_is_outlasted_only_by_longer_time_outs() {
    for engine in [EngineKind::Pbft, EngineKind::HotStuff, EngineKind::Raft] {
        let late = |seconds| {
            let line = Line { delay: Span(Duration::from_secs(seconds)), ..Line::default() };
            Fault::Link { from: vec![Who::Leader(GroupId(1))], to: Vec::new(), line }
        };
        assert_eq!(expects(engine, 4, late(40)), (Progress::Halts, Forks::Never));
        assert_eq!(expects(engine, 4, late(3)), (Progress::MayHalt, Forks::Never));
        let other =
            Fault::Link { from: vec![Who::Leader(GroupId(2))], to: Vec::new(), line: Line::default() };
        assert_eq!(expects(engine, 4, other).0, Progress::GoesOn, "another group's leader");
    }
}

#[test]
fn it_is_told_in_sentences() {
    let fault = Fault::TwoPhase { from: GroupId(1), to: GroupId(2) };
    let theory = Theory::of(&setting(EngineKind::Pbft, 4), &[fault, parted(&[&[0, 1], &[2, 3]], false)]);
    let text = theory.to_string();
    for part in [
        "group 1 (pbft, quorum 3 of 4) halts: 2 members hear each other, 3 are needed.",
        "It can't fork: at most 1 lie.",
        "given up after 5 s",
        "refuses to commit",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

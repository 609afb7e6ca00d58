use super::*;
use std::collections::BTreeMap;
use witan_types::GroupId;

fn look() -> Look {
    let group = |number: u32| GroupLook {
        group: GroupId(number),
        engine: "raft (crash)".into(),
        height: 120,
        sealed: 119,
        blocks_per_s: 12.5,
        tx_per_s: 480.0,
        view: 3,
        leader: Some("n2".into()),
        timeouts: Some(1),
    };
    let node = |name: &str, ready: bool| NodeLook {
        name: name.into(),
        state: if ready { "ready".into() } else { "NO_QUORUM".into() },
        ready,
        heights: BTreeMap::from([(GroupId(0), 7), (GroupId(1), 120)]),
        peers: 3,
        mempool: 25,
        faults: Some(2),
    };
    Look {
        network: "local".into(),
        groups: vec![group(0), group(1)],
        nodes: vec![node("n0", true), node("n1", false)],
        explanation: Some("Group 1 makes no blocks: n2 and n3 do not answer.".into()),
        pace: vec![0.0, 1.0, 50.0, 100.0],
    }
}

#[test]
fn everything_that_a_user_looks_for_is_there() {
    let text = frame(&look(), (120, 40), Output::new(false)).join("\n");
    for shown in [
        "1 of 2 nodes ready",
        "0 root",
        "raft (crash)",
        "12.5",
        "480",
        "n2",
        "TIME-OUTS",
        "7 / 120",
        "NO_QUORUM",
        "25",
    ] {
        assert!(text.contains(shown), "{shown} in\n{text}");
    }
    assert!(text.contains("n2 and n3 do not answer."));
}

#[test]
fn a_frame_fits_its_terminal_however_small() {
    for (width, height) in [(200, 60), (80, 24), (40, 10), (12, 3), (1, 1)] {
        let lines = frame(&look(), (width, height), Output::new(false));
        assert!(lines.len() <= height, "{} lines in {height}", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= width), "{lines:?} in {width}");
    }
}

#[test]
fn a_sparkline_shows_the_newest_and_its_highest_is_full() {
    assert_eq!(sparkline(&[0.0, 1.0, 50.0, 100.0], 10), " ▁▄█");
    assert_eq!(sparkline(&[9.0, 0.0, 8.0], 2), " █");
    assert_eq!(sparkline(&[0.0, 0.0], 5), "  ");
}

use super::situation::{Fill, Lock, Member, RemoteGroup, Stranger};
use super::*;
use crate::disk::DiskFigures;
use witan_types::{EngineKind, GroupId};

const ALL: [&str; 4] = ["n0", "n1", "n2", "n3"];

/// Members of whom those are missing, seen by n0.
fn members(missing: &[&str]) -> Vec<Member> {
    let member =
        |name: &str| Member { name: name.into(), reached: !missing.contains(&name), is_me: name == "n0" };
    ALL.map(member).to_vec()
}

fn group(number: u32, missing: &[&str]) -> GroupSituation {
    GroupSituation {
        group: GroupId(number),
        engine: EngineKind::HotStuff,
        members: members(missing),
        quorum: 3,
        height: 12,
        sealed: 12,
        sealed_elsewhere: 12,
        sealed_a_second: None,
        view: 14,
        leader: Some(2),
        timeouts: 0,
        next_timeout_ms: None,
        has_work: false,
        stalled: Duration::ZERO,
        still: Duration::from_secs(9),
        mempool: Fill { transactions: 0, max_transactions: 100, bytes: 0, max_bytes: 1000 },
    }
}

/// n0 in groups 0 and 1, from where those are missing.
fn missing(missing: &[&str]) -> Situation {
    Situation {
        node: "n0".into(),
        live: true,
        groups: vec![group(0, missing), group(1, missing)],
        max_drift_ms: 500,
        chain: "0xaaaa…".into(),
        ..Situation::default()
    }
}

fn well() -> Situation {
    missing(&[])
}

fn stranger(name: &str) -> Stranger {
    Stranger {
        name: name.into(),
        id: "0x1234…".into(),
        address: "127.0.0.1:27030".into(),
        chain: Some("0xbbbb…".into()),
        validator: true,
    }
}

fn lock(awaits: u32) -> Lock {
    Lock {
        group: GroupId(1),
        key: "\"account\"".into(),
        more: 1,
        transaction: "0x5678…".into(),
        since_height: 7,
        age: Duration::from_secs(8),
        awaits: vec![GroupId(awaits)],
    }
}

/// A situation, whether the node is ready, its reasons in order, and how the paragraph begins.
type Case = (Situation, bool, &'static [&'static str], &'static str);

fn check<const COUNT: usize>(cases: [Case; COUNT]) {
    for (situation, ready, reasons, start) in cases {
        let explanation = explain(&situation);
        let found: Vec<&str> = explanation.findings.iter().map(|it| it.reason.as_str()).collect();
        assert_eq!(found, reasons, "{}", explanation.summary);
        assert!(explanation.summary.starts_with(start), "{}", explanation.summary);
        let health = health(&situation);
        assert_eq!((explanation.ready, health.ready), (ready, ready), "{}", explanation.summary);
        assert_eq!(health.reasons.is_empty(), ready);
        assert_eq!(health.details.is_empty(), ready);
        for finding in &explanation.findings {
            assert!(!finding.nodes.is_empty() && !finding.fix.is_empty(), "{finding:?}");
            let first = finding.text.split(['.', ':']).next().unwrap();
            assert!(finding.nodes.iter().all(|node| first.contains(node)), "{finding:?}");
        }
    }
}

#[test]
fn a_node_that_is_well_says_what_it_does() {
    assert_eq!(
        explain(&well()).summary,
        "n0 is well: group 1 (hotstuff) idle at block 12, led by n2 in view 14, reaching n0, n1, n2 and n3 (4 of 3 needed)."
    );
    let mut busy = well();
    busy.groups[1].has_work = true;
    busy.groups[1].sealed = 11;
    busy.groups[1].next_timeout_ms = Some(870);
    let explanation = explain(&busy);
    assert_eq!(
        explanation.summary,
        "n0 is well: group 1 (hotstuff) committing at block 12, sealed up to 11, led by n2 in view 14, reaching n0, n1, n2 \
         and n3 (4 of 3 needed), next time-out in 0.9 s."
    );
    assert!(explanation.ready && explanation.progressing);
    assert_eq!((explanation.groups[1].leader.as_deref(), explanation.groups[1].reached), (Some("n2"), 4));
}

#[test]
fn members_that_are_missing_are_named_with_what_they_cost() {
    let mut one_group = missing(&[]);
    one_group.groups[1] = group(1, &["n1", "n3"]);
    let mut turn = missing(&["n2"]);
    turn.groups.iter_mut().for_each(|group| group.next_timeout_ms = Some(400));
    check([
        (
            missing(&["n2", "n3"]),
            false,
            &["NO_QUORUM"],
            "n2 and n3 can't be reached from n0, so groups 0 and 1 have 2 of the 3 validators that a block needs, and make none. \
             Start n2 and n3 (in a local network: `witan testnet start n2 n3`), or repair the network between n0 and them: 1 \
             more is enough.",
        ),
        (
            one_group,
            false,
            &["GROUP_WITHOUT_QUORUM"],
            "n1 and n3 can't be reached from n0, so group 1 has 2 of the 3 validators",
        ),
        (
            missing(&["n2"]),
            true,
            &["DEAD_LEADER"],
            "n2, which leads group 1 in view 14, can't be reached from n0: the next transaction waits until its turn has timed \
             out, then another of the 3 validators reached leads. Start n2 (in a local network: `witan testnet start n2`)",
        ),
        (
            turn,
            true,
            &["DEAD_LEADER"],
            "n2, which leads group 1 in view 14, can't be reached from n0: its turn ends in 0.4 s",
        ),
        (
            missing(&["n1"]),
            true,
            &["VALIDATOR_DOWN"],
            "n1 can't be reached from n0; group 1 goes on with 3 validators of the 3 that a block needs. Start n1 (in a local \
             network: `witan testnet start n1`): one more failure stops the group.",
        ),
    ]);
    assert!(!explain(&missing(&["n1", "n2"])).progressing);
    assert!(explain(&missing(&["n1"])).progressing);
}

#[test]
fn a_group_that_stands_still_with_a_quorum_names_its_leader() {
    let mut stuck = well();
    stuck.groups[1].stalled = Duration::from_secs(42);
    stuck.groups[1].timeouts = 5;
    check([(
        stuck.clone(),
        false,
        &["NO_PROGRESS"],
        "n2 leads group 1, which has made no block for 42 s though work waits and n0 reaches 4 of the 3 validators needed: 5 \
         views in a row were given up.",
    )]);
    assert!(!explain(&stuck).progressing);
    stuck.groups[1].stalled = Duration::from_secs(29);
    assert!(explain(&stuck).ready, "time-outs alone take some seconds");
}

#[test]
fn a_clock_that_differs_is_whose_who_is_alone_with_it() {
    let clocks = |ahead: &[(&str, i64)]| {
        let clocks = ahead.iter().map(|(name, ms)| ((*name).to_owned(), *ms)).collect();
        Situation { clocks, ..well() }
    };
    let limit = 1_500;
    check([
        (clocks(&[("n1", -limit), ("n2", 3), ("n3", limit)]), true, &[], "n0 is well"),
        (
            clocks(&[("n1", -5_000), ("n2", -5_002), ("n3", -4_990)]),
            false,
            &["CLOCK_SKEW"],
            "n0's clock is 5.0 s ahead of those of n1, n2 and n3. Synchronize n0's clock (NTP)",
        ),
        (
            clocks(&[("n1", 9_000), ("n2", 9_000)]),
            false,
            &["CLOCK_SKEW"],
            "n0's clock is 9.0 s behind those of n1 and n2.",
        ),
        (
            clocks(&[("n1", 3_600_000), ("n2", 3), ("n3", 0)]),
            true,
            &["CLOCK_SKEW"],
            "n1's clock is 3600 s ahead of n0's. Synchronize n1's clock (NTP)",
        ),
        (clocks(&[("n1", i64::MIN)]), true, &["CLOCK_SKEW"], "n1's clock is 9223372036854775 s behind n0's."),
    ]);
}

#[test]
fn a_slow_disk_is_told_and_leaves_the_node_ready() {
    let disk = |syncs, ms, under_way: Option<u64>| {
        let took = Duration::from_millis(ms);
        let under_way = under_way.map(Duration::from_millis);
        Situation {
            disk: DiskFigures { syncs, median: took, longest: took * 2, last: took, under_way },
            ..well()
        }
    };
    check([
        (disk(9, 499, Some(1_999)), true, &[], "n0 is well"),
        (disk(2, 900, None), true, &[], "n0 is well"),
        (
            disk(9, 1_500, None),
            true,
            &["SLOW_DISK"],
            "n0's disk is slow: of the last 9 syncs of its consensus log half took 1.5 s or more, the longest 3.0 s. Look at",
        ),
        (
            disk(0, 0, Some(4_000)),
            true,
            &["SLOW_DISK"],
            "n0's disk is slow: a sync of its consensus log is under way for 4.0 s.",
        ),
    ]);
}

#[test]
fn a_full_mempool_counts_against_the_node_only_while_nothing_empties_it() {
    let full = |mut situation: Situation, stalled| {
        situation.groups[1].mempool.transactions = 100;
        situation.groups[1].stalled = Duration::from_secs(stalled);
        situation
    };
    let text = "n0's mempool of group 1 is full: 100 of 100 transactions wait, 0 of 1000 bytes, and new ones are refused.";
    check([
        (full(well(), 4), true, &["MEMPOOL_FULL"], text),
        (full(well(), 5), false, &["MEMPOOL_FULL"], text),
    ]);
    let stands = explain(&full(missing(&["n2", "n3"]), 0));
    let reasons: Vec<&str> = stands.findings.iter().map(|it| it.reason.as_str()).collect();
    assert_eq!(reasons, ["NO_QUORUM", "MEMPOOL_FULL"]);
    assert_eq!(stands.findings[1].fix, "It empties once group 1 makes blocks again.");
    let mut bytes = well();
    bytes.groups[1].mempool.bytes = 950;
    assert_eq!(explain(&bytes).findings[0].reason, "MEMPOOL_FULL");
}

#[test]
fn a_node_that_catches_up_says_how_far_it_is_and_how_fast() {
    let behind = |blocks: u64, speed| {
        let mut situation = well();
        situation.groups[1].sealed_elsewhere = 12 + blocks;
        situation.groups[1].sealed_a_second = speed;
        situation
    };
    check([
        (behind(16, None), true, &[], "n0 is well"),
        (
            behind(300, Some(100)),
            false,
            &["SYNCING"],
            "n0 is catching up: it has sealed block 12 of 312 in group 1, and fetches the other 300 from n1, n2 and n3. Wait: at \
             100 blocks a second, as lately, that takes 3.0 s and what comes meanwhile",
        ),
        (
            behind(17, Some(0)),
            false,
            &["SYNCING"],
            "n0 is catching up: it has sealed block 12 of 29 in group 1",
        ),
    ]);
}

#[test]
fn the_node_that_is_alone_with_its_genesis_is_the_one_that_went_astray() {
    let strangers = |gone: &[&str], met: &[&str]| {
        let strangers = met.iter().map(|name| stranger(name)).collect();
        Situation { strangers, ..missing(gone) }
    };
    check([
        (
            strangers(&["n3"], &["n3"]),
            true,
            &["WRONG_GENESIS"],
            "n3 (0x1234… at 127.0.0.1:27030) runs another genesis than n0: chain 0xbbbb… instead of 0xaaaa…, and so they refuse \
             each other. If n3 belongs to this network, stop it",
        ),
        (
            strangers(&["n1", "n2", "n3"], &["n1", "n2", "n3"]),
            false,
            &["WRONG_GENESIS", "NO_QUORUM"],
            "n0 runs another genesis than n1, n2 and n3: its chain is 0xaaaa…, theirs 0xbbbb…, and so they refuse each other. \
             Stop n0, put their genesis.json into its home",
        ),
    ]);
}

#[test]
fn a_locked_key_names_the_members_of_the_group_that_must_decide() {
    let elsewhere = RemoteGroup { group: GroupId(2), members: members(&["n2", "n3"]), quorum: 3 };
    let apart = Situation { locks: vec![lock(2)], elsewhere: vec![elsewhere], ..well() };
    let young = Situation { locks: vec![Lock { age: Duration::from_secs(4), ..lock(1) }], ..well() };
    check([
        (
            apart,
            true,
            &["LOCKED_KEY", "GROUP_WITHOUT_QUORUM"],
            "n2 and n3 can't be reached from n0, and group 2 without them can't decide: so transaction 0x5678… keeps \"account\" \
             and 1 more keys of group 1 locked since block 7, 8.0 s ago. Start n2 and n3",
        ),
        (
            Situation { locks: vec![lock(2)], ..well() },
            true,
            &["LOCKED_KEY"],
            "n0 waits for group 2: so transaction 0x5678…",
        ),
        (young, true, &[], "n0 is well"),
    ]);
}

#[test]
fn starting_stopping_hanging_and_staged_faults_are_told() {
    check([
        (Situation { groups: Vec::new(), ..well() }, false, &["STARTING"], "n0 is starting"),
        (Situation { stopping: true, ..well() }, false, &["STOPPING"], "n0 is stopping"),
        (
            Situation { live: false, ..well() },
            false,
            &["STALLED"],
            "n0's event loop has not turned for 5 seconds.",
        ),
        (
            Situation { faults: vec!["it is cut off from n1".into()], ..well() },
            true,
            &["FAULT"],
            "n0 has 1 fault staged: it is cut off from n1. fault_clear on n0 ends it.",
        ),
    ]);
    assert!(!explain(&Situation { live: false, ..well() }).progressing);
}

#[test]
fn however_many_nodes_are_concerned_a_sentence_stays_one() {
    let crowd: Vec<String> = (0..100).map(|number| format!("n{number}")).collect();
    assert_eq!(listed(&crowd), "n0, n1, n2, n3, n4, n5, n6, n7 and 92 more");
    let mut large = well();
    large.groups.truncate(1);
    large.groups[0].quorum = 67;
    large.groups[0].members = crowd
        .iter()
        .map(|name| Member { name: name.clone(), reached: name == "n0", is_me: name == "n0" })
        .collect();
    let explanation = explain(&large);
    assert_eq!(explanation.findings[0].nodes.len(), 8);
    assert!(
        explanation
            .summary
            .starts_with("n1, n2, n3, n4, n5, n6, n7, n8 and 91 more can't be reached from n0")
    );
}

#[test]
fn a_staged_fault_says_which_way_it_goes() {
    use crate::faults::Fault;
    use witan_p2p::Cut;
    let nodes: Vec<_> = [1, 2].map(|byte| witan_types::NodeId(witan_types::Hash([byte; 32]))).to_vec();
    let words = |fault: &Fault| words::fault_in_words(fault, |node| format!("n{}", node.0.0[0]));
    for (offset_ms, expected) in
        [(500, "its clock is set 500 ms ahead"), (-500, "its clock is set 500 ms behind")]
    {
        assert_eq!(words(&Fault::Clock { offset_ms }), expected);
    }
    for (cut, expected) in [
        (Cut::Both, "it is cut off from n1 and n2"),
        (Cut::In, "it does not hear from n1 and n2"),
        (Cut::Out, "it does not reach n1 and n2"),
    ] {
        assert_eq!(words(&Fault::Network { nodes: nodes.clone(), cut }), expected);
    }
    let delay = std::time::Duration::from_millis(40);
    let line = witan_p2p::Line { delay, loss_percent: 30, ..witan_p2p::Line::default() };
    let told = words(&Fault::Line { nodes: nodes.clone(), line });
    assert!(told.ends_with("is bad: 40 ms later, 30% lost"), "{told}");
}

//! Files are read as they are written, what is wrong in one is told with its line, and verdicts can fail.

use super::verdict::Found;
use super::*;
use crate::faults::{Fault, Span, Who};
use std::time::Duration;
use witan_types::{EngineKind, GroupId};

mod playing;

const HEAD: &str = "about = 'a test'\nnodes = 4\nengine = 'pbft'\nlasts = '10s'\n";

fn read(rest: &str) -> Result<Scenario, String> {
    Scenario::read("some/test.toml", &format!("{HEAD}{rest}")).map_err(|error| error.to_string())
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn a_file_is_read_as_it_is_written() {
    let scenario = read(
        "shards = 2\ngroup-engines = { root = 'pbft', 2 = 'hotstuff' }\ngroup-nodes = { 2 = ['n2', 'n1'] }\n\
         block-time = '50ms'\nseed = 9\nload = { tps = 50, cross-shard-percent = 20 }\n\
         [[fault]]\nat = '3s'\nfor = '2s'\nkind = 'kill'\nnodes = ['leader:2']\n\
         [[expect]]\nfrom = '1s'\nto = '2s'\ngroup = 2\nnodes = ['n1']\nprogress = false\nbecause = 'so it is'\n\
         [verdict]\nsafety = 'broken'\nliveness = 'lost'\n",
    )
    .unwrap();
    assert_eq!(
        (scenario.name.as_str(), scenario.file.as_str(), scenario.seed),
        ("test", "some/test.toml", 9)
    );
    assert_eq!(scenario.network.engine_of(GroupId(2)), EngineKind::HotStuff);
    assert_eq!(scenario.network.members_of(GroupId(2)), [1, 2]);
    assert_eq!(scenario.network.members_of(GroupId(1)), [0, 1, 2, 3]);
    assert_eq!(scenario.load, Some(Load { tps: 50, cross_shard_percent: 20 }));
    let fault = Fault::Kill { nodes: vec![Who::Leader(GroupId(2))] };
    assert_eq!(scenario.faults, [Timed { fault, at: seconds(3), until: seconds(5) }]);
    assert_eq!(scenario.right, Right { safety: Safety::Broken, liveness: Liveness::Lost });
    assert_eq!(scenario.looks().into_iter().collect::<Vec<_>>(), [seconds(1), seconds(2)]);
}

#[test]
fn a_fault_repeats_and_what_has_no_end_ends_when_everything_heals() {
    let scenario = read(
        "[[fault]]\nkind = 'isolate'\nnodes = ['leader']\nat = '1s'\nfor = '2s'\nevery = '3s'\ntimes = 3\n\
         [[fault]]\nkind = 'pause'\nnodes = ['n0']\nat = '2s'\n",
    )
    .unwrap();
    let times: Vec<(u64, u64)> =
        scenario.faults.iter().map(|timed| (timed.at.as_secs(), timed.until.as_secs())).collect();
    assert_eq!(times, [(1, 3), (2, 10), (4, 6), (7, 9)]);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_was_expected() {
    let raft = Scenario::read("f", &HEAD.replace("pbft", "raft")).unwrap_err().to_string();
    assert!(raft.contains("permissioned = true"), "{raft}");
    for (text, line, why) in [
        ("nonsense = 1", "line 5", "unknown field `nonsense`, expected"),
        (
            "[[fault]]\nkind = 'kill'\nnodes = ['n4']\nat = '1s'",
            ":5:",
            "there is no node n4: they are n0 to n3",
        ),
        (
            "[[fault]]\nkind = 'kill'\nnodes = ['n1']\nat = '10s'",
            ":5:",
            "begins after everything heals, at 10s",
        ),
        ("[[fault]]\nkind = 'kill'\nnodes = ['n1']\nat = '1s'\nwhen = 2", ":5:", "unknown field `when`"),
        ("[[fault]]\nkind = 'kill'\nnodes = ['n1']", ":5:", "missing field `at`"),
        ("[[fault]]\nkind = 'kill'\nnodes = []\nat = '1s'", ":5:", "names no node"),
        ("[[fault]]\nkind = 'melt'\nnodes = ['n1']\nat = '1s'", ":5:", "unknown variant `melt`"),
        ("[[fault]]\nkind = 'kill'\nnodes = ['n1']\nat = '1s'\nevery = '3s'", ":5:", "belong together"),
        (
            "[[fault]]\nkind = 'kill'\nnodes = ['n1']\nat = '1s'\nevery = '3s'\ntimes = 2",
            ":5:",
            "for must be given",
        ),
        (
            "[[fault]]\nkind = 'partition'\nsides = [['n1'], ['n1']]\nat = '1s'",
            ":5:",
            "each node is on one of them",
        ),
        ("[[fault]]\nkind = 'link'\nfrom = ['n0']\nline = {}\nat = '1s'", ":5:", "does nothing"),
        ("[[fault]]\nkind = 'twin'\nnode = 'leader'\naudience = ['n0']\nat = '1s'", ":5:", "must be named"),
        ("[[fault]]\nkind = 'twin'\nnode = 'n0'\naudience = ['n0']\nat = '1s'", ":5:", "other nodes"),
        (
            "[[fault]]\nkind = 'byzantine'\nnode = 'n0'\nbehaviour = 'twin'\nat = '1s'",
            ":5:",
            "a twin is a fault of its own",
        ),
        ("[[fault]]\nkind = 'two-phase'\nfrom = 1\nto = 2\nat = '1s'", ":5:", "two of this network's"),
        (
            "[[expect]]\nfrom = '2s'\nto = '1s'\nprogress = true\nbecause = 'x'",
            ":5:",
            "a window within the 10s",
        ),
        ("[[expect]]\nfrom = '1s'\nto = '2s'\nprogress = true\nbecause = ' '", ":5:", "says nothing"),
        (
            "[[expect]]\nfrom = '1s'\nto = '2s'\ngroup = 2\nprogress = true\nbecause = 'x'",
            ":5:",
            "no group 2",
        ),
        ("load = { tps = 0 }", ":5:", "0 transactions a second: 1 to 1000"),
        ("shards = 65", ":5:", "65 shards: 1 to 64"),
        ("group-engines = { 7 = 'pbft' }", ":5:", "no group \"7\": expected root or 1 to 1"),
        ("group-nodes = { 1 = ['n0', 'n0'] }", ":5:", "each once"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.starts_with("some/test.toml:"), "{error}");
        assert!(error.contains(line) && error.contains(why), "{text}\n{error}");
    }
}

fn check(kind: Kind, holds: Option<bool>) -> Checked {
    Checked { promise: "a promise".into(), kind, holds, evidence: "what was seen".into() }
}

fn outcome(right: Right, checks: Vec<Checked>) -> Outcome {
    let scenario = Scenario { right, ..read("").unwrap() };
    let found = Found { checks, ..Found::default() };
    Verdict::of(&scenario, "here", Vec::new(), found, "again".into()).outcome
}

#[test]
fn a_verdict_is_the_worst_that_was_not_to_be_expected() {
    let healthy = Right::default();
    let forks = Right { safety: Safety::Broken, liveness: Liveness::Lost };
    let (held, forked) = (check(Kind::Fork, Some(true)), check(Kind::Fork, Some(false)));
    let stuck = check(Kind::Liveness, Some(false));
    assert_eq!(outcome(healthy, vec![held.clone()]), Outcome::Pass);
    assert_eq!(outcome(healthy, vec![forked.clone(), stuck.clone()]), Outcome::Safety);
    assert_eq!(outcome(healthy, vec![stuck.clone()]), Outcome::Liveness);
    assert_eq!(
        outcome(healthy, vec![check(Kind::Liveness, None)]),
        Outcome::Fail,
        "what was not checked is no pass"
    );
    assert_eq!(outcome(forks, vec![forked.clone(), stuck, check(Kind::Liveness, None)]), Outcome::Pass);
    assert_eq!(outcome(forks, vec![held]), Outcome::Fail, "the fork has to be found");
    assert_eq!(outcome(forks, vec![]), Outcome::Fail);
    let (follows, other) = (check(Kind::OneChain, Some(false)), check(Kind::Safety, Some(false)));
    assert_eq!(outcome(forks, vec![follows.clone()]), Outcome::Safety, "nothing excuses it but a fork");
    assert_eq!(outcome(forks, vec![forked.clone(), follows]), Outcome::Pass);
    assert_eq!(outcome(forks, vec![forked, other]), Outcome::Safety, "a fork does not excuse everything");
}

#[test]
fn whether_a_group_makes_progress_is_told_by_heights_at_both_ends() {
    let expect = |progress| {
        let text = format!("[[expect]]\nfrom = '1s'\nto = '2s'\nprogress = {progress}\nbecause = 'x'");
        read(&text).unwrap()
    };
    let sample = |at, heights: &[(u16, u64)]| Sample {
        at: Span(seconds(at)),
        standings: heights
            .iter()
            .map(|(node, height)| Standing { node: *node, group: GroupId(1), height: *height })
            .collect(),
    };
    let seen = |progress, samples: &[Sample]| expect(progress).judge(samples)[0].clone();
    let still = [sample(1, &[(0, 5), (1, 4)]), sample(2, &[(0, 5), (2, 9)])];
    let moves = [sample(1, &[(0, 5)]), sample(2, &[(0, 6)])];
    assert!(seen(false, &still).seen && !seen(true, &still).seen, "n2 was silent at first");
    assert!(seen(true, &moves).seen && !seen(false, &moves).seen);
    assert_eq!(seen(true, &moves).evidence, "blocks executed: n0 5 to 6, n1 silent, n2 silent, n3 silent");
    assert!(
        !seen(false, &moves[..1]).seen && !seen(true, &[]).seen,
        "a window that nobody saw shows nothing"
    );
}

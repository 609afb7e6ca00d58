//! A check that can't fail is no check: each finds what is planted for it in the answers of one node, and nothing where nothing
//! is.

mod fake;

use super::acknowledged::{self, FILE_NAME};
use super::*;
use crate::sim::Promise;
use fake::{FakeNode, Plant, network};
use std::collections::BTreeMap;
use witan_types::Seal;
use witan_types::Wire as _;

async fn checked(subject: &Subject<FakeNode>, options: &Options) -> CheckReport {
    let mut told = 0;
    let report = run(subject, options, &mut |_| told += 1).await.unwrap();
    assert_eq!((told, report.findings.len()), (PROMISES.len(), PROMISES.len()), "each is told");
    report
}

/// Checks a network with this in the answers of n1.
async fn with(plant: Plant) -> CheckReport {
    let (subject, options, _) = network(plant);
    checked(&subject, &options).await
}

/// The promises that are not kept, and what was found of each.
fn broken(report: &CheckReport) -> BTreeMap<Promise, &[Evidence]> {
    let broken = report.findings.iter().filter(|finding| finding.verdict == Verdict::Broken);
    broken.map(|finding| (finding.promise, finding.evidence.as_slice())).collect()
}

/// What was found of the one promise that is broken.
fn only(report: &CheckReport, promise: Promise) -> &[Evidence] {
    let broken = broken(report);
    assert_eq!(broken.keys().collect::<Vec<_>>(), [&promise], "{report:#?}");
    assert!(!broken[&promise].is_empty());
    broken[&promise]
}

#[tokio::test]
async fn a_network_that_keeps_its_word_passes_and_what_nobody_acknowledged_is_not_judged() {
    let report = with(Plant::None).await;
    assert_eq!((report.outcome, report.outcome.exit_code()), (Outcome::Kept, 0));
    for finding in &report.findings {
        let expected =
            if finding.promise == Promise::Durability { Verdict::NotJudged } else { Verdict::Kept };
        assert_eq!(finding.verdict, expected, "{finding:#?}");
    }
    let heights = &report.finding(Promise::Agreement).unwrap().covered;
    assert!(heights.contains("group 0 10"), "{heights}");
    let history = &report.finding(Promise::Serializability).unwrap().covered;
    assert!(!history.contains("(0 committed"), "{history}");
}

#[tokio::test]
async fn two_blocks_at_a_height_break_agreement_and_show_who_holds_which_and_the_seal() {
    let report = with(Plant::OtherBlock(5)).await;
    let found = only(&report, Promise::Agreement);
    let fork = found.iter().find_map(|evidence| match evidence {
        Evidence::Fork { group, height, blocks } => Some((*group, *height, blocks)),
        _ => None,
    });
    let (group, height, blocks) = fork.unwrap();
    assert_eq!((group, height, blocks.len()), (GroupId(1), 5, 2));
    assert_ne!(blocks[0].block_id, blocks[1].block_id);
    assert_eq!((blocks[0].nodes.join(" "), blocks[1].nodes.join(" ")), ("n0 n2 n3".into(), "n1".into()));
    assert_eq!((&*blocks[0].proposer, &*blocks[1].proposer), ("n1", "n2"));
    let seal = witan_rpc::encoding::read_hex(blocks[0].seal.as_ref().unwrap()).unwrap();
    let seal = Seal::decode(&seal).unwrap();
    assert_eq!((seal.outcome.block_id.to_string(), &blocks[1].seal), (blocks[0].block_id.clone(), &None));
    // The block above names the other one as its parent.
    assert!(found.iter().any(|evidence| matches!(evidence, Evidence::Torn { node, .. } if node == "n1")));
    assert_eq!(report.outcome.exit_code(), 4);
}

#[tokio::test]
async fn two_results_of_one_block_break_agreement() {
    let report = with(Plant::OtherResult(5)).await;
    assert!(matches!(&only(&report, Promise::Agreement)[0], Evidence::Fork { height: 5, .. }));
}

#[tokio::test]
async fn a_seal_of_too_few_of_another_block_or_of_nobody_breaks_validity() {
    // Heights that n1 is asked for in its turn.
    for (plant, why) in [
        (Plant::ForgedSeal(5), "quorum"),
        (Plant::SealOfAnother(5), "height 4"),
        (Plant::NoSeal(5), "no seal"),
    ] {
        let report = with(plant).await;
        let found = only(&report, Promise::ValidSeals);
        let Evidence::Seal { node, group: GroupId(1), height: 5, why: found } = &found[0] else {
            panic!("{found:?}");
        };
        assert!(node == "n1" && found.contains(why), "{plant:?}: {found}");
    }
}

/// Acknowledges a transaction on a network with this in the answers of n1, and checks it.
async fn acknowledged_with(plant: Plant) -> CheckReport {
    let (subject, options, _) = network(plant);
    let written = checked(&subject, &Options { write: true, ..options.clone() }).await;
    assert_eq!(broken(&written).get(&Promise::Durability), None, "nothing was acknowledged yet");
    let tx = fake::some_transaction(&subject);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    acknowledged::append(&path, subject.genesis.chain(), &[tx]).unwrap();
    checked(&subject, &Options { acknowledged: Some(path), write: false, ..options }).await
}

#[tokio::test]
async fn an_acknowledged_transaction_that_a_node_forgot_moved_or_gave_up_breaks_durability() {
    let kept = acknowledged_with(Plant::None).await;
    assert_eq!(kept.finding(Promise::Durability).unwrap().verdict, Verdict::Kept);
    for (plant, what) in
        [(Plant::Forgets, "unknown"), (Plant::Misplaces, "committed"), (Plant::Aborts, "aborted")]
    {
        let report = acknowledged_with(plant).await;
        let found = only(&report, Promise::Durability);
        let Evidence::Acknowledged { node, says, .. } = &found[0] else { panic!("{found:?}") };
        assert!(node == "n1" && says.contains(what) && found.len() == 1, "{plant:?}: {found:?}");
    }
}

#[tokio::test]
async fn a_balance_that_is_gone_breaks_conservation_by_a_strict_read_and_by_a_scan() {
    let (subject, options, _) = network(Plant::LosesBalance);
    for (write, how) in [(true, "strict"), (false, "scan")] {
        let report = checked(&subject, &Options { write, ..options.clone() }).await;
        let found = only(&report, Promise::Conservation);
        let Evidence::Balance { node, total, issued, how: found, .. } = &found[0] else {
            panic!("{found:?}")
        };
        assert_eq!((&**node, &**total, &**issued), ("n1", "2001", "3000"));
        assert!(found.contains(how), "{found}");
    }
}

#[tokio::test]
async fn a_transfer_to_a_new_account_conserves() {
    let (subject, options, world) = network(Plant::None);
    world.lock().unwrap().transfer(400);
    let report = checked(&subject, &options).await;
    assert_eq!(report.outcome, Outcome::Kept, "{report:#?}");
    assert!(report.finding(Promise::Conservation).unwrap().covered.starts_with("4 accounts hold the 3000"));
}

#[tokio::test]
async fn reads_that_leave_out_what_was_written_break_strict_serializability() {
    let report = with(Plant::StaleReads).await;
    assert!(matches!(&only(&report, Promise::Serializability)[0], Evidence::History { .. }));
    assert_eq!(report.outcome.exit_code(), 4);
}

#[tokio::test]
async fn a_lock_that_outlives_its_transaction_is_an_orphan() {
    let report = with(Plant::KeepsLock).await;
    let found = broken(&report);
    let Evidence::Lock { node, group, why, .. } = &found[&Promise::NoOrphans][0] else { panic!("{found:?}") };
    assert_eq!((&**node, *group), ("n1", GroupId(2)));
    assert!(why.contains("the transaction is committed"), "{why}");
    assert_eq!(report.outcome, Outcome::Liveness, "{report:#?}");
}

#[tokio::test]
async fn a_node_through_which_nothing_commits_breaks_liveness_and_says_why() {
    let report = with(Plant::Stands).await;
    let found = only(&report, Promise::Liveness);
    let Evidence::Stalled { node, explanation, .. } = &found[0] else { panic!("{found:?}") };
    assert_eq!((&**node, &**explanation, found.len()), ("n1", "n1 waits for n3.", 2));
    assert_eq!(report.finding(Promise::Serializability).unwrap().verdict, Verdict::NotJudged);
    assert_eq!(report.outcome.exit_code(), 3);
}

#[test]
fn safety_wins_over_liveness() {
    let findings = [Promise::Liveness, Promise::Agreement].map(|promise| {
        let mut finding = Finding::of(promise);
        finding.broken_by(Evidence::History { violation: "planted".into() });
        finding
    });
    let report = CheckReport::new(String::new(), Vec::new(), findings.to_vec());
    assert_eq!(report.outcome.exit_code(), 4);
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_named_and_a_network_of_those_is_an_error() {
    let report = with(Plant::Silent).await;
    assert_eq!(report.outcome, Outcome::Kept);
    let silent: Vec<_> = report.nodes.iter().filter(|node| node.not_asked.is_some()).collect();
    assert_eq!((silent.len(), &*silent[0].name), (1, "n1"));
    let (subject, options, _) = network(Plant::Silent);
    let subject = Subject { nodes: vec![subject.nodes[1].clone()], ..subject };
    let error = run(&subject, &options, &mut |_| ()).await.unwrap_err();
    assert!(matches!(error, CheckError::NobodyAnswers { .. }), "{error}");
}

#[tokio::test]
async fn one_node_alone_agrees_with_nobody_and_without_writing_what_writes_is_not_judged() {
    let (subject, options, _) = network(Plant::None);
    let alone = Subject { nodes: subject.nodes[..1].to_vec(), ..subject };
    let report = checked(&alone, &Options { write: false, ..options }).await;
    let judged = |promise| report.finding(promise).unwrap().verdict;
    for promise in [Promise::Agreement, Promise::Liveness, Promise::Serializability] {
        assert_eq!(judged(promise), Verdict::NotJudged, "{promise}");
    }
    assert_eq!((judged(Promise::ValidSeals), judged(Promise::Conservation)), (Verdict::Kept, Verdict::Kept));
}

#[tokio::test]
async fn a_node_of_another_chain_is_an_error() {
    let (mut subject, options, _) = network(Plant::None);
    subject.genesis.name = "another".into();
    let error = run(&subject, &options, &mut |_| ()).await.unwrap_err();
    assert!(matches!(error, CheckError::OtherChain { .. }), "{error}");
}

#[test]
fn a_sentence_ends_at_a_point_before_a_space() {
    assert_eq!(first_sentence("n3 has 1.5 s to go. Then it waits."), "n3 has 1.5 s to go.");
    assert_eq!(first_sentence("All well"), "All well");
}

use super::*;
use witan_testnet::rpc::ExplainedGroup;
use witan_types::EngineKind;

const ALL: [&str; 4] = ["n0", "n1", "n2", "n3"];

fn groups() -> Vec<GroupFacts> {
    let members: Vec<String> = ALL.iter().map(|name| (*name).to_owned()).collect();
    [0, 1].map(|group| GroupFacts { group: GroupId(group), members: members.clone(), quorum: 3 }).to_vec()
}

fn finding(reason: &str, nodes: &[&str], text: &str) -> Finding {
    let nodes = nodes.iter().map(|name| (*name).to_owned()).collect();
    Finding { reason: reason.into(), group: None, nodes, text: text.into(), fix: "Do this.".into() }
}

/// A node that reaches all but these, and finds that.
fn answer(name: &str, missing: &[&str], findings: Vec<Finding>) -> Answer {
    let missing: Vec<String> = missing.iter().map(|name| (*name).to_owned()).collect();
    let group = ExplainedGroup {
        group: GroupId(1),
        engine: EngineKind::HotStuff,
        height: 12,
        sealed_height: 12,
        leader: Some("n2".into()),
        view: 14,
        next_timeout_ms: None,
        reached: 4 - missing.len(),
        quorum: 3,
        progressing: missing.len() < 2,
        missing,
    };
    let (progressing, ready) = (group.progressing, group.progressing);
    let explanation =
        Explanation { summary: String::new(), progressing, ready, findings, groups: vec![group] };
    Answer::new(name.into(), true, Some(explanation))
}

fn silent(name: &str, runs: bool) -> Answer {
    Answer::new(name.into(), runs, None)
}

fn said(answers: &[Answer]) -> String {
    summary(&groups(), answers)
}

#[test]
fn a_network_that_is_well_says_what_it_does() {
    let answers = ALL.map(|name| answer(name, &[], Vec::new()));
    assert_eq!(
        said(&answers),
        "All is well with n0, n1, n2 and n3. Group 1 (hotstuff) is at block 12, led by n2."
    );
}

#[test]
fn nodes_that_do_not_answer_come_first_with_what_they_cost_and_how_to_start_them() {
    let told = || vec![finding("NO_QUORUM", &["n2", "n3"], "n2 and n3 can't be reached from n0.")];
    let answers = [
        answer("n0", &["n2", "n3"], told()),
        answer("n1", &["n2", "n3"], told()),
        silent("n2", false),
        silent("n3", true),
    ];
    assert_eq!(
        said(&answers),
        "n2 and n3 don't answer, so groups 0 and 1 have 2 of the 3 votes they need and make no block. n2 does not run: `witan testnet start n2`. n3 runs and says nothing: see `witan testnet \
         logs n3`. Group 1 (hotstuff) is at block 12, led by n2."
    );
    let one = [
        answer("n0", &["n3"], Vec::new()),
        answer("n1", &["n3"], Vec::new()),
        answer("n2", &["n3"], Vec::new()),
        silent("n3", false),
    ];
    assert!(
        said(&one).starts_with(
            "n3 doesn't answer; every group still has the votes it needs, and would stop with one fewer. n3 does not run: \
             `witan testnet start n3`."
        ),
        "{}",
        said(&one)
    );
}

#[test]
fn a_network_none_of_which_runs_is_explained_too() {
    let answers = ALL.map(|name| silent(name, false));
    assert_eq!(
        said(&answers),
        "n0, n1, n2 and n3 don't run, so nothing happens: `witan testnet up` starts them with their keys and data."
    );
    let hung = [silent("n0", true), silent("n1", false)];
    assert_eq!(said(&hung), "n0 and n1 don't answer, though n0 runs: see `witan testnet logs`.");
}

#[test]
fn nodes_that_answer_and_do_not_reach_each_other_are_a_partition_told_once() {
    let lone = vec![finding("NO_QUORUM", &["n0", "n1", "n2"], "n0, n1 and n2 can't be reached from n3.")];
    let down = || vec![finding("VALIDATOR_DOWN", &["n3"], "n3 can't be reached.")];
    let answers = [
        answer("n0", &["n3"], down()),
        answer("n1", &["n3"], down()),
        answer("n2", &["n3"], down()),
        answer("n3", &["n0", "n1", "n2"], lone),
    ];
    let text = said(&answers);
    assert!(
        text.starts_with("n3 answers but can't reach n0, n1 and n2, though those answer too: the network"),
        "{text}"
    );
    assert!(!text.contains("can't be reached"), "said before: {text}");
}

#[test]
fn what_several_nodes_find_is_told_once_and_a_stray_node_is_no_partition() {
    let skew = || finding("CLOCK_SKEW", &["n1"], "n1's clock is 5.0 s ahead.");
    let stray = || finding("WRONG_GENESIS", &["n3"], "n3 runs another genesis.");
    let answers = [
        answer("n0", &["n3"], vec![skew(), stray()]),
        answer("n1", &["n3"], vec![skew(), stray()]),
        answer(
            "n3",
            &["n0", "n1"],
            vec![stray(), finding("NO_QUORUM", &["n0", "n1"], "n0 and n1 can't be reached from n3.")],
        ),
    ];
    let text = said(&answers);
    assert!(
        text.starts_with("n1's clock is 5.0 s ahead. Do this. n3 runs another genesis. Do this. Group 1"),
        "{text}"
    );
    let many = (0..7).map(|number| finding(&format!("R{number}"), &["n0"], "Oh.")).collect();
    assert!(said(&[answer("n0", &[], many)]).contains("2 more findings: see --json."));
}

//! What a majority holds, by the cases of etcd's Raft: see `data/etcd-raft/README.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

use witan_consensus::raft::rules::held_by_quorum;

const CASES: &str = include_str!("data/etcd-raft/majority_commit.txt");

/// A case: what each member holds, none if that is not known, and what a majority of them holds.
struct Case {
    line: String,
    held: Vec<u64>,
    committed: u64,
}

/// The numbers of `name=(1, 2, _)`; an unknown one is 0.
fn list(line: &str, name: &str) -> Option<Vec<u64>> {
    let (_, rest) = line.split_once(&format!("{name}=("))?;
    let (inner, _) = rest.split_once(')')?;
    let number = |part: &str| match part.trim() {
        "_" => 0,
        digits => digits.parse().expect("a number"),
    };
    Some(inner.split(',').map(number).collect())
}

/// A command is a line, dashes, and its answer up to a blank line, whose last line says what is committed.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut lines = CASES.lines().filter(|line| !line.starts_with('#'));
    while let Some(line) = lines.next() {
        // The first has no members: it is about joint quorums, which Witan has no use for.
        let Some(members) = list(line, "committed cfg") else { continue };
        assert_eq!(lines.next(), Some("----"));
        let answer: Vec<&str> = lines.by_ref().take_while(|line| !line.trim().is_empty()).collect();
        let committed = answer.last().unwrap().parse().expect("a height");
        let held = list(line, "idx").unwrap();
        assert_eq!(held.len(), members.len());
        cases.push(Case { line: line.to_owned(), held, committed });
    }
    cases
}

#[test]
fn a_majority_holds_what_etcd_says_it_does() {
    let cases = cases();
    assert_eq!(cases.len(), CASES.matches("committed cfg").count());
    assert_eq!(cases.len(), 15);
    for case in cases {
        let majority = case.held.len() / 2 + 1;
        assert_eq!(held_by_quorum(&case.held, majority), Some(case.committed), "{}", case.line);
    }
}

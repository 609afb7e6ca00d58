//! The mutation gate of Raft's rules: each story ends with two different decided blocks at one height under its planted
//! fault, and with one chain without it. A rule that one of these lets go unbroken would be a rule nobody needs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may fail by panic"
)]

mod common;

use common::BASE_TIMEOUT;
use common::raft::Stage;
use common::stage::Letter;
use witan_consensus::engine::{Input, Verdict};
use witan_consensus::raft::{Message, PlantedFault};

/// Plays a story with and without its fault.
fn forks_only_under(fault: PlantedFault, size: usize, story: impl Fn(&mut Stage)) {
    let mut honest = Stage::raft(size, None);
    story(&mut honest);
    assert!(!honest.has_forked(), "the rules hold");
    let mut faulty = Stage::raft(size, Some(fault));
    story(&mut faulty);
    assert!(faulty.has_forked(), "the story finds the fault");
}

/// 0 and 1 both stand in term 1, and 2 is asked for its vote by 0 first; `between` happens before 1 asks it too.
fn two_stand_in_one_term(stage: &mut Stage, between: impl Fn(&mut Stage)) {
    stage.stand(0);
    stage.deliver(|letter| letter.is_pre_vote() && letter.is_between(&[0, 2]));
    let asked: Vec<Letter<Message>> = stage.pool.iter().filter(|letter| letter.is_vote()).cloned().collect();
    stage.stand(1);
    stage.deliver(|letter| letter.is_pre_vote() && letter.is_between(&[1, 2]));
    stage.pool.extend(asked);
    stage.deliver(|letter| letter.is_vote() && letter.is_between(&[0, 2]));
    between(stage);
    stage.deliver(|letter| letter.is_vote() && letter.is_between(&[1, 2]));
    assert!(stage.leads(0) && stage.term(0) == 1 && stage.term(1) == 1);
}

/// Each that leads makes a block, of which 2 alone hears; 2 is not told by 0 what is committed.
fn both_append(stage: &mut Stage) {
    stage.draft(0);
    stage.deliver(|letter| letter.is_replication() && letter.is_between(&[0, 2]) && !tells_commit(letter));
    assert_eq!(stage.decided(0).len(), 1);
    stage.lose(|letter| !letter.is_between(&[1, 2]));
    stage.append(1, &[1, 2]);
}

/// Whether a leader says that something is committed.
fn tells_commit(letter: &Letter<Message>) -> bool {
    matches!(&letter.message, Message::Append(append) if append.commit > 100)
}

/// 0 leads, and decides a block that 1 holds as well; 1 is not told that it is committed.
fn zero_decides(stage: &mut Stage) {
    assert!(stage.elect(0, &[1]));
    stage.draft(0);
    stage.deliver(|letter| letter.is_replication() && letter.is_between(&[0, 1]) && !tells_commit(letter));
    assert_eq!(stage.decided(0).len(), 1);
    assert!(stage.decided(1).is_empty());
    stage.lose(|_| true);
}

#[test]
fn an_entry_of_an_older_term_committed_by_counting_forks() {
    forks_only_under(PlantedFault::CommitOlderTerm, 5, |stage| {
        // Figure 8. (a) 0 leads, and its first block reaches 1 alone.
        assert!(stage.elect(0, &[2, 3]));
        stage.append(0, &[0, 1]);
        assert_eq!(stage.end(1), 101);
        // (b) 4 leads by the votes of others, and has another block at that height; nobody hears of it.
        assert!(stage.elect(4, &[2, 3]));
        stage.draft(4);
        // (c) 0 leads again, and its old block reaches 2: a majority holds it, and nothing of this term is above it.
        assert!(stage.elect(0, &[1, 2]));
        stage.replicate(&[0, 1, 2]);
        assert_eq!(stage.end(2), 101);
        // (d) 4 leads again, and its block replaces that one everywhere: what is above it is of its term.
        assert!(stage.elect(4, &[2, 3]));
        stage.append(4, &[2, 3, 4]);
        assert_eq!(stage.decided(4).len(), 2);
    });
}

#[test]
fn two_votes_in_a_term_fork() {
    forks_only_under(PlantedFault::VoteTwice, 3, |stage| {
        two_stand_in_one_term(stage, |_| {});
        both_append(stage);
    });
}

#[test]
fn a_vote_forgotten_in_a_crash_forks() {
    forks_only_under(PlantedFault::BallotWithoutRecord, 3, |stage| {
        two_stand_in_one_term(stage, |stage| stage.restart(2));
        both_append(stage);
    });
}

#[test]
fn a_refusal_taken_for_a_vote_forks() {
    forks_only_under(PlantedFault::RefusalCounts, 3, |stage| {
        two_stand_in_one_term(stage, |_| {});
        both_append(stage);
    });
}

#[test]
fn an_entry_forgotten_in_a_crash_forks() {
    forks_only_under(PlantedFault::EntryWithoutRecord, 3, |stage| {
        zero_decides(stage);
        // 1 crashes. If it forgot the block, it sees no reason not to follow 2, which never had it.
        stage.restart(1);
        stage.elect(2, &[1]);
        stage.append(2, &[1, 2]);
        // If it did not, it alone can lead.
        stage.elect(1, &[2]);
        stage.append(1, &[1, 2]);
        assert!(!stage.decided(1).is_empty());
    });
}

#[test]
fn a_leader_that_lacks_what_was_committed_forks() {
    forks_only_under(PlantedFault::OutdatedCandidate, 3, |stage| {
        zero_decides(stage);
        stage.elect(2, &[1]);
        stage.append(2, &[1, 2]);
    });
}

#[test]
fn entries_taken_without_the_one_before_them_fork() {
    forks_only_under(PlantedFault::AppendWithoutMatch, 3, |stage| {
        // 0 has a block that nobody else has; 1 has another at that height.
        assert!(stage.elect(0, &[2]));
        stage.draft(0);
        assert!(stage.elect(1, &[2]));
        stage.draft(1);
        // When 1 leads again, the first it says to 0 stands on its own block.
        assert!(stage.elect(1, &[2]));
        stage.append(1, &[0, 1]);
        assert_eq!(stage.decided(1).len(), 2);
        assert_eq!(stage.decided(0).len(), 2);
    });
}

#[test]
fn what_stands_where_the_leader_has_committed_taken_for_committed_forks() {
    forks_only_under(PlantedFault::CommitUnmatched, 3, |stage| {
        // 0 has a block that nobody else has; 1 leads the next term, and 2 has its block.
        assert!(stage.elect(0, &[2]));
        stage.draft(0);
        assert!(stage.elect(1, &[2]));
        stage.pool.clear();
        stage.say_present(1);
        stage.draft(1);
        stage
            .deliver(|letter| letter.is_replication() && !letter.has_entries() && letter.is_between(&[0, 1]));
        // The entries are lost on their way to 0, which then hears that the height is committed.
        stage.lose(|letter| letter.has_entries() && letter.to == 0);
        stage.replicate(&[1, 2]);
        assert_eq!(stage.decided(1).len(), 1);
        stage.say_present(1);
        stage.deliver(|letter| letter.is_append() && !letter.has_entries() && letter.to == 0);
    });
}

#[test]
fn an_answer_of_an_earlier_term_taken_for_one_of_this_forks() {
    forks_only_under(PlantedFault::OldAnswerCounts, 5, |stage| {
        // 0 leads; 1 takes three of its blocks, and says so very late.
        assert!(stage.elect(0, &[2, 3]));
        stage.append(0, &[0, 1]);
        for _ in 0..2 {
            stage.draft(0);
        }
        stage.deliver(|letter| letter.is_append() && letter.to == 1);
        let late: Vec<Letter<Message>> =
            stage.pool.iter().filter(|letter| letter.is_matched(103)).cloned().collect();
        assert_eq!(late.len(), 1);
        // 4 leads, and its block replaces those of 0.
        assert!(stage.elect(4, &[2, 3]));
        stage.append(4, &[0, 4]);
        assert_eq!(stage.end(0), 101);
        // 0 leads again. Its next block reaches 2; what 1 holds at that height is another.
        assert!(stage.elect(0, &[2, 3]));
        stage.append(0, &[0, 2]);
        assert_eq!(stage.end(2), 102);
        stage.pool.extend(late);
        stage.deliver(|letter| letter.is_matched(103));
        stage.lose(|_| true);
        // 4 leads once more, without them.
        assert!(stage.elect(4, &[1, 3]));
        stage.append(4, &[1, 3, 4]);
        assert_eq!(stage.decided(4).len(), 2);
    });
}

#[test]
fn a_new_leader_that_goes_on_taking_what_the_last_one_sent_forks() {
    forks_only_under(PlantedFault::LeaderTakesIn, 3, |stage| {
        assert!(stage.elect(0, &[1, 2]));
        stage.append(0, &[0, 1, 2]);
        // A block of 0 waits for the ledger of 1 when 0 hands over to it.
        stage.verdict = None;
        stage.now += BASE_TIMEOUT / 10;
        stage.append(0, &[0, 1]);
        let waiting = *stage.asked(1).last().unwrap();
        stage.give(0, Input::Leaving);
        stage.deliver(|letter| !letter.is_replication());
        assert!(stage.leads(1));
        // It leads by the vote of 2, with whom it decides a block of its own at that height.
        stage.verdict = Some(Verdict::Valid);
        stage.append(1, &[1, 2]);
        assert_eq!(stage.decided(1).len(), 2);
        // Only now the ledger approves the other. A leader replaces nothing in its log.
        stage.give(1, Input::Validated(waiting, Verdict::Valid));
        stage.say_present(1);
        stage.replicate(&[0, 1]);
        stage.append(1, &[0, 1]);
        assert!(stage.decided(0).len() > 1);
    });
}

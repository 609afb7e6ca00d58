//! Protocol stories as scripts: `consensus/tests/scripts/<engine>/<story>.txt`. Each begins with what happens and what
//! must come of it, in plain words; then come blocks of commands, each followed by what the members did. `scripts/play.rs`
//! says which commands there are.
//!
//! A story whose outputs change fails. If the change is wanted, write the outputs anew and read the difference:
//!
//! ```sh
//! WITAN_WRITE_SCRIPTS=1 cargo test --release -p witan-consensus --test scripts
//! git diff consensus/tests/scripts
//! ```
//!
//! Another engine joins by a file beside `scripts/hotstuff.rs` and `scripts/pbft.rs`, a folder of stories, and a test here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "a test may fail by panic, and reads its scripts from files"
)]

mod common;

mod scripts {
    pub mod command;
    pub mod golden;
    pub mod hotstuff;
    pub mod pbft;
    pub mod play;
    pub mod raft;
    pub mod told;
}

use scripts::golden;
use scripts::play::Play;
use scripts::told::Told;
use witan_consensus::hotstuff::{self, HotStuff};
use witan_consensus::pbft::{self, Pbft};
use witan_consensus::raft::{self, Raft};

/// Each script comes out otherwise once its mistake is planted in every member.
fn scripts_tell<E: Told>(engine: &str, told: &[(&str, E::Fault)])
where
    E::Fault: std::fmt::Debug,
{
    for (script, fault) in told {
        let holds = |fault| golden::holds(engine, script, &mut Play::<E>::of(fault));
        assert!(holds(None) && !holds(Some(*fault)), "{script} tells {fault:?}");
    }
}

#[test]
fn scripts_of_hotstuff_tell_its_planted_mistakes() {
    use hotstuff::PlantedFault as Fault;
    scripts_tell::<HotStuff>(
        "hotstuff",
        &[
            ("inflated_certificate", Fault::RoundUnbound),
            ("bad_high_certificate", Fault::HighestUnchecked),
            ("two_votes", Fault::GroundsUnchecked),
            ("leader_by_tc", Fault::HighestNotLearnt),
            ("stale_lock", Fault::LapseIgnored),
            ("vote_kept_over_a_crash", Fault::VoteWithoutRecord),
            ("vote_kept_over_a_crash", Fault::VoteTwice),
            ("ancestors_oldest_first", Fault::NewestFirst),
            ("ancestors_oldest_first", Fault::DecidedAgain),
        ],
    );
}

#[test]
fn scripts_of_pbft_tell_its_planted_mistakes() {
    use pbft::PlantedFault as Fault;
    scripts_tell::<Pbft>(
        "pbft",
        &[
            ("prepared_block_keeps_its_id", Fault::ChoiceIgnored),
            ("several_heights_in_order", Fault::NewestFirst),
            ("several_heights_in_order", Fault::DecidedAgain),
            ("several_heights_in_order", Fault::CommitOutOfOrder),
        ],
    );
}

#[test]
fn scripts_of_raft_tell_its_planted_mistakes() {
    use raft::PlantedFault as Fault;
    scripts_tell::<Raft>(
        "raft",
        &[
            ("partitioned_leader", Fault::QuorumUnchecked),
            ("returning_member_does_not_disturb", Fault::PreVoteSkipped),
            ("leader_that_is_heard_stays", Fault::LeaderDisowned),
            ("hand_over", Fault::DecidedAgain),
        ],
    );
}

#[test]
fn hotstuff_does_as_its_scripts_tell() {
    golden::replay_all("hotstuff", || Play::<HotStuff>::of(None));
}

#[test]
fn pbft_does_as_its_scripts_tell() {
    golden::replay_all("pbft", || Play::<Pbft>::of(None));
}

#[test]
fn raft_does_as_its_scripts_tell() {
    golden::replay_all("raft", || Play::<Raft>::of(None));
}

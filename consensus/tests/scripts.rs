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
use witan_consensus::hotstuff::HotStuff;
use witan_consensus::pbft::Pbft;
use witan_consensus::raft::Raft;

#[test]
fn hotstuff_does_as_its_scripts_tell() {
    golden::replay_folder("hotstuff", Play::<HotStuff>::default);
}

#[test]
fn pbft_does_as_its_scripts_tell() {
    golden::replay_folder("pbft", Play::<Pbft>::default);
}

#[test]
fn raft_does_as_its_scripts_tell() {
    golden::replay_folder("raft", Play::<Raft>::default);
}

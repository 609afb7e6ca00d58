//! Consensus engines: pure state machines that agree on one sequence of blocks. They know nothing of transactions,
//! disks, sockets or clocks. `engine` is the trait; each engine has a folder, its safety predicates alone in `rules.rs`.

pub mod engine;
pub mod fetch;
pub mod hotstuff;
mod judging;
mod pacing;
pub mod pbft;
mod planted;
pub mod raft;
mod tree;

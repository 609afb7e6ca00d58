//! Acceptance: the promises made to users, kept by real processes of the real binary.
//!
//! Every story has a network of its own in a folder of its own, and at most one network runs at a time. Stories wait
//! for conditions, with deadlines that only a broken network misses; the times that users are promised are printed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]

mod bad_input;
mod command;
mod crashes;
mod followers;
mod http;
mod import;
mod lifecycle;
mod load;
mod network;
mod quorum;
mod stranger;

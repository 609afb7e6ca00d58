//! Stories of groups of real replicas with the HotStuff engine, in memory, in which messages arrive at once.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test that meets the unexpected should fail"
)]

mod batches;
mod catching_up;
mod cluster;
mod disk;
mod envelopes;
mod intake;
mod leaders;
mod parameters;
mod proposing;
mod sealing;
mod trusting;
mod verifying;

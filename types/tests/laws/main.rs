//! What everybody relies on: how the shared words are encoded, signed, counted and judged.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop right there"
)]

mod account;
mod codec;
mod committee;
mod domains;
mod genesis;
mod hash;
mod merkle_list;
mod samples;
mod strategies;
mod transaction;
mod vectors;
mod zip215;

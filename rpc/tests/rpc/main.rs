//! The server and the client over a real socket, with a node in memory behind them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    unreachable_pub,
    reason = "a test fails by panicking, and its helpers are shared by its modules alone"
)]

mod access;
mod admin;
mod chain;
mod explorer;
mod faults;
mod limits;
mod listing;
mod methods;
mod protocol;
mod refusals;
mod slow_readers;
mod socket;
mod subscriptions;
mod support;

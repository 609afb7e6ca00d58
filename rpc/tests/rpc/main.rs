//! The server and the client over a real socket, with a node in memory behind them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    unreachable_pub,
    reason = "a test fails by panicking, and its helpers are shared by its modules alone"
)]

mod faults;
mod methods;
mod refusals;
mod support;

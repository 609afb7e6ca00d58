//! Simulator, local networks, load.

pub mod bench;
pub mod check;
pub mod faults;
pub mod history;
pub mod load;
pub mod local;
pub mod scenario;
pub mod sim;
pub mod workload;

/// The JSON-RPC types and client, through which everything here talks to nodes.
pub use witan_rpc as rpc;

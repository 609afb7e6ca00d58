//! The server: one port for JSON-RPC over HTTP and WebSocket, health and the OpenRPC document.

mod backend;
mod config;
mod cursor;
mod handlers;
mod hosts;
mod http;
mod listen;
mod rate_limit;

pub use backend::{Backend, BlockSlice, FaultWanted, LockNext, LockSlice, ScanNext, ScanRange, ScanSlice};
pub use config::{RpcConfig, RpcStartError};
pub use listen::{RpcServer, start};

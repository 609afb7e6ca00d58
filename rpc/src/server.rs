//! The server: one port for JSON-RPC over HTTP and WebSocket, health and the OpenRPC document.

mod backend;
mod config;
mod cursor;
mod dispatch;
mod fault;
mod handlers;
mod hosts;
mod http;
mod listen;
mod rate_limit;
mod request;
mod websocket;

pub use backend::{Backend, BlockSlice, LockNext, LockSlice, ScanNext, ScanRange, ScanSlice};
pub use config::{RpcConfig, RpcStartError};
pub use listen::{RpcServer, start};

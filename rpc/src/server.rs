//! The server: one port for JSON-RPC over HTTP and WebSocket, health and the OpenRPC document.

mod admin;
mod answer;
mod auth;
mod backend;
mod config;
mod cursor;
mod dispatch;
mod fault;
mod followed;
mod handlers;
mod hosts;
mod http;
mod limits;
mod listen;
mod listing;
mod outflow;
mod rate_limit;
mod request;
mod shares;
mod source;
mod subscriptions;
mod websocket;

pub use admin::{AdminBackend, start_admin};
pub use auth::{Token, TokenError};
pub use backend::{Backend, BlockSlice, FaultWanted, LockNext, LockSlice, ScanNext, ScanRange, ScanSlice};
pub use config::{FollowingConfig, RpcConfig, RpcStartError};
pub use followed::{Followed, Heights, NewsSlice};
pub use listen::{RpcServer, start};
pub use listing::{
    EvidenceFrom, EvidenceSlice, HistoryFrom, HistorySlice, ListFrom, TransactionSlice, Trial,
};

//! What the server is told.

use super::auth::Token;
use crate::subscriptions::MAX_SUBSCRIPTIONS_OF_NODE;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Limits and addresses of the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RpcConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Names in a `Host` header that are served, beside loopback names and bare addresses; `*` for any.
    pub hosts: Vec<String>,
    /// Whether genesis says devnet: loopback is then not rate-limited.
    pub devnet: bool,
    /// The most bytes of a request's body.
    pub max_body_bytes: u32,
    /// The most bytes of a response.
    pub max_response_bytes: u32,
    /// The most calls of a JSON-RPC batch, and transactions of a `tx_submitBatch`.
    pub max_batch: u32,
    /// The most connections at a time.
    pub max_connections: u32,
    /// The most subscriptions on one connection.
    pub max_subscriptions: u32,
    /// The most calls that are answered at a time, and beside them the most that wait for a transaction.
    pub max_calls: u32,
    /// The most bytes of messages that are being answered, and of answers that have not left yet.
    pub max_pending_bytes: u32,
    /// What calls of one address may cost a second, in plain calls, and as much more at once after a pause; 0 for no limit.
    pub calls_per_second: u32,
    /// Whether that holds for loopback too, on a devnet.
    pub limit_loopback: bool,
    /// What calls must show, if anything.
    pub token: Option<Token>,
    /// What holds for subscriptions.
    pub following: FollowingConfig,
}

/// What holds for subscriptions, beside how many a connection may have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FollowingConfig {
    /// The most subscriptions of all connections together.
    pub max_of_node: usize,
    /// How long a connection may take nothing while a subscription has something to send; then that ends as lagged.
    pub stall: Duration,
    /// How long a connection may take nothing of anything that is being sent; then it is cut.
    pub cut: Duration,
    /// How often a transaction that no block here tells of is looked for elsewhere: in mempools, and at other nodes.
    pub look: Duration,
    /// How often consensus is looked at.
    pub sample: Duration,
}

impl Default for FollowingConfig {
    fn default() -> Self {
        FollowingConfig {
            max_of_node: MAX_SUBSCRIPTIONS_OF_NODE,
            stall: Duration::from_secs(5),
            cut: Duration::from_secs(30),
            look: Duration::from_secs(1),
            sample: Duration::from_millis(100),
        }
    }
}

impl RpcConfig {
    /// The most bytes of a request's body, by default.
    pub const MAX_BODY_BYTES: u32 = 1024 * 1024;
    /// The most bytes of a response, by default.
    pub const MAX_RESPONSE_BYTES: u32 = 10 * 1024 * 1024;
    /// The most calls of a batch, by default.
    pub const MAX_BATCH: u32 = 100;
    /// The most connections, by default.
    pub const MAX_CONNECTIONS: u32 = 512;
    /// The most subscriptions on one connection, by default.
    pub const MAX_SUBSCRIPTIONS: u32 = 64;
    /// The most calls at a time, by default.
    pub const MAX_CALLS: u32 = 16 * 1024;
    /// The most bytes of messages and answers in memory, by default.
    pub const MAX_PENDING_BYTES: u32 = 256 * 1024 * 1024;
    /// Calls a second of one address, by default.
    pub const CALLS_PER_SECOND: u32 = 1000;
}

impl Default for RpcConfig {
    fn default() -> Self {
        RpcConfig {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            hosts: Vec::new(),
            devnet: false,
            max_body_bytes: RpcConfig::MAX_BODY_BYTES,
            max_response_bytes: RpcConfig::MAX_RESPONSE_BYTES,
            max_batch: RpcConfig::MAX_BATCH,
            max_connections: RpcConfig::MAX_CONNECTIONS,
            max_subscriptions: RpcConfig::MAX_SUBSCRIPTIONS,
            max_calls: RpcConfig::MAX_CALLS,
            max_pending_bytes: RpcConfig::MAX_PENDING_BYTES,
            calls_per_second: RpcConfig::CALLS_PER_SECOND,
            limit_loopback: false,
            token: None,
            following: FollowingConfig::default(),
        }
    }
}

/// Why the server can't start.
#[derive(Debug, thiserror::Error)]
pub enum RpcStartError {
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}; choose another rpc.listen, or stop what holds the port")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Two methods share a name: a fault of the table.
    #[error("the table of methods: {0}")]
    Methods(#[from] jsonrpsee::core::RegisterMethodError),
}

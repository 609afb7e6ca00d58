//! Every error a method can answer, with its code.

mod reading;

use crate::view::TransactionState;
use jsonrpsee::types::ErrorObjectOwned;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use witan_types::{CodecError, GroupId, Height, TransactionError, TxId};

/// Why a transaction is refused before any block saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rejection {
    /// The signature is not the signer's.
    BadSignature,
    /// It is for another network.
    WrongChain,
    /// Its time passed, by block time.
    Expired,
    /// It expires later than transactions may.
    ExpiryTooFar,
    /// It, or a value in it, is above the limit.
    TooLarge,
    /// Its bytes or its form are no transaction's.
    Malformed,
    /// It writes a key that its signer may not write.
    ForbiddenKey,
}

impl Rejection {
    const ALL: [Rejection; 7] = [
        Rejection::BadSignature,
        Rejection::WrongChain,
        Rejection::Expired,
        Rejection::ExpiryTooFar,
        Rejection::TooLarge,
        Rejection::Malformed,
        Rejection::ForbiddenKey,
    ];

    /// The name users meet.
    pub fn name(self) -> &'static str {
        match self {
            Rejection::BadSignature => "BAD_SIGNATURE",
            Rejection::WrongChain => "WRONG_CHAIN",
            Rejection::Expired => "EXPIRED",
            Rejection::ExpiryTooFar => "EXPIRY_TOO_FAR",
            Rejection::TooLarge => "TOO_LARGE",
            Rejection::Malformed => "MALFORMED",
            Rejection::ForbiddenKey => "FORBIDDEN_KEY",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Rejection::BadSignature => {
                "sign exactly the signingBytes of tx_prepare, with the signer's ed25519 key"
            }
            Rejection::WrongChain => "take `chain` from chain_getGenesis, and sign again",
            Rejection::Expired => "set a later expiresAtMs, and sign again",
            Rejection::ExpiryTooFar => {
                "set an earlier expiresAtMs, within maxTxLifetimeMs of genesis, and sign again"
            }
            Rejection::TooLarge => "split it: a value has at most 65536 bytes, a signed transaction 131072",
            Rejection::Malformed => "tx_prepare turns the JSON form into the exact bytes to sign",
            Rejection::ForbiddenKey => {
                "keys under @<account>/ are written by that account, balances by transfer"
            }
        }
    }
}

/// Why the node can't serve now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotReady {
    /// It is catching up.
    Syncing,
    /// Fewer validators than a quorum are reachable.
    NoQuorum,
    /// What is to be proved is not decided everywhere, or not sealed, yet.
    Unproved,
}

impl NotReady {
    pub(crate) const ALL: [NotReady; 3] = [NotReady::Syncing, NotReady::NoQuorum, NotReady::Unproved];

    /// The name users meet.
    pub fn name(self) -> &'static str {
        match self {
            NotReady::Syncing => "SYNCING",
            NotReady::NoQuorum => "NO_QUORUM",
            NotReady::Unproved => "NOT_PROVED",
        }
    }
}

/// Why a strict read has no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoSnapshot {
    /// Transactions that are not decided yet held the keys for too long.
    Conflict,
    /// Not every group answered in time.
    Deadline,
}

impl NoSnapshot {
    const ALL: [NoSnapshot; 2] = [NoSnapshot::Conflict, NoSnapshot::Deadline];

    /// The name users meet.
    pub fn name(self) -> &'static str {
        match self {
            NoSnapshot::Conflict => "CONFLICT",
            NoSnapshot::Deadline => "DEADLINE",
        }
    }

    fn detail(self) -> &'static str {
        match self {
            NoSnapshot::Conflict => "transactions that are not decided yet hold its keys",
            NoSnapshot::Deadline => "not every group answered in time",
        }
    }
}

/// An error as it travels: the JSON-RPC error object.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ErrorView {
    /// The JSON-RPC error code.
    pub code: i32,
    /// What is wrong, for people.
    pub message: String,
    /// `reason`, `retryable`, `hint` and more for Witan's own errors; anything, or nothing, for others.
    #[serde(skip_serializing_if = "Value::is_null", default)]
    pub data: Value,
}

impl From<&ErrorObjectOwned> for ErrorView {
    fn from(object: &ErrorObjectOwned) -> ErrorView {
        let data = object.data().and_then(|data| serde_json::from_str(data.get()).ok()).unwrap_or_default();
        ErrorView { code: object.code(), message: object.message().to_owned(), data }
    }
}

/// What a method answers instead of a result.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RpcError {
    /// A parameter is missing, unknown or of the wrong kind.
    #[error("parameter `{parameter}`: expected {expected}")]
    BadParameter {
        /// Its name, or a path to a part of it.
        parameter: String,
        /// What was expected, and what was found.
        expected: String,
    },
    /// The transaction is refused.
    #[error("transaction rejected: {detail}")]
    Rejected {
        /// Why.
        reason: Rejection,
        /// The same with the values concerned.
        detail: String,
    },
    /// The mempool has no room.
    #[error("the mempool is full")]
    MempoolFull {
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
    },
    /// The wait ended before the step waited for.
    #[error("transaction {tx_id} is {} after the wait{}", status.name(), if status.is_final() { "" } else { "; it may still commit" })]
    WaitTimeout {
        /// Which transaction.
        tx_id: TxId,
        /// How far it is.
        status: TransactionState,
    },
    /// There is no such block, transaction or group.
    #[error("{what} not found")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// This node does not host the group.
    #[error("group {group} is not hosted by this node, but by {}", nodes.join(", "))]
    NotHosted {
        /// Which group.
        group: GroupId,
        /// The names of its members, which host it.
        nodes: Vec<String>,
    },
    /// The height is below what this node keeps.
    #[error("pruned: the oldest height kept is {oldest_height}")]
    Pruned {
        /// The oldest height it can answer.
        oldest_height: Height,
    },
    /// The height is above what this node has executed.
    #[error("the node has not reached that height; it is at {height}")]
    FutureHeight {
        /// Where it is.
        height: Height,
    },
    /// The node can't serve now.
    #[error("not ready: {detail}")]
    NotReady {
        /// Why.
        reason: NotReady,
        /// The same with the numbers concerned.
        detail: String,
    },
    /// A cursor that this method did not give, or not for this query.
    #[error("the cursor is none of this query's")]
    CursorInvalid,
    /// A strict read was given up.
    #[error("the strict read was given up: {}", reason.detail())]
    ReadAborted {
        /// Why.
        reason: NoSnapshot,
    },
    /// A release without it.
    #[error("this release has no {what}")]
    Unsupported {
        /// What it lacks.
        what: String,
    },
    /// Too many requests from this address.
    #[error("too many requests from this address")]
    RateLimited {
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
    },
    /// The connection, or the node, has as many subscriptions as it may.
    #[error("too many subscriptions: {of} has {max}, the most it may")]
    TooManySubscriptions {
        /// Whose limit it is.
        of: &'static str,
        /// The limit.
        max: usize,
    },
    /// A subscription over plain HTTP.
    #[error("{method} is a subscription, and those are served over WebSocket alone")]
    WebSocketOnly {
        /// Which method.
        method: String,
    },
    /// A bearer token is needed.
    #[error("a valid bearer token is needed")]
    Unauthorized,
    /// A fault of the node.
    #[error("internal error: {detail}")]
    Internal {
        /// What failed.
        detail: String,
    },
}

impl RpcError {
    /// Who has too many subscriptions: all connections together.
    pub const NODE: &'static str = "the node";
    /// Who has too many subscriptions: the one that asked.
    pub const CONNECTION: &'static str = "the connection";
    /// Who has too many subscriptions: all connections from there.
    pub const ADDRESS: &'static str = "the address";

    /// A wrong parameter.
    pub fn parameter(parameter: impl Into<String>, expected: impl Into<String>) -> RpcError {
        RpcError::BadParameter { parameter: parameter.into(), expected: expected.into() }
    }

    /// A refused transaction.
    pub fn rejected(reason: Rejection, detail: impl Into<String>) -> RpcError {
        RpcError::Rejected { reason, detail: detail.into() }
    }

    /// Something that is not there.
    pub fn not_found(what: impl Into<String>) -> RpcError {
        RpcError::NotFound { what: what.into() }
    }

    /// A fault of the node.
    pub fn internal(detail: impl Into<String>) -> RpcError {
        RpcError::Internal { detail: detail.into() }
    }

    /// The JSON-RPC error code.
    pub fn code(&self) -> i32 {
        match self {
            RpcError::BadParameter { .. } => -32602,
            RpcError::Rejected { .. } => -32020,
            RpcError::MempoolFull { .. } => -32022,
            RpcError::WaitTimeout { .. } => -32023,
            RpcError::ReadAborted { .. } => -32024,
            RpcError::NotFound { .. } | RpcError::NotHosted { .. } => -32030,
            RpcError::Pruned { .. } => -32031,
            RpcError::FutureHeight { .. } => -32032,
            RpcError::NotReady { .. } => -32033,
            RpcError::CursorInvalid => -32034,
            RpcError::RateLimited { .. } => -32040,
            RpcError::TooManySubscriptions { .. } => -32006,
            RpcError::WebSocketOnly { .. } => -32042,
            RpcError::Unauthorized => -32041,
            RpcError::Unsupported { .. } => -32043,
            RpcError::Internal { .. } => -32603,
        }
    }

    /// The most specific name of what is wrong: `data.reason`.
    pub fn reason(&self) -> &'static str {
        match self {
            RpcError::BadParameter { .. } => "BAD_PARAMETER",
            RpcError::Rejected { reason, .. } => reason.name(),
            RpcError::MempoolFull { .. } => "MEMPOOL_FULL",
            RpcError::WaitTimeout { .. } => "WAIT_TIMEOUT",
            RpcError::ReadAborted { reason } => reason.name(),
            RpcError::NotFound { .. } | RpcError::NotHosted { .. } => "NOT_FOUND",
            RpcError::Pruned { .. } => "PRUNED",
            RpcError::FutureHeight { .. } => "FUTURE_HEIGHT",
            RpcError::NotReady { reason, .. } => reason.name(),
            RpcError::CursorInvalid => "CURSOR_INVALID",
            RpcError::RateLimited { .. } => "RATE_LIMITED",
            RpcError::TooManySubscriptions { .. } => "TOO_MANY_SUBSCRIPTIONS",
            RpcError::WebSocketOnly { .. } => "WEBSOCKET_ONLY",
            RpcError::Unauthorized => "UNAUTHORIZED",
            RpcError::Unsupported { .. } => "UNSUPPORTED",
            RpcError::Internal { .. } => "INTERNAL",
        }
    }

    /// Whether the very same request may succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            RpcError::MempoolFull { .. }
            | RpcError::WaitTimeout { .. }
            | RpcError::ReadAborted { .. }
            | RpcError::FutureHeight { .. }
            | RpcError::NotReady { .. }
            | RpcError::TooManySubscriptions { .. }
            | RpcError::RateLimited { .. } => true,
            RpcError::BadParameter { .. }
            | RpcError::Rejected { .. }
            | RpcError::NotFound { .. }
            | RpcError::NotHosted { .. }
            | RpcError::Pruned { .. }
            | RpcError::CursorInvalid
            | RpcError::WebSocketOnly { .. }
            | RpcError::Unauthorized
            | RpcError::Unsupported { .. }
            | RpcError::Internal { .. } => false,
        }
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            RpcError::BadParameter { .. } => "rpc.discover lists every method with its parameters",
            RpcError::Rejected { reason, .. } => reason.hint(),
            RpcError::MempoolFull { .. } => "submit the same bytes again after retryAfterMs",
            RpcError::WaitTimeout { .. } => "ask tx_get, or submit the same bytes again",
            RpcError::ReadAborted { .. } => {
                "read again, or without strict: the newest value executed here is answered at once"
            }
            RpcError::NotFound { .. } => "look at node_status for the groups and heights of this node",
            RpcError::NotHosted { .. } => {
                "ask one of the nodes named in `nodes`: values and transactions this node finds there itself"
            }
            RpcError::Pruned { .. } => "ask for oldestHeight or above, or a node that keeps more",
            RpcError::FutureHeight { .. } => "ask again once node_status shows that height",
            RpcError::NotReady { reason: NotReady::Unproved, .. } => {
                "ask again: a seal follows each block at once, and tx_submit with wait \"applied\" waits for all groups"
            }
            RpcError::NotReady { .. } => {
                "ask again once /readyz answers 200; its reasons say what is missing"
            }
            RpcError::CursorInvalid => "start again without a cursor",
            RpcError::RateLimited { .. } => "wait retryAfterMs; put transactions into tx_submitBatch",
            RpcError::TooManySubscriptions { .. } => {
                "end one by its unsubscribe method, or open another connection"
            }
            RpcError::WebSocketOnly { .. } => {
                "connect to this address by WebSocket (ws://.../ws), and call it there"
            }
            RpcError::Unauthorized => {
                "send the header Authorization: Bearer <token> with the node's rpc.auth token"
            }
            RpcError::Unsupported { .. } => {
                "nothing is ever removed: copy the data folder of a stopped node instead"
            }
            RpcError::Internal { .. } => "look at the node's log",
        }
    }

    /// The whole `data` object.
    fn data(&self) -> Value {
        let mut data = match self {
            RpcError::BadParameter { parameter, expected } => {
                json!({"parameter": parameter, "expected": expected})
            }
            RpcError::Rejected { detail, .. }
            | RpcError::NotReady { detail, .. }
            | RpcError::Internal { detail } => {
                json!({ "detail": detail })
            }
            RpcError::MempoolFull { retry_after_ms } | RpcError::RateLimited { retry_after_ms } => {
                json!({ "retryAfterMs": retry_after_ms })
            }
            RpcError::WaitTimeout { tx_id, status } => json!({"txId": tx_id.to_string(), "status": status}),
            RpcError::NotFound { what } | RpcError::Unsupported { what } => json!({ "what": what }),
            RpcError::NotHosted { group, nodes } => json!({ "group": group, "nodes": nodes }),
            RpcError::Pruned { oldest_height } => json!({ "oldestHeight": oldest_height }),
            RpcError::FutureHeight { height } => json!({ "height": height }),
            RpcError::TooManySubscriptions { of, max } => json!({ "of": of, "max": max }),
            RpcError::WebSocketOnly { method } => json!({ "method": method }),
            RpcError::ReadAborted { .. } | RpcError::CursorInvalid | RpcError::Unauthorized => json!({}),
        };
        if let Value::Object(data) = &mut data {
            data.insert("reason".into(), self.reason().into());
            data.insert("retryable".into(), self.retryable().into());
            data.insert("hint".into(), self.hint().into());
        }
        data
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> ErrorObjectOwned {
        ErrorObjectOwned::owned(error.code(), error.to_string(), Some(error.data()))
    }
}

impl From<RpcError> for ErrorView {
    fn from(error: RpcError) -> ErrorView {
        ErrorView { code: error.code(), message: error.to_string(), data: error.data() }
    }
}

impl From<TransactionError> for RpcError {
    fn from(error: TransactionError) -> RpcError {
        let reason = match error {
            TransactionError::TooLarge(_) | TransactionError::ValueTooLarge(_) => Rejection::TooLarge,
            TransactionError::NoOps
            | TransactionError::TooMany { .. }
            | TransactionError::ApproveAlone
            | TransactionError::KeyLength(_) => Rejection::Malformed,
            TransactionError::ForbiddenKey(_) => Rejection::ForbiddenKey,
        };
        RpcError::rejected(reason, error.to_string())
    }
}

impl From<CodecError> for RpcError {
    fn from(error: CodecError) -> RpcError {
        // The codec refuses a value above its limit while reading it, before the form of the transaction is judged.
        let value_limit = format!(", above {}", witan_types::transaction::MAX_VALUE_BYTES);
        let reason = match &error {
            CodecError::TooLong { .. } => Rejection::TooLarge,
            CodecError::Malformed(why) if why.ends_with(&value_limit) => Rejection::TooLarge,
            CodecError::Malformed(_) => Rejection::Malformed,
        };
        RpcError::rejected(reason, error.to_string())
    }
}

#[cfg(test)]
mod tests;

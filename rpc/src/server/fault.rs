//! Errors of the protocol itself, in the form of all others: `data` has `reason`, `retryable` and `hint`.

use crate::error::ErrorView;
use serde_json::{Value, json};

/// What is wrong with a message, before any method sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// It is no JSON.
    Parse,
    /// It is JSON, but neither a request nor an array of some.
    NoRequest,
    /// It asks for a method that is not there.
    UnknownMethod { method: String },
    /// It asks for a subscription where nothing could be told.
    SubscriptionElsewhere { method: String },
    /// It has more bytes than one may.
    RequestTooLarge { limit: usize },
    /// It has more requests than one may.
    BatchTooLarge { limit: usize },
    /// The answer has more bytes than one may.
    ResponseTooLarge { limit: usize },
    /// The answer does not fit beside those before it.
    BatchResponseTooLarge { limit: usize },
}

impl Fault {
    fn code(&self) -> i32 {
        match self {
            Fault::Parse => -32700,
            Fault::NoRequest => -32600,
            Fault::UnknownMethod { .. } | Fault::SubscriptionElsewhere { .. } => -32601,
            Fault::RequestTooLarge { .. } => -32007,
            Fault::ResponseTooLarge { .. } => -32008,
            Fault::BatchTooLarge { .. } => -32010,
            Fault::BatchResponseTooLarge { .. } => -32011,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Fault::Parse => "PARSE_ERROR",
            Fault::NoRequest => "INVALID_REQUEST",
            Fault::UnknownMethod { .. } => "METHOD_NOT_FOUND",
            Fault::SubscriptionElsewhere { .. } => "WEBSOCKET_ONLY",
            Fault::RequestTooLarge { .. } => "REQUEST_TOO_LARGE",
            Fault::ResponseTooLarge { .. } => "RESPONSE_TOO_LARGE",
            Fault::BatchTooLarge { .. } => "BATCH_TOO_LARGE",
            Fault::BatchResponseTooLarge { .. } => "BATCH_RESPONSE_TOO_LARGE",
        }
    }

    fn message(&self) -> String {
        match self {
            Fault::Parse => "the message is no JSON in UTF-8".into(),
            Fault::NoRequest => "the message is no JSON-RPC 2.0 request, nor an array of some".into(),
            Fault::UnknownMethod { method } => format!("there is no method {method:?}"),
            Fault::SubscriptionElsewhere { method } => {
                format!("{method} is a subscription, which a WebSocket message of its own starts")
            }
            Fault::RequestTooLarge { limit } => format!("the message has more than {limit} bytes"),
            Fault::ResponseTooLarge { limit } => format!("the answer has more than {limit} bytes"),
            Fault::BatchTooLarge { limit } => format!("the batch has more than {limit} requests"),
            Fault::BatchResponseTooLarge { limit } => {
                format!("the answers to the batch have more than {limit} bytes; this one is left out")
            }
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Fault::Parse => "send one JSON document in UTF-8, without a byte order mark",
            Fault::NoRequest => {
                "a request is {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node_status\",\"params\":{}}, each member once"
            }
            Fault::UnknownMethod { .. } => "rpc.discover lists every method",
            Fault::SubscriptionElsewhere { .. } => {
                "connect to /ws, and call it outside a batch, with an id that is a whole number or text of at most 256 bytes"
            }
            Fault::RequestTooLarge { .. } | Fault::BatchTooLarge { .. } => "split it",
            Fault::ResponseTooLarge { .. } => "ask for less: a smaller limit, or fewer keys",
            Fault::BatchResponseTooLarge { .. } => {
                "it was done; ask for its outcome alone (tx_get), or split the batch"
            }
        }
    }

    fn data(&self) -> Value {
        let mut data = json!({"reason": self.reason(), "retryable": false, "hint": self.hint()});
        let own = match self {
            Fault::Parse | Fault::NoRequest => None,
            Fault::UnknownMethod { method } | Fault::SubscriptionElsewhere { method } => {
                Some(("method", json!(method)))
            }
            Fault::RequestTooLarge { limit }
            | Fault::ResponseTooLarge { limit }
            | Fault::BatchTooLarge { limit }
            | Fault::BatchResponseTooLarge { limit } => Some(("limit", json!(limit))),
        };
        if let (Some((name, value)), Value::Object(data)) = (own, &mut data) {
            data.insert(name.into(), value);
        }
        data
    }
}

impl From<Fault> for ErrorView {
    fn from(fault: Fault) -> ErrorView {
        ErrorView { code: fault.code(), message: fault.message(), data: fault.data() }
    }
}

//! From an error as it travels to what it stands for: the client's side.

use super::{ErrorView, NoSnapshot, NotReady, Rejection, RpcError};
use serde_json::Value;

impl RpcError {
    /// The error that an answer stands for; none if it is none of these.
    pub fn from_view(view: &ErrorView) -> Option<RpcError> {
        let data = view.data.as_object()?;
        let text = |name: &str| data.get(name).and_then(Value::as_str);
        let owned = |name: &str| text(name).unwrap_or_default().to_owned();
        let number = |name: &str| data.get(name).and_then(Value::as_u64).unwrap_or_default();
        Some(match view.code {
            -32602 => RpcError::parameter(owned("parameter"), owned("expected")),
            -32020 => {
                let reason = Rejection::ALL.into_iter().find(|one| Some(one.name()) == text("reason"))?;
                RpcError::rejected(reason, owned("detail"))
            }
            -32022 => RpcError::MempoolFull { retry_after_ms: number("retryAfterMs") },
            -32023 => RpcError::WaitTimeout {
                tx_id: text("txId")?.parse().ok()?,
                status: serde_json::from_value(data.get("status")?.clone()).ok()?,
            },
            -32024 => {
                let reason = NoSnapshot::ALL.into_iter().find(|one| Some(one.name()) == text("reason"))?;
                RpcError::ReadAborted { reason }
            }
            -32030 => match data.get("nodes") {
                Some(nodes) => RpcError::NotHosted {
                    group: serde_json::from_value(data.get("group")?.clone()).ok()?,
                    nodes: serde_json::from_value(nodes.clone()).ok()?,
                },
                None => RpcError::not_found(owned("what")),
            },
            -32031 => RpcError::Pruned { oldest_height: number("oldestHeight") },
            -32032 => RpcError::FutureHeight { height: number("height") },
            -32033 => {
                let reason = NotReady::ALL.into_iter().find(|one| Some(one.name()) == text("reason"))?;
                RpcError::NotReady { reason, detail: owned("detail") }
            }
            -32034 => RpcError::CursorInvalid,
            -32040 => RpcError::RateLimited { retry_after_ms: number("retryAfterMs") },
            -32006 => RpcError::TooManySubscriptions {
                of: [Self::NODE, Self::ADDRESS]
                    .into_iter()
                    .find(|of| text("of") == Some(of))
                    .unwrap_or(Self::CONNECTION),
                max: usize::try_from(number("max")).unwrap_or_default(),
            },
            -32041 => RpcError::Unauthorized,
            -32043 => RpcError::Unsupported { what: owned("what") },
            -32042 => RpcError::WebSocketOnly { method: owned("method") },
            -32603 => RpcError::internal(owned("detail")),
            _ => return None,
        })
    }
}

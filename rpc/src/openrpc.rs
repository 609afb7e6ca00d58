//! The OpenRPC document (<https://spec.open-rpc.org>), made from the table of methods.

use crate::error::{ErrorView, NoSnapshot, NotReady, Rejection, RpcError};
use crate::method::MethodDescription;
use crate::methods::describe_all;
use crate::view::TransactionState;
use serde_json::{Value, json};
use witan_types::{GroupId, TxId};

/// The document.
pub fn document() -> Value {
    let methods: Vec<Value> = describe_all().iter().map(method).collect();
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "Witan JSON-RPC",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Parameters by name or by position. Bytes are 0x hex, amounts and versions decimal \
                            strings, times Unix milliseconds.",
        },
        "methods": methods,
        "components": {"errors": errors()},
    })
}

/// Takes methods out of the document that a network does not have.
pub(crate) fn leave_out(document: &mut Value, names: &[&str]) {
    if let Some(methods) = document.get_mut("methods").and_then(Value::as_array_mut) {
        methods.retain(|method| !names.iter().any(|name| method["name"] == *name));
    }
}

fn method(method: &MethodDescription) -> Value {
    let parameters: Vec<Value> = method
        .parameters
        .iter()
        .map(|parameter| {
            json!({
                "name": parameter.name,
                "description": parameter.about,
                "required": parameter.required,
                "schema": parameter.schema,
            })
        })
        .collect();
    json!({
        "name": method.name,
        "summary": method.summary,
        "paramStructure": "either",
        "params": parameters,
        "result": {"name": "result", "description": method.answer, "schema": {"type": "object"}},
        "errors": ERRORS.map(|name| json!({"$ref": format!("#/components/errors/{name}")})),
    })
}

/// The errors any method may answer, by the names under `components`.
const ERRORS: [&str; 14] = [
    "BadParameter",
    "Rejected",
    "MempoolFull",
    "WaitTimeout",
    "ReadAborted",
    "NotFound",
    "NotHosted",
    "Pruned",
    "FutureHeight",
    "NotReady",
    "CursorInvalid",
    "RateLimited",
    "Unauthorized",
    "Internal",
];

/// One example of each.
fn errors() -> Value {
    let examples = [
        RpcError::parameter("key", "0x hex"),
        RpcError::rejected(Rejection::BadSignature, "the signature is not the signer's"),
        RpcError::MempoolFull { retry_after_ms: 500 },
        RpcError::WaitTimeout { tx_id: TxId::default(), status: TransactionState::Accepted },
        RpcError::ReadAborted { reason: NoSnapshot::Conflict },
        RpcError::not_found("block"),
        RpcError::NotHosted { group: GroupId(2), nodes: vec!["n2".into(), "n3".into()] },
        RpcError::Pruned { oldest_height: 1 },
        RpcError::FutureHeight { height: 1 },
        RpcError::NotReady { reason: NotReady::NoQuorum, detail: "2 of 3 validators are reachable".into() },
        RpcError::CursorInvalid,
        RpcError::RateLimited { retry_after_ms: 5 },
        RpcError::Unauthorized,
        RpcError::internal("the disk is full"),
    ];
    let write = |error: RpcError| serde_json::to_value(ErrorView::from(error));
    ERRORS
        .iter()
        .zip(examples)
        .filter_map(|(name, error)| write(error).ok().map(|error| ((*name).to_owned(), error)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

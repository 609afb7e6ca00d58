//! The OpenRPC document (<https://spec.open-rpc.org>), made from the tables of methods and subscriptions.

use crate::error::{ErrorView, NoSnapshot, NotReady, Rejection, RpcError};
use crate::method::{MethodDescription, ParameterDescription};
use crate::methods::describe_all;
use crate::subscription::SubscriptionDescription;
use crate::subscriptions;
use crate::view::TransactionState;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use witan_types::{GroupId, TxId};

/// The document.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings = settings.with(|settings| settings.definitions_path = SCHEMAS.into());
    let mut generator = settings.into_generator();
    let mut methods: Vec<Value> = describe_all(&mut generator).iter().map(method).collect();
    for subscription in subscriptions::describe_all(&mut generator) {
        methods.extend([subscribing(&subscription), unsubscribing(&subscription)]);
    }
    generator.subschema_for::<ErrorView>();
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "Witan JSON-RPC",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Parameters by name or by position. Bytes are 0x hex, amounts and versions decimal \
                            strings, times Unix milliseconds. In examples, the chain, the signer, the expiry and the \
                            signature of a transaction stand for your own.",
        },
        "methods": methods,
        "components": {"schemas": generator.take_definitions(true), "errors": errors()},
    })
}

/// Where the document keeps schemas that have a name.
const SCHEMAS: &str = "/components/schemas";
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
        "result": {"name": "result", "description": method.answer, "schema": method.answer_schema},
        "errors": ERRORS.map(|name| json!({"$ref": format!("#/components/errors/{name}")})),
        "examples": [example(method)],
        "x-cost": method.cost,
    })
}

/// An example pairing: parameters by name, in the order of the table.
fn example(method: &MethodDescription) -> Value {
    let given = |parameter: &ParameterDescription| {
        let value = method.example.get(parameter.name)?;
        Some(json!({"name": parameter.name, "value": value}))
    };
    let parameters: Vec<Value> = method.parameters.iter().filter_map(given).collect();
    json!({"name": method.name, "params": parameters})
}

/// The method that starts a subscription, with what is then told as `x-subscription`.
fn subscribing(subscription: &SubscriptionDescription) -> Value {
    let mut described = method(&subscription.method);
    let types = [subscription.types, LAST].concat();
    let parts = [
        (
            "result",
            json!({
                "name": "subscription",
                "description": subscription.method.answer,
                "schema": {"type": "string"},
            }),
        ),
        (
            "x-subscription",
            json!({
                "unsubscribe": subscription.unsubscribe,
                "notification": subscription.method.name,
                "transport": "WebSocket",
                "item": {
                    "description": subscription.news,
                    "types": types,
                    "schema": subscription.news_schema,
                },
            }),
        ),
    ];
    if let Some(fields) = described.as_object_mut() {
        fields.extend(parts.map(|(name, value)| (name.to_owned(), value)));
        if let Some(Value::Array(errors)) = fields.get_mut("errors") {
            errors
                .extend(OF_SUBSCRIPTIONS.map(|name| json!({"$ref": format!("#/components/errors/{name}")})));
        }
    }
    described
}

/// The `type`s of last notifications.
const LAST: &[&str] = &["end", "lagged", "error"];

/// The method that ends a subscription.
fn unsubscribing(subscription: &SubscriptionDescription) -> Value {
    json!({
        "name": subscription.unsubscribe,
        "summary": format!("Ends a subscription that {} started on this connection.", subscription.method.name),
        "paramStructure": "by-position",
        "params": [{
            "name": "subscription",
            "description": "The subscription's id.",
            "required": true,
            "schema": {"type": "string"},
        }],
        "result": {
            "name": "result",
            "description": "Whether there was such a subscription.",
            "schema": {"type": "boolean"},
        },
        "errors": [{"$ref": "#/components/errors/WebSocketOnly"}],
    })
}

/// The errors that only methods of subscriptions answer.
const OF_SUBSCRIPTIONS: [&str; 2] = ["TooManySubscriptions", "WebSocketOnly"];

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
    let of_subscriptions = [
        RpcError::TooManySubscriptions { of: RpcError::CONNECTION, max: 64 },
        RpcError::WebSocketOnly { method: "state_subscribe".into() },
    ];
    let write = |error: RpcError| serde_json::to_value(ErrorView::from(error));
    let of_subscriptions = OF_SUBSCRIPTIONS.iter().zip(of_subscriptions);
    ERRORS
        .iter()
        .zip(examples)
        .chain(of_subscriptions)
        .filter_map(|(name, error)| write(error).ok().map(|error| ((*name).to_owned(), error)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests;

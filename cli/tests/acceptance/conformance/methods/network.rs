//! `rpc`, `node`, `net`, `mempool` and `fault`.

use super::{Case, case};
use crate::conformance::world::World;
use serde_json::{Value, json};

/// The OpenRPC document.
fn document() -> Value {
    let parameter = json!({"name": "<text>", "required": "<bool>", "schema": "<any>"});
    let result = json!({"name": "<text>", "schema": "<any>"});
    json!({"openrpc": "<text>", "info": {"title": "<text>", "version": "<text>"},
        "methods": [{"name": "<text>", "params": [parameter], "result": result}]})
}

fn status(world: &World) -> Value {
    let group = json!({"group": "<number>", "engine": "<engine>", "faults": "<faults>", "height": "<number>",
        "blockId": "<hash>", "stateRoot": "<hash>", "sealedHeight": "<number>", "sealedStateRoot": "<hash>",
        "view": "<number>", "leader": "<number|null>", "validators": "<number>", "connectedValidators": "<number>",
        "mempool": "<number>", "syncing": "<bool>"});
    json!({"version": "<text>", "name?": "<text>", "nodeId": "<hash>", "validator": "<number>", "chain": world.chain,
        "devnet": true, "ready": true, "reasons": [], "groups": [group], "peers": "<number>"})
}

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mempool = json!({"group": "<number>", "transactions": "<number>", "bytes": "<number>",
        "maxTransactions": "<number>", "maxBytes": "<number>"});
    let network = json!({"nodeId": "<hash>", "listen": ["<text>"], "peers": "<number>", "validators": "<number>",
        "permissioned": "<bool>"});
    let peer = json!({"nodeId": "<hash>", "name?": "<text>", "validator": "<number|null>", "address": "<text|null>",
        "direction": "<text|null>", "roundTripUs?": "<number>", "version?": "<text>"});
    let version = json!({"version": "<text>", "commit?": "<text>", "engines": ["<engine>"]});
    vec![
        case("rpc.discover", json!({}), document()),
        case("node_status", json!({}), status(world)),
        case("node_health", json!({}), json!({"live": true, "ready": true, "reasons": []})),
        case("node_version", json!({}), version),
        case(
            "node_explain",
            json!({}),
            json!({"summary": "<text>", "progressing": true, "ready": true, "findings": [], "groups": [
                {"group": "<number>", "engine": "<engine>", "height": "<number>", "sealedHeight": "<number>",
                    "view": "<number>", "missing": [], "progressing": true}]}),
        ),
        case("mempool_status", json!({}), json!({"items": [mempool]})),
        case("mempool_status", json!({"group": 1}), json!({"items": [{"group": 1}]})),
        case("net_info", json!({}), network),
        case("net_peers", json!({}), json!({"items": [peer]})),
        case("fault_list", json!({}), json!({"items": []})),
        case("fault_clear", json!({}), json!({"cleared": []})),
    ]
}

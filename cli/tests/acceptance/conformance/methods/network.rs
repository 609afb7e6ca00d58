//! `rpc`, `node`, `shard`, `mempool`, `net`, `consensus` and `fault`.

use super::{Case, case};
use crate::conformance::world::{World, hex_key};
use serde_json::json;

pub(super) fn cases(world: &World) -> Vec<Case> {
    let range = json!({"first": "<number>", "last": "<number>"});
    let lock = json!({"key": "<hex>", "txId": "<hash>", "mode": "<text>", "delta?": "<decimal>", "sinceHeight": "<number>"});
    let group = json!({"group": "<number>", "engine": "<engine>", "faults": "<faults>", "height": "<number>",
        "blockId": "<hash>", "stateRoot": "<hash>", "sealedHeight": "<number>", "sealedStateRoot": "<hash>",
        "view": "<number>", "leader": "<number|null>", "validators": "<number>", "connectedValidators": "<number>",
        "mempool": "<number>", "syncing": "<bool>"});
    let consensus = json!({"group": 1, "engine": "hotstuff", "faults": "byzantine", "epoch": "<number>",
        "view": "<number>", "leader": "<number|null>", "decidedHeight": "<number>", "certifiedHeight": "<number>",
        "executedHeight": "<number>", "sealedHeight": "<number>", "consecutiveTimeouts": "<number>",
        "timedOut": ["<number>"], "timerRunning": "<bool>"});
    let validator = json!({"index": "<number>", "name": "<text>", "key": "<hash>", "nodeId": "<hash>",
        "connected": true});
    let mempool = json!({"group": "<number>", "transactions": "<number>", "bytes": "<number>",
        "maxTransactions": "<number>", "maxBytes": "<number>"});
    vec![
        case(
            "rpc.discover",
            json!({}),
            json!({"openrpc": "<text>", "info": {"title": "<text>", "version": "<text>"}, "methods": [{"name": "<text>", "params": [{"name": "<text>", "required": "<bool>", "schema": "<any>"}], "result": {"name": "<text>", "schema": "<any>"}}]}),
        ),
        case(
            "node_status",
            json!({}),
            json!({"version": "<text>", "name?": "<text>", "nodeId": "<hash>", "validator": "<number>", "chain": world.chain, "devnet": true, "ready": true, "reasons": [], "groups": [group], "peers": "<number>"}),
        ),
        case("node_health", json!({}), json!({"live": true, "ready": true, "reasons": []})),
        case(
            "node_version",
            json!({}),
            json!({"version": "<text>", "commit?": "<text>", "engines": ["<engine>"]}),
        ),
        case("node_explain", json!({}), json!({})),
        case(
            "shard_list",
            json!({}),
            json!({"items": [{"group": "<number>", "engine": "<engine>", "faults": "<faults>", "slots": [range], "parametersVersion?": "<number>"}]}),
        ),
        case(
            "shard_forKey",
            json!({"key": hex_key(&world.keys[0])}),
            json!({"slot": "<number>", "group": 1}),
        ),
        case(
            "shard_forKey",
            json!({"key": world.keys[1], "encoding": "utf8"}),
            json!({"slot": "<number>", "group": 2}),
        ),
        case("shard_locks", json!({"group": 1}), json!({"items": [lock], "nextCursor": null})),
        case(
            "shard_locks",
            json!({"group": 1, "limit": 1000, "encoding": "base64"}),
            json!({"items": ["<any>"], "nextCursor": null}),
        ),
        case("consensus_status", json!({"group": 1}), consensus),
        case(
            "consensus_validators",
            json!({"group": 1}),
            json!({"group": 1, "epoch": "<number>", "faults": "byzantine", "maxFaulty": 1, "quorum": 3, "validators": [validator]}),
        ),
        case(
            "consensus_validators",
            json!({"group": 0, "at": "sealed"}),
            json!({"group": 0, "validators": ["<any>"]}),
        ),
        case("consensus_evidence", json!({}), json!({"items": [], "nextCursor": null})),
        case("mempool_status", json!({}), json!({"items": [mempool]})),
        case("mempool_status", json!({"group": 1}), json!({"items": [{"group": 1}]})),
        case(
            "net_info",
            json!({}),
            json!({"nodeId": "<hash>", "listen": ["<text>"], "peers": "<number>", "validators": "<number>", "permissioned": "<bool>"}),
        ),
        case(
            "net_peers",
            json!({}),
            json!({"items": [{"nodeId": "<hash>", "name?": "<text>", "validator": "<number|null>", "address": "<text|null>", "direction": "<text|null>"}]}),
        ),
        case("fault_list", json!({}), json!({"items": []})),
        case("fault_clear", json!({}), json!({})),
    ]
}

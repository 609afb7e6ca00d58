//! `shard` and `consensus`.

use super::{Case, case};
use crate::conformance::world::{World, hex_key};
use serde_json::{Value, json};

fn consensus() -> Value {
    json!({"group": 1, "engine": "hotstuff", "faults": "byzantine", "epoch": "<number>", "view": "<number>",
        "leader": "<number|null>", "decidedHeight": "<number>", "certifiedHeight": "<number>",
        "executedHeight": "<number>", "sealedHeight": "<number>", "consecutiveTimeouts": "<number>",
        "timedOut": ["<number>"], "timerRunning": "<bool>"})
}

fn validators() -> Value {
    let validator = json!({"index": "<number>", "name": "<text>", "key": "<hash>", "nodeId": "<hash>",
        "connected": true});
    json!({"group": 1, "epoch": "<number>", "faults": "byzantine", "maxFaulty": 1, "quorum": 3,
        "validators": [validator]})
}

pub(super) fn cases(world: &World) -> Vec<Case> {
    let shard = json!({"group": "<number>", "engine": "<engine>", "faults": "<faults>",
        "slots": [{"first": "<number>", "last": "<number>"}], "parametersVersion?": "<number>"});
    let lock = json!({"key": "<hex>", "txId": "<hash>", "mode": "<text>", "delta?": "<decimal>",
        "sinceHeight": "<number>"});
    let locks = json!({"items": [lock], "nextCursor": null});
    let (first, second) = (hex_key(&world.keys[0]), &world.keys[1]);
    vec![
        case("shard_list", json!({}), json!({"items": [shard]})),
        case("shard_forKey", json!({"key": first}), json!({"slot": "<number>", "group": 1})),
        case(
            "shard_forKey",
            json!({"key": second, "encoding": "utf8"}),
            json!({"slot": "<number>", "group": 2}),
        ),
        case("shard_locks", json!({"group": 1}), locks),
        case(
            "shard_locks",
            json!({"group": 1, "limit": 1000, "encoding": "base64"}),
            json!({"items": ["<any>"]}),
        ),
        case("consensus_status", json!({"group": 1}), consensus()),
        case("consensus_validators", json!({"group": 1}), validators()),
        case("consensus_validators", json!({"group": 0, "at": "sealed"}), json!({"group": 0, "quorum": 3})),
        case("consensus_evidence", json!({}), json!({"items": [], "nextCursor": null})),
    ]
}

//! `chain`.

use super::{Case, case};
use crate::conformance::world::World;
use serde_json::{Value, json};

fn block() -> Value {
    json!({"group": "<number>", "height": "<number>", "blockId": "<hash>", "parent": "<hash>", "tag": "<number>",
        "epoch": "<number>", "proposer": "<number>", "timeMs": "<ms>", "payloadRoot": "<hash>",
        "stateRoot": "<hash|null>", "receiptsRoot": "<hash|null>", "txCount": "<number>", "sealed": "<bool>"})
}

fn block_with(txs: Value) -> Value {
    let mut block = block();
    block["txs"] = txs;
    block
}

pub(super) fn cases(world: &World) -> Vec<Case> {
    let height = world.committed.1;
    let full = json!({"txId": "<hash>", "chain": world.chain, "signer": "<account>", "salt": "<decimal>",
        "expiresAtMs": "<ms>", "checks": [], "ops": [{"op": "<text>"}], "signature": "<signature>"});
    let page = json!({"items": [block()], "nextCursor": "<any>"});
    let seal = json!({"group": 1, "epoch": "<number>", "height": height, "blockId": "<hash>", "stateRoot": "<hash>",
        "receiptsRoot": "<hash>", "outboxRoot": "<hash>", "nextEpoch": "<hash|null>", "signers": ["<number>"],
        "signatures": ["<signature>"], "encoded": "<hex>"});
    let configuration = json!({"version": 1, "parameters": {"blockTimeMs": "<number>"}, "operators": "<any>",
        "approvals": [], "group": 0, "height": "<number>", "blockId": "<hash>"});
    let light = json!({"group": 1, "height": height, "blockId": "<hash>", "parent": "<hash>", "epoch": 1, "timeMs": "<ms>",
        "stateRoot": "<hash>", "receiptsRoot": "<hash>", "signers": ["<number>"], "encoded": "<hex>", "epochs": []});
    let member = json!({"index": "<number>", "name": "<text>", "key": "<hash>", "nodeId": "<hash>"});
    let epoch = json!({"chain": world.chain, "group": 1, "epoch": 1, "engine": "hotstuff", "faults": "byzantine",
        "maxFaulty": "<number>", "quorum": "<number>", "members": [member], "closed": false, "hash": "<hash>"});
    let mut proved = epoch.clone();
    proved["proof"] = json!({"format": "witan-epoch-proof-1", "bytes": "<hex>"});
    vec![
        case(
            "chain_getGenesis",
            json!({}),
            json!({"chain": world.chain, "genesis": {"devnet": true},
                "groups": [{"group": "<number>", "engine": "<engine>", "faults": "<faults>"}]}),
        ),
        case("chain_getConfiguration", json!({}), configuration),
        case("chain_getBlock", json!({"group": 1}), block()),
        case("chain_getBlock", json!({"group": 0, "at": "sealed"}), block()),
        case("chain_getBlock", json!({"group": 1, "at": 1, "txs": "none"}), block()),
        case(
            "chain_getBlock",
            json!({"group": 1, "at": height, "txs": "ids"}),
            block_with(json!(["<hash>"])),
        ),
        case("chain_getBlock", json!({"group": 1, "at": height, "txs": true}), block_with(json!(["<hash>"]))),
        case("chain_getBlock", json!({"group": 1, "at": height, "txs": "full"}), block_with(json!([full]))),
        case(
            "chain_getBlock",
            json!({"group": 1, "at": height, "txs": "full", "encoding": "utf8"}),
            block_with(json!([{"ops": "<any>"}])),
        ),
        case("chain_listBlocks", json!({"group": 1}), page.clone()),
        case(
            "chain_listBlocks",
            json!({"group": 1, "from": 0, "order": "asc", "limit": 1}),
            json!({"items": [block()], "nextCursor": "<hex>"}),
        ),
        case("chain_listBlocks", json!({"group": 1, "from": height, "limit": 1000}), page),
        case("chain_getSeal", json!({"group": 1, "height": height}), seal),
        case("chain_getLightBlock", json!({"group": 1, "at": height}), light),
        case("chain_getEpoch", json!({"group": 1}), epoch.clone()),
        case("chain_getEpoch", json!({"group": 1, "epoch": 1, "prove": true}), proved),
    ]
}

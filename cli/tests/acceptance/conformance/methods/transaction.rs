//! `tx`.

use super::{Case, case};
use crate::conformance::world::{World, hex};
use serde_json::{Value, json};

fn status(id: &str, status: &str) -> Value {
    json!({"txId": id, "status": status, "sealed": "<bool>", "applied": "<bool>"})
}

fn listed() -> Value {
    json!({"txId": "<hash>", "status": "<status>", "signer": "<account>", "group": "<number>",
        "height": "<number>", "index": "<number>", "timeMs": "<ms>", "sealed": "<bool>"})
}

pub(super) fn cases(world: &World) -> Vec<Case> {
    let fresh: Vec<(String, String)> = world.fresh.iter().map(|tx| (hex(tx), tx.id().to_string())).collect();
    let [one, two, three, four, five, six, ..] = &fresh[..] else { panic!("too few transactions") };
    let (known, height) = (&world.committed.0, world.committed.1);
    let read = json!({"key": "<hex>", "value": "0x6f6e65", "type": "bytes", "version": "<decimal>"});
    let never = format!("0x{}", "7".repeat(64));
    let listed = listed();
    vec![
        case(
            "tx_prepare",
            json!({"unsigned": world.unsigned}),
            json!({"signingBytes": "<hex>", "txId": "<hash>"}),
        ),
        case("tx_submit", json!({"tx": one.0, "wait": "accepted"}), status(&one.1, "<status>")),
        case(
            "tx_submit",
            json!({"tx": two.0}),
            json!({"txId": two.1, "status": "committed", "group": "<number>",
                "height": "<number>", "sealed": "<bool>", "applied": "<bool>", "result?": "<any>"}),
        ),
        case(
            "tx_submit",
            json!({"tx": three.0, "wait": "sealed", "timeoutMs": 60_000}),
            json!({"txId": three.1, "status": "committed", "sealed": true}),
        ),
        case(
            "tx_submit",
            json!({"tx": four.0, "wait": "applied", "timeoutMs": 60_000, "encoding": "utf8"}),
            json!({"txId": four.1, "status": "committed", "applied": true}),
        ),
        case(
            "tx_submitBatch",
            json!({"txs": [five.0, six.0]}),
            json!({"items": [{"txId": "<hash>", "status": "<status>"}]}),
        ),
        case("tx_submitBatch", json!({"txs": []}), json!({"items": []})),
        case(
            "tx_submitBatch",
            json!({"txs": ["0x00"]}),
            json!({"items": [{"error": {"code": -32020, "message": "<text>", "data": {"reason": "MALFORMED"}}}]}),
        ),
        case(
            "tx_simulate",
            json!({"unsigned": world.unsigned}),
            json!({"txId": "<hash>", "status": "<text>", "result": "<any>", "at": [{"group": "<number>",
                "height": "<number>", "blockId": "<hash>"}]}),
        ),
        case(
            "tx_get",
            json!({"txId": world.crossing, "prove": true}),
            json!({"status": "committed", "proof": {"format": "witan-outcome-proof-1", "bytes": "<hex>"}}),
        ),
        case(
            "tx_get",
            json!({"txId": known}),
            json!({"txId": known, "status": "committed", "group": 1,
                "height": height, "sealed": "<bool>", "applied": true, "result": {"reads": [read]}}),
        ),
        case(
            "tx_get",
            json!({"txId": world.crossing, "encoding": "base64"}),
            json!({"status": "committed", "phases": [{"group": "<number>", "phase": "<text>", "height": "<number|null>"}]}),
        ),
        case("tx_get", json!({"txId": never}), status(&never, "unknown")),
        case(
            "tx_list",
            json!({"account": world.accounts[0]}),
            json!({"items": [listed], "nextCursor": "<any>"}),
        ),
        case("tx_list", json!({}), json!({"items": [listed], "nextCursor": "<any>"})),
    ]
}

//! `state`.

use super::{Case, case};
use crate::conformance::world::{World, hex_key};
use serde_json::{Value, json};

/// The template of a value at a key, with where the read stands.
fn read(key: &str, value: Value, kind: Value) -> Value {
    json!({"key": key, "value": value, "type": kind, "version": "<decimal>", "group": "<number>", "height": "<number>",
        "blockId": "<hash>"})
}

pub(super) fn cases(world: &World) -> Vec<Case> {
    let [one, other] = &world.keys;
    let (one_hex, other_hex) = (hex_key(one), hex_key(other));
    let mut proved = read(&other_hex, "0x6f74686572".into(), "bytes".into());
    proved["proof"] = json!({"format": "witan-state-proof-1", "bytes": "<hex>"});
    let point = json!({"group": "<number>", "height": "<number>", "blockId": "<hash>"});
    let item = json!({"key": "<hex>", "value": "<any>", "type": "<any>", "version": "<decimal>"});
    let page = json!({"items": [item], "nextCursor": "<any>",
        "group": "<number>", "height": "<number>", "blockId": "<hash>"});
    let account = json!({"account": world.accounts[1], "balance": "<decimal>", "version": "<decimal>",
        "group": "<number>", "height": "<number>", "blockId": "<hash>"});
    let utf8 = |key: &str| json!({"key": key, "encoding": "utf8"});
    vec![
        case("state_get", json!({"key": one_hex}), read(&one_hex, "0x6f6e65".into(), "bytes".into())),
        case("state_get", json!({"key": other_hex, "prove": true}), proved),
        case("state_get", json!({"key": one_hex, "at": "sealed"}), json!({"key": one_hex})),
        case(
            "state_get",
            json!({"key": one_hex, "strict": true}),
            read(&one_hex, "0x6f6e65".into(), "bytes".into()),
        ),
        case("state_get", utf8(one), read(one, "one".into(), "bytes".into())),
        case(
            "state_get",
            json!({"key": "0x6e6f7468696e67"}),
            read("0x6e6f7468696e67", Value::Null, Value::Null),
        ),
        case(
            "state_get",
            utf8("conformance/count"),
            read("conformance/count", "-7".into(), "counter".into()),
        ),
        case("state_get", utf8("conformance/list"), json!({"value": "<any>", "type": "list"})),
        case("state_getMany", json!({"keys": [one_hex, other_hex]}), json!({"items": [item], "at": [point]})),
        case(
            "state_getMany",
            json!({"keys": [one, other], "encoding": "utf8", "strict": true}),
            json!({"items": [{"key": "<text>", "value": "<text>", "type": "bytes", "version": "<decimal>"}], "at": [point]}),
        ),
        case("state_getMany", json!({"keys": []}), json!({"items": [], "at": []})),
        case("state_scan", json!({"prefix": "0x"}), page.clone()),
        case("state_scan", json!({"prefix": hex_key("conformance/"), "limit": 1}), page.clone()),
        case("state_scan", json!({"start": "0x61", "end": "0x62", "limit": 1000, "at": "latest"}), page),
        case("state_account", json!({"account": world.accounts[1]}), account.clone()),
        case("state_account", json!({"account": world.accounts[1], "strict": true}), account),
        case(
            "state_history",
            json!({"key": one_hex}),
            json!({"items": [{"value": "0x6f6e65", "type": "bytes", "version": "<decimal>", "height": "<number>",
                "blockId": "<hash>", "timeMs": "<ms>"}], "nextCursor": null, "group": 1, "height": "<number>",
                "blockId": "<hash>"}),
        ),
        case(
            "state_getSlot",
            json!({"key": one_hex, "prove": true}),
            json!({"slot": "<number>", "items": [item], "group": 1, "height": "<number>", "blockId": "<hash>",
                "proof": {"format": "witan-slot-proof-1", "bytes": "<hex>"}}),
        ),
    ]
}

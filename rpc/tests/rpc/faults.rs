//! Faults are staged where genesis says devnet, within bounds, and nowhere else.

use crate::support::{FakeNode, devnet, get, serve};
use serde_json::json;
use std::time::Duration;
use witan_rpc::*;

#[tokio::test]
async fn a_network_that_is_no_devnet_has_no_method_to_stage_faults() {
    let network = serve(FakeNode::default(), RpcConfig::default()).await;
    let document = get(network.server.local_addr(), "/openrpc.json").await.json();
    for method in ["fault_set", "fault_list", "fault_clear"] {
        assert_eq!(network.error(method, json!({})).await["code"], -32601, "{method}");
        let listed = document["methods"].as_array().unwrap().iter();
        assert!(listed.clone().count() > 20 && listed.clone().all(|it| it["name"] != method), "{method}");
    }
}

#[tokio::test]
async fn every_kind_of_fault_arrives_as_it_was_asked_for() {
    let client = &devnet().await.client;
    assert_eq!(client.faults().await.unwrap(), []);
    let drop = vec!["n1".to_owned()];
    let faults = [
        FaultEffect::Clock { offset_ms: -86_400_000 },
        FaultEffect::Disk { delay_ms: 60_000 },
        FaultEffect::Network { drop: drop.clone(), direction: CutDirection::Both },
        FaultEffect::Network { drop, direction: CutDirection::In },
    ];
    for effect in faults {
        let lasts = Some(Duration::from_secs(3));
        assert_eq!(client.set_fault(effect.clone(), lasts).await.unwrap(), 7);
        let staged = FaultView { id: 7, effect, ends_in_ms: Some(3000) };
        assert_eq!(client.faults().await.unwrap(), [staged]);
    }
    assert_eq!(client.clear_faults(None).await.unwrap(), [7]);
    assert!(matches!(client.clear_faults(Some(8)).await.unwrap_err().rpc(), Some(RpcError::NotFound { .. })));
}

#[tokio::test]
async fn a_fault_out_of_its_bounds_or_with_parameters_of_another_kind_is_refused() {
    let network = devnet().await;
    let many: Vec<String> = (0..65).map(|number| format!("n{number}")).collect();
    let cases = [
        (json!({"kind": "fire"}), "kind"),
        (json!({"kind": "clock"}), "offsetMs"),
        (json!({"kind": "clock", "offsetMs": 86_400_001}), "offsetMs"),
        (json!({"kind": "clock", "offsetMs": i64::MIN}), "offsetMs"),
        (json!({"kind": "clock", "offsetMs": 5, "delayMs": 5}), "delayMs"),
        (json!({"kind": "disk"}), "delayMs"),
        (json!({"kind": "disk", "delayMs": 0}), "delayMs"),
        (json!({"kind": "disk", "delayMs": 60_001}), "delayMs"),
        (json!({"kind": "disk", "delayMs": -1}), "delayMs"),
        (json!({"kind": "disk", "delayMs": 1, "direction": "in"}), "direction"),
        (json!({"kind": "network"}), "drop"),
        (json!({"kind": "network", "drop": []}), "drop"),
        (json!({"kind": "network", "drop": many}), "drop"),
        (json!({"kind": "network", "drop": ["n1"], "direction": "up"}), "direction"),
        (json!({"kind": "disk", "delayMs": 1, "forMs": 0}), "forMs"),
        (json!({"kind": "disk", "delayMs": 1, "forMs": 3_600_001}), "forMs"),
    ];
    for (parameters, named) in cases {
        let error = network.error("fault_set", parameters.clone()).await;
        assert_eq!(error["data"]["parameter"], named, "{parameters}: {error}");
    }
}

//! Errors keep their meaning on the way to a client.

use super::*;
use witan_types::Hash;

fn one_of_each() -> Vec<RpcError> {
    let mut errors = vec![
        RpcError::parameter("tx.ops[0].key", "0x hex, got 7"),
        RpcError::MempoolFull { retry_after_ms: 250 },
        RpcError::WaitTimeout { tx_id: TxId(Hash([7; 32])), status: TransactionState::Accepted },
        RpcError::not_found("block 9 of group 1"),
        RpcError::Pruned { oldest_height: 40 },
        RpcError::FutureHeight { height: 41 },
        RpcError::CursorInvalid,
        RpcError::RateLimited { retry_after_ms: 3 },
        RpcError::Unauthorized,
        RpcError::internal("the loop is gone"),
        RpcError::NotHosted { group: GroupId(2), nodes: vec!["n2".into(), "n3".into()] },
        RpcError::TooManySubscriptions { of: RpcError::CONNECTION, max: 64 },
        RpcError::TooManySubscriptions { of: RpcError::NODE, max: 1024 },
        RpcError::TooManySubscriptions { of: RpcError::ADDRESS, max: 256 },
        RpcError::WebSocketOnly { method: "state_subscribe".into() },
    ];
    errors.extend(Rejection::ALL.map(|reason| RpcError::rejected(reason, "why")));
    errors.extend(NoSnapshot::ALL.map(|reason| RpcError::ReadAborted { reason }));
    errors.extend(NotReady::ALL.map(|reason| RpcError::NotReady { reason, detail: "why".into() }));
    errors
}

#[test]
fn every_error_comes_back_from_its_json_as_it_was() {
    for error in one_of_each() {
        let object = ErrorObjectOwned::from(error.clone());
        let text = serde_json::to_string(&object).unwrap();
        let read: ErrorView = serde_json::from_str(&text).unwrap();
        assert_eq!((&read, &read), (&ErrorView::from(error.clone()), &ErrorView::from(&object)));
        assert_eq!(RpcError::from_view(&read), Some(error));
    }
}

#[test]
fn every_error_says_reason_retryable_and_hint() {
    for error in one_of_each() {
        let data = ErrorView::from(error).data;
        assert!(data["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{data}");
        assert!(data["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{data}");
        assert!(data["retryable"].is_boolean(), "{data}");
    }
}

#[test]
fn codes_are_those_of_the_contract() {
    let codes: Vec<i32> = one_of_each().iter().take(11).map(RpcError::code).collect();
    let contract = [-32602, -32022, -32023, -32030, -32031, -32032, -32034, -32040, -32041, -32603, -32030];
    assert_eq!(codes, contract);
}

#[test]
fn an_error_of_another_kind_stays_unread() {
    let unknown = ErrorObjectOwned::owned(-32601, "Method not found", None::<()>);
    assert_eq!(RpcError::from_view(&ErrorView::from(&unknown)), None);
}

//! Who may call, and how much.

use crate::support::{FakeNode, TIP, get, post, serve};
use serde_json::json;
use witan_rpc::server::Token;
use witan_rpc::*;
use witan_types::GroupId;

const TOKEN: &str = "a-token-of-many-characters";

#[tokio::test]
async fn where_a_token_is_configured_calls_must_show_it() {
    let token = Some(Token::parse(TOKEN).unwrap());
    let network = serve(FakeNode::default(), RpcConfig { token, ..RpcConfig::default() }).await;
    let address = network.server.local_addr();

    let body = json!({"jsonrpc": "2.0", "id": 7, "method": "node_version", "params": []}).to_string();
    let refused = post(address, &body).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (401, &json!(-32041)));
    assert_eq!(refused.json()["error"]["data"]["reason"], "UNAUTHORIZED");
    assert_eq!(network.client.version().await.unwrap_err().code(), Some(-32041), "the client says so too");

    let url = format!("http://{address}");
    assert!(Client::with_token(&url, TOKEN).unwrap().version().await.is_ok());
    let other = Client::with_token(&url, "another-token-altogether").unwrap();
    assert_eq!(other.version().await.unwrap_err().code(), Some(-32041));

    for told in [
        Subscriber::connect(&url).await.unwrap_err(),
        Subscriber::connect_with_token(&url, "another-token-altogether").await.unwrap_err(),
    ] {
        assert_eq!((told.code(), told.rpc()), (Some(-32041), Some(&RpcError::Unauthorized)), "{told}");
        assert!(told.hint().contains("--rpc-token"), "{}", told.hint());
    }
    let subscriber = Subscriber::connect_with_token(&url, &format!("{TOKEN}\n")).await.unwrap();
    assert!(!format!("{subscriber:?}").contains(TOKEN), "a token is printed nowhere");
    let mut blocks = subscriber.blocks(Some(GroupId(1)), Some(Since::Height(TIP))).await.unwrap();
    assert!(matches!(blocks.next().await.unwrap(), Some(BlockNews::Block(_))));

    assert_eq!(get(address, "/readyz").await.status, 200, "health is for who watches the node");
}

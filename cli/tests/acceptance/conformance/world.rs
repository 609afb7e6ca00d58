//! What the network holds when its methods are tried.

use crate::network::{Testnet, put};
use serde_json::{Value, json};
use std::time::Duration;
use witan_testnet::rpc::{TransactionState, Wait};
use witan_types::{Account, GroupId, Key, Op, SignedTransaction, Wire as _};

/// How long a client waits for one transaction.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Keys, transactions and places that calls name.
pub(crate) struct World {
    /// A key of each group, which holds text.
    pub(crate) keys: [String; 2],
    /// A transaction of one group that is committed, with its height.
    pub(crate) committed: (String, u64),
    /// A transaction across both groups that is applied.
    pub(crate) crossing: String,
    /// The account that signed them, and another one.
    pub(crate) accounts: [String; 2],
    /// The network's chain id.
    pub(crate) chain: String,
    /// Signed bytes of transactions that are new to the network.
    pub(crate) fresh: Vec<SignedTransaction>,
    /// A transaction's JSON form without signature.
    pub(crate) unsigned: Value,
}

/// A key of each group, under a common start.
pub(crate) async fn keys(testnet: &Testnet, start: &str) -> [String; 2] {
    let client = testnet.client("n0");
    let mut keys = [None, None];
    for number in 0.. {
        let key = format!("{start}/{number}");
        let GroupId(group) = client.shard_of(key.as_bytes()).await.unwrap().group;
        keys[group as usize - 1].get_or_insert(key);
        if let [Some(one), Some(other)] = &keys {
            return [one.clone(), other.clone()];
        }
    }
    unreachable!("some number leads to each group")
}

pub(crate) fn hex(tx: &SignedTransaction) -> String {
    format!("0x{}", hex::encode(tx.encode()))
}

pub(crate) fn hex_key(key: &str) -> String {
    format!("0x{}", hex::encode(key))
}

impl World {
    /// Writes what calls will find, and waits until every node has it.
    pub(crate) async fn make(testnet: &Testnet) -> World {
        let keys = keys(testnet, "conformance/a").await;
        let client = testnet.client("n0");
        let submit = async |ops| {
            let tx = testnet.signed(ops);
            let status = client.submit(&tx, Wait::Applied, PATIENCE).await.unwrap();
            assert_eq!(status.status, TransactionState::Committed, "{status:?}");
            (tx.id().to_string(), status.height.unwrap())
        };
        let add = |key: &str, delta| Op::Add { key: Key::from(key), delta };
        let append = |key: &str| Op::Append { key: Key::from(key), item: b"item".to_vec() };
        let crossing = submit(vec![put(&keys[0], "one"), put(&keys[1], "other")]).await.0;
        let committed = submit(vec![put(&keys[0], "one"), Op::Get { key: Key::from(&*keys[0]) }]).await;
        submit(vec![add("conformance/count", -7), append("conformance/list"), append("conformance/list")])
            .await;
        for node in testnet.names() {
            let client = testnet.client(&node);
            crate::network::until(&format!("{node} has the last write"), async || {
                let list =
                    client.state(b"conformance/list", witan_testnet::rpc::At::Latest, false).await.ok()?;
                list.value.map(|_| ())
            })
            .await;
        }
        let [own, other] = [0, 1].map(|place| Account(testnet.secret(place).public()).to_string());
        let chain = testnet.network.description().chain.to_string();
        let fresh = (0..8).map(|number| testnet.signed(vec![put("conformance/fresh", &number.to_string())]));
        let unsigned = json!({"chain": chain, "signer": own, "salt": "18446744073709551615",
            "expiresAtMs": crate::network::now_ms() + 60_000, "checks": [{"check": "exists", "key": hex_key(&keys[0])}],
            "ops": [{"op": "put", "key": "0x61", "value": "0x"}, {"op": "add", "key": "0x62", "delta": "-5"},
                {"op": "append", "key": "0x63", "value": "0xff"}, {"op": "delete", "key": "0x64"},
                {"op": "get", "key": "0x65"}, {"op": "transfer", "to": other, "amount": "1"}]});
        World { keys, committed, crossing, accounts: [own, other], chain, fresh: fresh.collect(), unsigned }
    }
}

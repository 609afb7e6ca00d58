//! Work for every group while faults last: an idle group makes no blocks, so that nobody could tell whether it goes on.

use crate::local::Network;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use witan_ledger::{first_owner, slot_of};
use witan_rpc::{Client, Wait};
use witan_types::{Account, Genesis, GroupId, Hash, Key, Op, SecretKey, SignedTransaction, Transaction};

/// How long a node may take to take a probe in.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// How long a probe lives: no longer than it takes to see that a group stands.
const LIFETIME_MS: u64 = 30_000;
/// The most probes under way.
const MAX_UNDER_WAY: usize = 256;
/// How many keys are tried to find one of each group.
const MAX_TRIES: u32 = 100_000;

/// Gives every group something to do.
#[derive(Debug)]
pub struct Probe {
    signer: SecretKey,
    genesis: Genesis,
    keys: BTreeMap<GroupId, Key>,
    under_way: JoinSet<()>,
}

impl Probe {
    /// Probes signed by the network's first development account; none if it has no accounts.
    pub fn of(network: &Network, genesis: &Genesis) -> Option<Probe> {
        let secret = network.description().accounts.first()?.secret.parse::<Hash>().ok()?;
        let mut keys = BTreeMap::new();
        let groups = genesis.user_groups().count();
        for number in 0..MAX_TRIES {
            if keys.len() == groups {
                break;
            }
            let key = Key(format!("probe/{number}").into_bytes());
            keys.entry(first_owner(genesis, slot_of(&key))).or_insert(key);
        }
        Some(Probe {
            signer: SecretKey::from_seed(secret.0),
            genesis: genesis.clone(),
            keys,
            under_way: JoinSet::new(),
        })
    }

    /// Hands one transaction of each group to every node that runs, and waits for none of them.
    pub fn send(&mut self, network: &Network) {
        while self.under_way.try_join_next().is_some() {}
        let running: Vec<String> =
            network.node_names().into_iter().filter(|name| network.is_running(name)).collect();
        let twins = network.description().twins.iter().map(|twin| twin.name.clone());
        let nodes: Vec<String> = running.into_iter().chain(twins).collect();
        for key in self.keys.values() {
            let signed = self.put(key.clone());
            for url in nodes
                .iter()
                .filter_map(|name| network.client(name).ok())
                .map(|client| client.url().to_owned())
            {
                if self.under_way.len() >= MAX_UNDER_WAY {
                    return;
                }
                let signed = signed.clone();
                self.under_way.spawn(async move {
                    if let Ok(client) = Client::with_timeout(&url, ANSWER_WITHIN) {
                        // A node that is cut off or dead does not take it in: that is what is watched.
                        client.submit(&signed, Wait::Accepted, ANSWER_WITHIN).await.ok();
                    }
                });
            }
        }
    }

    fn put(&self, key: Key) -> SignedTransaction {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let transaction = Transaction {
            chain: self.genesis.chain(),
            signer: Account(self.signer.public()),
            salt: rand::random(),
            expires_at_ms: now_ms.saturating_add(LIFETIME_MS),
            checks: Vec::new(),
            ops: vec![Op::Put { key, value: now_ms.to_string().into_bytes() }],
        };
        transaction.sign(&self.signer)
    }
}

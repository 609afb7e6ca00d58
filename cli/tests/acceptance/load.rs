//! Clients that submit one transaction after another and remember what they were told.

use crate::network::{Testnet, put, text_of};
use futures::future::join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use witan_testnet::rpc::{At, Client, TransactionState, Wait};
use witan_types::{SecretKey, SignedTransaction, Transaction, TxId};

/// Questions to a node at once.
const AT_ONCE: usize = 100;
/// How long a client waits for one transaction.
const PATIENCE: Duration = Duration::from_secs(60);

/// What clients were told.
#[derive(Default)]
pub(crate) struct Told {
    /// `committed` was reported for these, named by id and salt.
    pub(crate) committed: Vec<(TxId, u64)>,
    /// These were cut off: they may have been committed or not.
    pub(crate) open: Vec<SignedTransaction>,
}

/// Clients at work until they are told to stop or their node is gone.
pub(crate) struct Load {
    committed: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Told>>,
}

impl Load {
    /// Starts as many clients at each of these nodes.
    pub(crate) fn start(testnet: &Testnet, nodes: &[String], clients_each: usize) -> Load {
        let (committed, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let mut clients = Vec::new();
        for node in nodes {
            for _ in 0..clients_each {
                let (client, count) = (testnet.client(node), Arc::clone(&committed));
                let (template, secret) = (testnet.unsigned(0, Vec::new()), testnet.secret(0));
                let client = Worker { client, template, secret, count, stop: Arc::clone(&stop) };
                clients.push(tokio::spawn(client.work()));
            }
        }
        Load { committed, stop, clients }
    }

    /// Transactions reported as committed so far.
    pub(crate) fn committed(&self) -> usize {
        self.committed.load(Ordering::Relaxed)
    }

    /// Lets each client finish what it is at; what all of them were told.
    pub(crate) async fn end(self) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Told::default();
        for told in join_all(self.clients).await {
            let told = told.unwrap();
            all.committed.extend(told.committed);
            all.open.extend(told.open);
        }
        all
    }
}

struct Worker {
    client: Client,
    template: Transaction,
    secret: SecretKey,
    count: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Worker {
    async fn work(self) -> Told {
        let mut told = Told::default();
        while !self.stop.load(Ordering::Relaxed) {
            let salt = rand::random();
            let ops = vec![put(&key_of(salt), &value_of(salt))];
            let tx = Transaction { salt, ops, ..self.template.clone() }.sign(&self.secret);
            match self.client.submit(&tx, Wait::Committed, PATIENCE).await {
                Ok(status) => {
                    assert_eq!(status.status, TransactionState::Committed);
                    told.committed.push((tx.id(), salt));
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => {
                    told.open.push(tx);
                    break;
                }
            }
        }
        told
    }
}

fn key_of(salt: u64) -> String {
    format!("load/{salt:016x}")
}

fn value_of(salt: u64) -> String {
    format!("written by {salt}")
}

impl Testnet {
    /// Checks that every one of these transactions stands as committed on this node, and that its write is there.
    pub(crate) async fn holds(&self, node: &str, committed: &[(TxId, u64)]) {
        let client = self.client(node);
        for part in committed.chunks(AT_ONCE) {
            let statuses = join_all(part.iter().map(|(id, _)| client.transaction(*id))).await;
            for ((id, _), status) in part.iter().zip(statuses) {
                assert_eq!(status.unwrap().status, TransactionState::Committed, "{id} on {node}");
            }
            let keys: Vec<String> = part.iter().map(|(_, salt)| key_of(*salt)).collect();
            let values = client.states(&keys, At::Latest).await.unwrap();
            for ((id, salt), item) in part.iter().zip(values.items) {
                assert_eq!(text_of(item.value), Some(value_of(*salt)), "the write of {id} on {node}");
            }
        }
    }
}

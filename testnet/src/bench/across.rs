//! What several groups cost: the time that a transaction takes in one group and across two, and the processor time of a
//! transaction for different numbers of groups and shares of transactions that span two.

use super::{BATCH, BenchError, BenchNode, process};
use crate::load::GroupKeys;
use crate::workload::unix_ms;
use serde::Serialize;
use std::fmt;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use witan_rpc::{At, Client, ClientError, Order, RpcError, TransactionDetail, TransactionState, Wait};
use witan_types::{
    Account, ChainId, EngineKind, Genesis, GroupId, Key, Op, SecretKey, SignedTransaction, Transaction, TxId,
    Wire as _, sha256,
};

/// Accounts that sign it.
const SIGNERS: u64 = 50;
/// Bytes of each value.
const VALUE_BYTES: usize = 64;
/// With more transactions than this waiting in a node's mempools, the client waits too.
const MAX_WAITING: usize = 2_000;
/// How long the load may take to be over.
const DRAIN: Duration = Duration::from_secs(60);
/// How long one transaction of the latency table may take.
const ONE: Duration = Duration::from_secs(20);
/// Blocks further apart than this were not waiting for each other, in milliseconds.
const IDLE_MS: u64 = 150;

/// What to run.
#[derive(Clone, Debug)]
pub struct AcrossPlan {
    /// The validators that run.
    pub nodes: Vec<BenchNode>,
    /// The share of transactions that span two groups, in percent.
    pub share: u32,
    /// How many transactions to load.
    pub transactions: usize,
    /// How many of each kind to time one after another; 0 for none.
    pub samples: usize,
    /// The same seed makes the same load.
    pub seed: u64,
}

/// Median and 99 of 100, in milliseconds.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Times {
    /// The median.
    pub p50_ms: f64,
    /// 99 of 100 take at most this.
    pub p99_ms: f64,
}

/// How long transactions take one at a time.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Latencies {
    /// The median time between two blocks of a group at work.
    pub block_ms: f64,
    /// In one group, to `committed`.
    pub single: Times,
    /// Across two groups, to `committed`: decided by the coordinator.
    pub acknowledged: Times,
    /// Across two groups, to `applied`: visible in both.
    pub applied: Times,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AcrossReport {
    /// The engine of every group.
    pub engine: EngineKind,
    /// User groups.
    pub shards: usize,
    /// Validators, each in every group.
    pub nodes: usize,
    /// The share of transactions that span two groups, in percent.
    pub share: u32,
    /// Transactions that had their effect.
    pub committed: usize,
    /// Transactions that did not.
    pub other: usize,
    /// Transactions a second, the two cores shared by all nodes and the client.
    pub tx_per_s: f64,
    /// Processor time of one node a transaction, in microseconds.
    pub cpu_us_per_tx_per_node: f64,
    /// How long transactions take one at a time.
    pub latencies: Option<Latencies>,
}

/// Runs it on a network that is up.
///
/// # Errors
/// If a node is gone or the load does not come to an end.
pub async fn run_across(plan: &AcrossPlan) -> Result<AcrossReport, BenchError> {
    let clients: Vec<Client> =
        plan.nodes.iter().map(|node| Client::new(&node.rpc)).collect::<Result<_, _>>()?;
    let first = clients.first().ok_or(BenchError::NoNodes)?;
    let genesis = first.genesis().await?;
    let load = Load::new(&genesis.genesis, genesis.chain, plan.seed);
    let groups = load.keys.groups();
    let engine = genesis.genesis.engine(GroupId(1)).ok_or(BenchError::NoGroup(GroupId(1)))?;
    let latencies = if plan.samples > 0 && groups > 1 {
        Some(latencies(first, &load, plan.samples).await?)
    } else {
        None
    };
    let signed: Vec<SignedTransaction> =
        (0..plan.transactions as u64).map(|number| load.transaction(number, plan.share)).collect();
    let before = processor(plan)?;
    let started = Instant::now();
    submit_all(&clients, &signed).await?;
    wait_until_over(&clients, groups).await?;
    let (took, used) = (started.elapsed(), processor(plan)?.saturating_sub(before));
    let committed = count_committed(first, &signed).await?;
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let (count, nodes) = (signed.len().max(1) as f64, plan.nodes.len().max(1) as f64);
    Ok(AcrossReport {
        engine,
        shards: groups,
        nodes: plan.nodes.len(),
        share: plan.share,
        committed,
        other: signed.len().saturating_sub(committed),
        tx_per_s: count / took.as_secs_f64(),
        cpu_us_per_tx_per_node: used.as_secs_f64() * 1e6 / count / nodes,
        latencies,
    })
}

fn processor(plan: &AcrossPlan) -> Result<Duration, BenchError> {
    let mut sum = Duration::ZERO;
    for node in &plan.nodes {
        let used = process::cpu_time(node.pid);
        sum += used.map_err(|why| BenchError::Process { node: node.name.clone(), why })?;
    }
    Ok(sum)
}

/// What is written, and by whom.
struct Load {
    chain: ChainId,
    seed: u64,
    signers: Vec<SecretKey>,
    keys: GroupKeys,
}

impl Load {
    fn new(genesis: &Genesis, chain: ChainId, seed: u64) -> Load {
        let signer = |number: u64| {
            SecretKey::from_seed(sha256(&[b"witan across", &seed.to_le_bytes(), &number.to_le_bytes()]).0)
        };
        Load { chain, seed, signers: (0..SIGNERS).map(signer).collect(), keys: GroupKeys::new(genesis) }
    }

    /// The `number`-th transaction of a load of which this share, in percent, spans two groups.
    fn transaction(&self, number: u64, share: u32) -> SignedTransaction {
        self.puts(number, &self.keys.groups_of(number, share))
    }

    /// A put in each of these groups, named by place.
    fn puts(&self, number: u64, groups: &[usize]) -> SignedTransaction {
        let filler = sha256(&[&number.to_le_bytes()]).0;
        let value: Vec<u8> = filler.iter().copied().cycle().take(VALUE_BYTES).collect();
        let put = |key: &Key| Op::Put { key: key.clone(), value: value.clone() };
        let place = usize::try_from(number % SIGNERS).unwrap_or(0);
        let signer = self.signers.get(place).cloned().unwrap_or_else(|| SecretKey::from_seed([0; 32]));
        let transaction = Transaction {
            chain: self.chain,
            signer: Account(signer.public()),
            salt: self.seed.wrapping_add(number),
            expires_at_ms: unix_ms() + 90_000,
            checks: Vec::new(),
            ops: groups.iter().filter_map(|group| self.keys.key(*group, number)).map(put).collect(),
        };
        transaction.sign(&signer)
    }
}

/// Times transactions one after another, of each kind in turn.
async fn latencies(client: &Client, load: &Load, samples: usize) -> Result<Latencies, BenchError> {
    let mut times: [Vec<f64>; 3] = Default::default();
    let kinds = [(vec![0], Wait::Committed), (vec![0, 1], Wait::Committed), (vec![0, 1], Wait::Applied)];
    let from = client.block(GroupId(1), At::Latest, TransactionDetail::None).await?.height;
    for number in 0..samples as u64 {
        for (place, (groups, wait)) in kinds.iter().enumerate() {
            let salt = u64::MAX / 2 + number * 3 + place as u64;
            let signed = load.puts(salt, groups);
            let started = Instant::now();
            client.submit(&signed, *wait, ONE).await?;
            if let Some(times) = times.get_mut(place) {
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    let [single, acknowledged, applied] = times.map(percentiles);
    Ok(Latencies { block_ms: block_time(client, from).await?, single, acknowledged, applied })
}

/// The median time between two blocks of the first group since this height that were made because work waited.
async fn block_time(client: &Client, from: u64) -> Result<f64, BenchError> {
    let page = client.blocks(GroupId(1), Some(from), Order::Asc, 100, None).await?;
    let times: Vec<u64> = page.items.iter().map(|block| block.time_ms).collect();
    let gaps = times.windows(2).filter_map(|pair| Some(pair.last()?.saturating_sub(*pair.first()?)));
    #[expect(clippy::cast_precision_loss, reason = "milliseconds between two blocks")]
    let gaps: Vec<f64> = gaps.filter(|gap| *gap <= IDLE_MS).map(|gap| gap as f64).collect();
    Ok(percentiles(gaps).p50_ms)
}

fn percentiles(mut times: Vec<f64>) -> Times {
    times.sort_unstable_by(f64::total_cmp);
    let at = |part: usize| times.get(times.len().saturating_sub(1) * part / 100).copied().unwrap_or(0.0);
    Times { p50_ms: at(50), p99_ms: at(99) }
}

/// Submits in batches to one node after another, no faster than the mempools empty.
async fn submit_all(clients: &[Client], signed: &[SignedTransaction]) -> Result<(), BenchError> {
    for (number, batch) in signed.chunks(BATCH).enumerate() {
        let Some(client) = clients.get(number % clients.len().max(1)) else { return Ok(()) };
        let mut rest: Vec<Vec<u8>> = batch.iter().map(SignedTransaction::encode).collect();
        while !rest.is_empty() {
            let answers = client.submit_batch(rest.clone()).await?;
            let full = |answer: &Result<(TxId, TransactionState), ClientError>| {
                let error = answer.as_ref().err().and_then(ClientError::rpc);
                matches!(error, Some(RpcError::MempoolFull { .. }))
            };
            rest =
                rest.into_iter().zip(&answers).filter(|(_, it)| full(it)).map(|(bytes, _)| bytes).collect();
            while waiting(client).await? > MAX_WAITING {
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
    Ok(())
}

async fn waiting(client: &Client) -> Result<usize, BenchError> {
    Ok(client.mempools(None).await?.iter().map(|mempool| mempool.transactions).sum())
}

/// Waits until nothing waits, is pending or locked on any node.
async fn wait_until_over(clients: &[Client], groups: usize) -> Result<(), BenchError> {
    let deadline = Instant::now() + DRAIN;
    for client in clients {
        while Instant::now() < deadline {
            let mut open = waiting(client).await?;
            for group in (1..).map(GroupId).take(groups) {
                open += client.locks(group, 1, None).await?.items.len();
            }
            if open == 0 {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
    Ok(())
}

async fn count_committed(client: &Client, signed: &[SignedTransaction]) -> Result<usize, BenchError> {
    let mut committed = 0;
    for part in signed.chunks(BATCH) {
        let asked = part.iter().map(|signed| client.transaction(signed.id()));
        for status in futures::future::join_all(asked).await {
            committed += usize::from(status?.status == TransactionState::Committed);
        }
    }
    Ok(committed)
}

impl fmt::Display for AcrossReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AcrossReport { engine, shards, nodes, share, committed, other, .. } = self;
        write!(
            f,
            "{}, {nodes} validators, {shards} groups, {share} % across: {:.0} tx/s, {:.0} us/tx a node, {committed} \
             committed, {other} not",
            engine.label(),
            self.tx_per_s,
            self.cpu_us_per_tx_per_node
        )?;
        let Some(Latencies { block_ms, single, acknowledged, applied }) = &self.latencies else {
            return Ok(());
        };
        write!(f, "\n  one at a time, blocks every {block_ms:.1} ms:")?;
        for (what, times) in [("in one group", single), ("acknowledged", acknowledged), ("applied", applied)]
        {
            write!(
                f,
                "\n  {what:<14} {:>6.1} ms p50, {:>6.1} ms p99, {:.1} block times, {:.2} times one group",
                times.p50_ms,
                times.p99_ms,
                times.p50_ms / block_ms.max(f64::MIN_POSITIVE),
                times.p50_ms / single.p50_ms.max(f64::MIN_POSITIVE)
            )?;
        }
        Ok(())
    }
}

//! Liveness: a transaction for each group, submitted to each node, commits in bounded time; and no node says that its part of the
//! root group, to which users can't write, stands still.

use super::evidence::Evidence;
use super::report::Finding;
use super::{NO_WRITE, Network, Source, Witness};
use crate::sim::Promise;
use crate::workload::unix_ms;
use futures::future::join_all;
use rand::RngExt;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use witan_ledger::{first_owner, slot_of};
use witan_rpc::{RpcError, TransactionState, Wait};
use witan_types::{Account, GroupId, Key, Op, SecretKey, Transaction, Wire as _};

/// How much later the answer may come.
const GRACE: Duration = Duration::from_secs(2);
/// Before a node that has no room is asked again.
const PAUSE: Duration = Duration::from_millis(200);
/// How many names of keys are tried to find one of a group: all groups of a network have some thirty of them among these.
const MAX_NAMES: u64 = 4_096;

pub(super) async fn check<S: Source>(network: &Network<'_, S>, write: bool) -> Finding {
    if !write {
        return Finding::not_judged(Promise::Liveness, NO_WRITE);
    }
    let mut finding = Finding::of(Promise::Liveness);
    let tag: u64 = rand::rng().random();
    let mut tried = Vec::new();
    for group in network.user_groups() {
        for witness in &network.witnesses {
            tried.push(async move { (group, witness, submit(network, group, witness, tag).await) });
        }
    }
    let outcomes = join_all(tried).await;
    let count = outcomes.len();
    for (group, witness, outcome) in outcomes {
        if let Err(why) = outcome {
            let node = witness.name().to_owned();
            finding.broken_by(Evidence::Stalled { group, node, why, explanation: explain(witness).await });
        }
    }
    for witness in network.hosts(GroupId::ROOT) {
        root_goes_on(witness, &mut finding).await;
    }
    let names = network.names();
    finding.covered = format!(
        "{count} transactions, one of each user group through each of {names}, committed within {} s; the root group by \
         what they say of it",
        network.waits.commit.as_secs()
    );
    finding
}

/// Submits a transaction of a group through a node, and waits until it commits; else why it did not.
async fn submit<S: Source>(
    network: &Network<'_, S>,
    group: GroupId,
    witness: &Witness<'_, S>,
    tag: u64,
) -> Result<(), String> {
    let names = (0..MAX_NAMES)
        .map(|number| Key(format!("check/{tag:016x}/{}/{number}", witness.name()).into_bytes()));
    let key = names.into_iter().find(|key| first_owner(network.genesis, slot_of(key)) == group);
    let key = key.ok_or("no key of the group was found")?;
    // A put needs no balance, so anybody may sign it.
    let secret = SecretKey::from_seed(rand::rng().random());
    let lifetime_ms = network.genesis.parameters.max_tx_lifetime_ms / 2;
    let transaction = Transaction {
        chain: network.chain,
        signer: Account(secret.public()),
        salt: rand::rng().random(),
        expires_at_ms: unix_ms().saturating_add(lifetime_ms),
        checks: Vec::new(),
        ops: vec![Op::Put { key, value: b"witan testnet check".to_vec() }],
    };
    let bytes = transaction.sign(&secret).encode();
    let until = Instant::now() + network.waits.commit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let answer = timeout(left + GRACE, witness.source.submit(bytes.clone(), Wait::Committed, left)).await;
        let Ok(answer) = answer else {
            return Err(format!("no answer within {} s", (network.waits.commit + GRACE).as_secs()));
        };
        match answer {
            Ok(status) if status.status == TransactionState::Committed => return Ok(()),
            Ok(status) => return Err(format!("the transaction is {}", status.status.name())),
            Err(error) => {
                let full =
                    matches!(error.rpc(), Some(RpcError::MempoolFull { .. } | RpcError::NotReady { .. }));
                if !full || Instant::now() >= until {
                    return Err(error.to_string());
                }
                sleep(PAUSE).await;
            }
        }
    }
}

/// What a node says about itself, in a sentence or two.
async fn explain<S: Source>(witness: &Witness<'_, S>) -> String {
    match witness.source.explain().await {
        Ok(explanation) => explanation.summary,
        Err(error) => format!("it does not explain itself: {error}"),
    }
}

/// Whether a node finds that its part of the root group goes on.
async fn root_goes_on<S: Source>(witness: &Witness<'_, S>, finding: &mut Finding) {
    let explanation = match witness.source.explain().await {
        Ok(explanation) => explanation,
        Err(error) => return finding.leaves_out(format!("the root group at {}: {error}", witness.name())),
    };
    let stands = explanation.groups.iter().find(|group| group.group == GroupId::ROOT && !group.progressing);
    if stands.is_some() {
        finding.broken_by(Evidence::Stalled {
            group: GroupId::ROOT,
            node: witness.name().to_owned(),
            why: "it says that the group makes no blocks".into(),
            explanation: explanation.summary,
        });
    }
}

//! No orphan locks: no key stays locked once the transaction that locked it is over, or could not be alive any more.

use super::evidence::Evidence;
use super::report::{Finding, Verdict};
use super::{Network, Source, Witness};
use crate::sim::Promise;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use witan_rpc::{LockView, TxStatusView};
use witan_types::{GroupId, Height, TxId};

/// Blocks that a group must have made meanwhile for its locks to be judged.
const BLOCKS: u64 = 2;

/// Whose lock it is: the place of the node that shows it, the group, the transaction, and the block since which it is under way.
type Holder = (usize, GroupId, TxId, Height);

pub(super) async fn check<S: Source>(network: &mut Network<'_, S>) -> Finding {
    let mut finding = Finding::of(Promise::NoOrphans);
    let before: Vec<Vec<Height>> = heights(network);
    let (first, answers) = look(network, &mut finding).await;
    let seen = first.len();
    let prepare = Duration::from_millis(network.genesis.parameters.prepare_timeout_ms);
    let held = outlast(network, first, prepare * 2 + network.waits.lock, &mut finding).await;
    let over = told(network, &held).await;
    let held = if over.is_empty() {
        held
    } else {
        outlast(network, held, network.waits.decision, &mut finding).await
    };
    network.look_again().await;
    for (holder, lock) in &held {
        judge(network, &before, (*holder, lock), over.get(holder), &mut finding).await;
    }
    let left = held.len();
    finding.covered =
        format!("{seen} locks in all groups at {}, {left} of them after the wait", network.names());
    if answers == 0 {
        finding.verdict = Verdict::NotJudged;
    }
    finding
}

/// The height of each group at each node.
fn heights<S: Source>(network: &Network<'_, S>) -> Vec<Vec<Height>> {
    let of = |witness: &Witness<'_, S>| {
        network.groups().map(|group| witness.group(group).map_or(0, |status| status.height)).collect()
    };
    network.witnesses.iter().map(of).collect()
}

/// What is locked, one key a holder, and how many answers say so.
async fn look<S: Source>(
    network: &Network<'_, S>,
    finding: &mut Finding,
) -> (BTreeMap<Holder, LockView>, usize) {
    let (mut found, mut answers) = (BTreeMap::new(), 0_usize);
    for (place, witness) in network.witnesses.iter().enumerate() {
        for group in network.groups().filter(|group| witness.group(*group).is_some()) {
            match witness.source.locks(group).await {
                Ok(locks) => {
                    answers = answers.saturating_add(1);
                    for lock in locks {
                        found.entry((place, group, lock.tx_id, lock.since_height)).or_insert(lock);
                    }
                }
                Err(error) => finding.leaves_out(format!("group {group} at {}: {error}", witness.name())),
            }
        }
    }
    (found, answers)
}

/// Those of these locks that are there all the time.
async fn outlast<S: Source>(
    network: &Network<'_, S>,
    mut held: BTreeMap<Holder, LockView>,
    wait: Duration,
    finding: &mut Finding,
) -> BTreeMap<Holder, LockView> {
    let until = Instant::now() + wait;
    while !held.is_empty() && Instant::now() < until {
        sleep(network.waits.look).await;
        let (now, _) = look(network, finding).await;
        held.retain(|holder, _| now.contains_key(holder));
    }
    held
}

/// Those whose transaction is over by the word of the node that shows the lock, with that word.
async fn told<S: Source>(
    network: &Network<'_, S>,
    held: &BTreeMap<Holder, LockView>,
) -> BTreeMap<Holder, TxStatusView> {
    let mut over = BTreeMap::new();
    for holder in held.keys() {
        let Some(witness) = network.witnesses.get(holder.0) else { continue };
        if let Ok(status) = witness.source.transaction(holder.2).await
            && status.status.is_final()
        {
            over.insert(*holder, status);
        }
    }
    over
}

async fn judge<S: Source>(
    network: &Network<'_, S>,
    before: &[Vec<Height>],
    ((place, group, tx_id, since_height), lock): (Holder, &LockView),
    over: Option<&TxStatusView>,
    finding: &mut Finding,
) {
    let Some(witness) = network.witnesses.get(place) else { return };
    let now = witness.group(group).map_or(0, |status| status.height);
    let of_group = network.groups().position(|entry| entry == group);
    let was = of_group.and_then(|at| before.get(place)?.get(at)).copied().unwrap_or(0);
    let parameters = &network.genesis.parameters;
    let longest_ms = parameters.max_tx_lifetime_ms.saturating_add(2 * parameters.prepare_timeout_ms);
    let age_ms = age(witness, group, since_height, now).await;
    let why = match (over, age_ms) {
        (_, Some(age_ms)) if age_ms > longest_ms => {
            format!(
                "that is {} s of block time ago, and a transaction lives {} s at most",
                age_ms / 1000,
                longest_ms / 1000
            )
        }
        (Some(over), _) if now >= was.saturating_add(BLOCKS) => {
            format!(
                "the transaction is {}, and the group has made {} blocks since",
                over.status.name(),
                now.saturating_sub(was)
            )
        }
        (Some(_), _) => {
            return finding
                .leaves_out(format!("locks of group {group} at {}, which makes no blocks", witness.name()));
        }
        (None, _) => {
            return finding.leaves_out(format!("locks of transactions of group {group} that are under way"));
        }
    };
    finding.broken_by(Evidence::Lock {
        node: witness.name().to_owned(),
        group,
        key: witan_rpc::encoding::write_hex(lock.key.as_ref()),
        tx_id: tx_id.to_string(),
        since_height,
        why,
    });
}

/// The block time between two heights of a group, in milliseconds.
async fn age<S: Source>(witness: &Witness<'_, S>, group: GroupId, from: Height, to: Height) -> Option<u64> {
    let (from, to) = (witness.source.blocks(group, from, 1).await, witness.source.blocks(group, to, 1).await);
    let time = |page: Result<Vec<witan_rpc::BlockView>, _>| Some(page.ok()?.first()?.time_ms);
    Some(time(to)?.saturating_sub(time(from)?))
}

//! Durability: what the network acknowledged as committed, every node that hosts its group tells the same, in the same block.

use super::acknowledged::{Acknowledged, Journal};
use super::evidence::Evidence;
use super::report::{Finding, Verdict};
use super::{Network, Source, Witness};
use crate::sim::Promise;
use futures::StreamExt as _;
use futures::stream;
use std::collections::BTreeSet;
use tokio::time::sleep;
use witan_rpc::{TransactionState, TxStatusView};

/// Questions under way at once.
const AT_ONCE: usize = 64;
/// How often a node that does not tell it yet is asked again.
const LOOKS: usize = 10;

pub(super) async fn check<S: Source>(network: &mut Network<'_, S>, journal: &Journal) -> Finding {
    if journal.entries.is_empty() {
        let why =
            "no acknowledged transaction of this chain is on record: `witan testnet load` writes them down";
        return Finding::not_judged(Promise::Durability, why);
    }
    let mut finding = Finding::of(Promise::Durability);
    let mut open: Vec<(usize, &Acknowledged)> = Vec::new();
    for entry in &journal.entries {
        let hosts = network.witnesses.iter().enumerate().filter(|(_, it)| it.group(entry.group).is_some());
        open.extend(hosts.map(|(place, _)| (place, entry)));
    }
    let asked = open.len();
    for look in 0..LOOKS {
        if look > 0 && !open.is_empty() {
            sleep(network.waits.look).await;
            network.look_again().await;
        }
        open = unkept(network, open).await;
    }
    let (mut behind, mut told) = (BTreeSet::new(), asked.saturating_sub(open.len()));
    for (place, entry) in open {
        let Some(witness) = network.witnesses.get(place) else { continue };
        let says = match witness.source.transaction(entry.id).await {
            Ok(status) if is_behind(witness, entry, &status) => {
                behind.insert(witness.name().to_owned());
                continue;
            }
            Ok(status) if holds(entry, &status) => {
                told = told.saturating_add(1);
                continue;
            }
            Ok(status) => {
                told = told.saturating_add(1);
                describe(&status)
            }
            Err(error) => {
                finding.leaves_out(format!("{}: {error}", witness.name()));
                continue;
            }
        };
        finding.broken_by(Evidence::Acknowledged {
            tx_id: entry.id.to_string(),
            acknowledged: format!("committed in block {} of group {}", entry.height, entry.group),
            node: witness.name().to_owned(),
            says,
        });
    }
    for name in behind {
        finding.leaves_out(format!("what {name} has not caught up with"));
    }
    if journal.older > 0 {
        finding.leaves_out(format!("{} older ones than the newest {}", journal.older, journal.entries.len()));
    }
    if journal.foreign > 0 {
        finding.leaves_out(format!("{} of another chain, as of a network made anew", journal.foreign));
    }
    let (count, names) = (journal.entries.len(), network.names());
    finding.covered = format!("{count} acknowledged transactions, {told} answers of {names}");
    if told == 0 {
        finding.verdict = Verdict::NotJudged;
    }
    finding
}

/// Those that a node does not tell as they were acknowledged.
async fn unkept<'j, S: Source>(
    network: &Network<'_, S>,
    open: Vec<(usize, &'j Acknowledged)>,
) -> Vec<(usize, &'j Acknowledged)> {
    let ask = |(place, entry): (usize, &'j Acknowledged)| async move {
        let told = match network.witnesses.get(place) {
            Some(witness) => witness.source.transaction(entry.id).await.ok(),
            None => None,
        };
        (!told.is_some_and(|told| holds(entry, &told))).then_some((place, entry))
    };
    stream::iter(open)
        .map(ask)
        .buffer_unordered(AT_ONCE)
        .filter_map(|kept| async move { kept })
        .collect()
        .await
}

/// Whether a node tells it as it was acknowledged.
fn holds(entry: &Acknowledged, told: &TxStatusView) -> bool {
    told.status == TransactionState::Committed
        && told.group == Some(entry.group)
        && told.height == Some(entry.height)
}

/// Whether the node has not executed the block that decided it.
fn is_behind<S: Source>(witness: &Witness<'_, S>, entry: &Acknowledged, told: &TxStatusView) -> bool {
    let reached = witness.group(entry.group).is_some_and(|status| status.height >= entry.height);
    !reached && !told.status.is_executed()
}

fn describe(told: &TxStatusView) -> String {
    match (told.group, told.height) {
        (Some(group), Some(height)) => {
            format!("{} in block {height} of group {group}", told.status.name())
        }
        _ => told.status.name().to_owned(),
    }
}

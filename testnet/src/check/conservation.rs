//! Conservation: what all accounts of all groups hold together is what genesis issued.
//!
//! All balances come from a scan. With few enough accounts, one strict read of them all is one moment of all groups, whatever is
//! under way; with more, or where nothing may be written, the scan counts if the whole network was at rest before and after it.

use super::evidence::Evidence;
use super::report::{Finding, Verdict};
use super::{Network, Source, Witness};
use crate::sim::Promise;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use witan_rpc::methods::MAX_KEYS;
use witan_rpc::{ClientError, RpcError, ValueView};
use witan_types::{GroupId, Height, Key};

/// How often a look is repeated that did not come to anything.
const TRIES: usize = 6;
/// How long a strict read may take.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// What all accounts hold together.
struct Total {
    sum: u128,
    accounts: usize,
    how: &'static str,
}

pub(super) async fn check<S: Source>(network: &mut Network<'_, S>, strict: bool) -> Finding {
    let mut finding = Finding::of(Promise::Conservation);
    let issued: u128 =
        network.genesis.balances.iter().fold(0, |sum, entry| sum.saturating_add(entry.balance));
    let (mut read, mut accounts) = (Vec::new(), 0);
    for place in 0..network.witnesses.len() {
        let total = match total(network, place, strict, issued).await {
            Ok(total) => total,
            Err(why) => {
                finding.leaves_out(why);
                continue;
            }
        };
        let Some(witness) = network.witnesses.get(place) else { continue };
        accounts = total.accounts.max(accounts);
        read.push(format!("{} ({})", witness.name(), total.how));
        if total.sum != issued {
            finding.broken_by(Evidence::Balance {
                node: witness.name().to_owned(),
                total: total.sum.to_string(),
                issued: issued.to_string(),
                accounts: total.accounts,
                how: total.how.to_owned(),
            });
        }
    }
    if read.is_empty() {
        finding.verdict = Verdict::NotJudged;
        finding.covered = "no node could tell what all accounts hold at one moment".into();
    } else {
        let is = if finding.violations == 0 { "hold" } else { "should hold" };
        finding.covered = format!("{accounts} accounts {is} the {issued} of genesis, by {}", read.join(", "));
    }
    finding
}

/// What all accounts hold by the word of one node, or why it can't be told.
async fn total<S: Source>(
    network: &mut Network<'_, S>,
    place: usize,
    strict: bool,
    issued: u128,
) -> Result<Total, String> {
    let missing = || "a node that is gone".to_owned();
    if strict {
        let witness = network.witnesses.get(place).ok_or_else(missing)?;
        let read = at_one_moment(witness, issued, network.waits.look).await;
        if let Err(ClientError::Rpc(RpcError::NotHosted { .. })) = &read {
            return of_genesis(network, witness, issued).await;
        }
        if let Some(total) = read.map_err(|error| refuse(witness, &error))? {
            return Ok(total);
        }
    }
    for _ in 0..TRIES {
        network.look_again().await;
        let before = at_rest(network).await;
        let witness = network.witnesses.get(place).ok_or_else(missing)?;
        let balances = witness.source.balances().await.map_err(|error| refuse(witness, &error))?;
        if !balances.complete {
            return Err(format!("{}: more accounts than a check reads", witness.name()));
        }
        network.look_again().await;
        if before.is_some() && before == at_rest(network).await {
            let sum = balances.items.iter().fold(0_u128, |sum, (_, balance)| sum.saturating_add(*balance));
            return Ok(Total { sum, accounts: balances.items.len(), how: "a scan at rest" });
        }
        sleep(network.waits.look).await;
    }
    let name = network.witnesses.get(place).ok_or_else(missing)?.name();
    Err(format!("{name}: the network was not at rest, and a scan of its groups is no moment of all of them"))
}

/// Where no node lists all accounts, since none hosts all groups: those of genesis, if they hold all of it, or more.
async fn of_genesis<S: Source>(
    network: &Network<'_, S>,
    witness: &Witness<'_, S>,
    issued: u128,
) -> Result<Total, String> {
    let accounts = network.genesis.balances.iter();
    let keys: Vec<Vec<u8>> = accounts.map(|entry| Key::balance_of(&entry.account).0).take(MAX_KEYS).collect();
    let values = timeout(READ_WITHIN, witness.source.strict_read(&keys)).await;
    let Ok(Ok(values)) = values else {
        return Err(format!("{}: a strict read of the accounts of genesis did not succeed", witness.name()));
    };
    let sum = sum_of(&values);
    if sum < issued {
        let why = "and who holds the rest can't be listed by a node that does not host all groups";
        return Err(format!("{}: the accounts of genesis hold {sum} of {issued}, {why}", witness.name()));
    }
    Ok(Total { sum, accounts: keys.len(), how: "one strict read of the accounts of genesis" })
}

fn sum_of(values: &[Option<ValueView>]) -> u128 {
    let balance = |value: &Option<ValueView>| match value {
        Some(ValueView::Balance(balance)) => *balance,
        _ => 0,
    };
    values.iter().map(balance).fold(0, u128::saturating_add)
}

fn refuse<S: Source>(witness: &Witness<'_, S>, error: &ClientError) -> String {
    match error.rpc() {
        Some(RpcError::NotHosted { group, .. }) => {
            format!("{}, which does not host group {group} and so can't list all accounts", witness.name())
        }
        _ => format!("{}: {error}", witness.name()),
    }
}

/// One strict read of all balances; none if there are too many for one or it does not succeed.
async fn at_one_moment<S: Source>(
    witness: &Witness<'_, S>,
    issued: u128,
    pause: Duration,
) -> Result<Option<Total>, ClientError> {
    let mut before = witness.source.balances().await?;
    for _ in 0..TRIES {
        if !before.complete || before.items.len() > MAX_KEYS {
            return Ok(None);
        }
        let keys: Vec<Vec<u8>> = before.items.iter().map(|(key, _)| key.clone()).collect();
        let Ok(Ok(values)) = timeout(READ_WITHIN, witness.source.strict_read(&keys)).await else {
            sleep(pause).await;
            continue;
        };
        let sum = sum_of(&values);
        let after = witness.source.balances().await?;
        // An account that appeared meanwhile may hold what seems to be missing.
        let same = after.items.iter().map(|(key, _)| key).eq(keys.iter());
        if sum == issued || same {
            return Ok(Some(Total { sum, accounts: keys.len(), how: "one strict read" }));
        }
        before = after;
    }
    Ok(None)
}

/// Where all groups stand, if all nodes stand at the same place, and nothing is locked.
async fn at_rest<S: Source>(network: &Network<'_, S>) -> Option<Vec<(GroupId, Height)>> {
    let mut stand = Vec::new();
    for group in network.groups() {
        let hosts = network.hosts(group);
        let mut heights = hosts.iter().filter_map(|host| host.group(group)).map(|status| status.height);
        let first = heights.next()?;
        if heights.any(|height| height != first) {
            return None;
        }
        for host in hosts {
            if !host.source.locks(group).await.ok()?.is_empty() {
                return None;
            }
        }
        stand.push((group, first));
    }
    Some(stand)
}

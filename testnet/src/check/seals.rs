//! Validity of seals: what a node says is sealed, a quorum signed, as far as genesis alone can tell; and it is the block that the
//! chain has there.

use super::agreement::Chains;
use super::evidence::Evidence;
use super::report::{Finding, Verdict};
use super::{Network, Source, Witness};
use crate::sim::Promise;
use futures::StreamExt as _;
use futures::stream;
use std::collections::BTreeSet;
use witan_ledger::PortableEpoch;
use witan_light::{LightError, Verifier};
use witan_rpc::{ClientError, RpcError};
use witan_types::{BlockId, Epoch, GroupId, Height, Seal, Wire as _};

/// The most seals of a group that are judged: the newest. Each seals all blocks below it, by their parents.
pub(super) const MAX_SEALS: u64 = 5_000;
/// Seals that are asked for at once.
const AT_ONCE: usize = 32;

/// What came of asking for the seal of one height.
enum Told {
    /// A node gave one.
    Seal { node: String, bytes: Vec<u8> },
    /// A node says that there is one, and has none.
    Missing { node: String },
    /// No node could say.
    Nothing(String),
}

pub(super) async fn check<S: Source>(
    network: &Network<'_, S>,
    mut verifier: Verifier,
    from: Option<Height>,
    chains: &Chains,
) -> Finding {
    let mut finding = Finding::of(Promise::ValidSeals);
    let (mut covered, mut total) = (Vec::new(), 0_u64);
    for group in network.groups() {
        let hosts = network.hosts(group);
        let sealed =
            hosts.iter().filter_map(|host| host.group(group)).map(|status| status.sealed_height).max();
        let Some(sealed) = sealed.filter(|sealed| *sealed > 0) else {
            finding.leaves_out(format!("group {group}, of which no node that answers has a seal"));
            continue;
        };
        let newest = sealed.saturating_sub(MAX_SEALS).saturating_add(1);
        let first = from.unwrap_or(1).max(newest);
        if first > 1 {
            finding.leaves_out(format!(
                "seals below {first} of group {group}: later ones seal those blocks too"
            ));
        }
        let asked = stream::iter(first..=sealed).map(|height| fetch(group, height, &hosts));
        let mut asked = asked.buffered(AT_ONCE).zip(stream::iter(first..=sealed));
        let mut judged = 0_u64;
        while let Some((told, height)) = asked.next().await {
            let known = chains.get(&group).and_then(|chain| chain.get(&height)).copied();
            match told {
                Told::Seal { node, bytes } => {
                    let place = Place { group, height, known };
                    match judge(&hosts, &mut verifier, place, &bytes).await {
                        Ok(()) => judged = judged.saturating_add(1),
                        Err(why) => finding.broken_by(Evidence::Seal { node, group, height, why }),
                    }
                }
                Told::Missing { node } => {
                    let why = "it says that the height is sealed, and has no seal of it".to_owned();
                    finding.broken_by(Evidence::Seal { node, group, height, why });
                }
                Told::Nothing(why) => finding.leaves_out(format!("seals of group {group}: {why}")),
            }
        }
        total = total.saturating_add(judged);
        covered.push(format!("group {group} {judged} of {sealed}"));
    }
    finding.covered =
        format!("seals verified from genesis alone, each by one node in turn: {}", covered.join(", "));
    if total == 0 && finding.verdict == Verdict::Kept {
        finding.verdict = Verdict::NotJudged;
    }
    finding
}

/// Asks one node in turn; the next ones if it can't say.
async fn fetch<S: Source>(group: GroupId, height: Height, hosts: &[&Witness<'_, S>]) -> Told {
    let holds =
        |host: &&&Witness<'_, S>| host.group(group).is_some_and(|status| status.sealed_height >= height);
    let holders: Vec<&&Witness<'_, S>> = hosts.iter().filter(holds).collect();
    let first = usize::try_from(height).unwrap_or(0).checked_rem(holders.len()).unwrap_or(0);
    let mut last = Told::Nothing("no node has them".into());
    for host in holders.iter().cycle().skip(first).take(holders.len()) {
        match host.source.seal(group, height).await {
            Ok(seal) => return Told::Seal { node: host.name().to_owned(), bytes: seal.encoded },
            Err(ClientError::Rpc(RpcError::NotFound { .. })) => {
                return Told::Missing { node: host.name().to_owned() };
            }
            Err(error) => last = Told::Nothing(format!("{}: {error}", host.name())),
        }
    }
    last
}

/// Which seal is wanted.
struct Place {
    group: GroupId,
    height: Height,
    known: Option<BlockId>,
}

async fn judge<S: Source>(
    hosts: &[&Witness<'_, S>],
    verifier: &mut Verifier,
    place: Place,
    bytes: &[u8],
) -> Result<(), String> {
    let seal = Seal::decode(bytes).map_err(|error| format!("it can't be read: {error}"))?;
    let outcome = &seal.outcome;
    if (outcome.group, outcome.height) != (place.group, place.height) {
        return Err(format!("it is about height {} of group {}", outcome.height, outcome.group));
    }
    if let Err(LightError::UnknownEpoch(group, epoch)) = verifier.verify_seal(&seal) {
        learn(hosts, verifier, group, epoch).await?;
    }
    verifier.verify_seal(&seal).map_err(|error| error.to_string())?;
    match place.known.filter(|known| *known != outcome.block_id) {
        Some(known) => Err(format!("it seals {}, and the chain has {known} there", outcome.block_id)),
        None => Ok(()),
    }
}

/// Has the verifier learn an epoch from the first node that proves it.
async fn learn<S: Source>(
    hosts: &[&Witness<'_, S>],
    verifier: &mut Verifier,
    group: GroupId,
    epoch: Epoch,
) -> Result<(), String> {
    let mut whys = BTreeSet::new();
    for host in hosts {
        let proved = match host.source.epoch(group, epoch).await {
            Ok(view) => view.proof.ok_or_else(|| "it shows no proof".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let learned = proved.and_then(|proof| {
            let portable = PortableEpoch::decode(&proof.bytes).map_err(|error| error.to_string())?;
            verifier.learn_epoch(&portable).map(drop).map_err(|error| error.to_string())
        });
        match learned {
            Ok(()) => return Ok(()),
            Err(why) => whys.insert(format!("{}: {why}", host.name())),
        };
    }
    let whys: Vec<String> = whys.into_iter().collect();
    Err(format!("epoch {epoch} of group {group} is not proved: {}", whys.join("; ")))
}

//! Collecting the facts, from what the loop has published, the disk, the network and the staged faults.

use super::situation::{Fill, GroupSituation, Lock, Member, RemoteGroup, Situation, Stranger};
use super::words::fault_in_words;
use super::{explain, health};
use crate::backend::NodeBackend;
use crate::faults::Staged;
use crate::shared::View;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use witan_ledger::records::reading::{self, StoredLock};
use witan_p2p::OtherChain;
use witan_rpc::view::{Explanation, Health};
use witan_types::{ChainId, GroupId, Key, NodeId, ValidatorIndex};

/// Locked keys that are looked at in each group.
const MAX_LOCKED: usize = 256;
/// Transactions that are looked at for them in each group, though most may be over and hold none. Locks of further ones are not
/// told of.
const MAX_RECORDS: usize = 4_096;
/// The most characters of a key that are shown.
const MAX_KEY_CHARS: usize = 40;
/// Characters of a chain's or node's id that are shown: enough to tell them apart.
const ID_CHARS: usize = 14;

impl NodeBackend {
    /// Whether the node lives and works. Looks at no disk.
    pub(in crate::backend) fn read_health(&self) -> Health {
        health(&self.situation())
    }

    /// What the node does, or what keeps it from doing it.
    pub(in crate::backend) fn explain(&self) -> Explanation {
        let mut situation = self.situation();
        situation.locks = self.locks_seen.0.get(Instant::now(), || self.locks_held());
        explain(&situation)
    }

    fn situation(&self) -> Situation {
        let views = self.shared.views();
        let others = self.network.other_chains();
        let astray: BTreeSet<NodeId> = others.iter().map(|other| other.node).collect();
        let now = Instant::now();
        let groups: Vec<GroupSituation> =
            views.iter().map(|view| self.group_situation(view, &astray, now)).collect();
        Situation {
            node: self.own_name(),
            live: self.shared.is_live(),
            stopping: self.shared.is_stopping(),
            clocks: self.clocks(&views),
            groups,
            elsewhere: self.groups_elsewhere(&astray),
            max_drift_ms: self.genesis.parameters.max_drift_ms,
            disk: self.disk.figures(now),
            locks: Vec::new(),
            chain: short_chain(&self.chain),
            strangers: others.into_iter().map(|other| self.stranger(other)).collect(),
            faults: self.faults_in_words(),
        }
    }

    pub(in crate::backend) fn own_name(&self) -> String {
        self.validator_name(&self.node).unwrap_or_else(|| self.name.clone())
    }

    /// A node's name, or the start of its id.
    fn name_of(&self, node: &NodeId) -> String {
        self.validator_name(node).unwrap_or_else(|| shortened(&node.to_string()))
    }

    fn group_situation(&self, view: &View, astray: &BTreeSet<NodeId>, now: Instant) -> GroupSituation {
        let (status, progress) = (&view.status, &view.progress);
        let reached = &status.connected_validators;
        let members = self.genesis.members(status.group).into_iter().zip(0_u16..);
        let members = members.map(|(entry, place)| Member {
            name: entry.name.clone(),
            reached: reached.contains(&ValidatorIndex(place)) && !astray.contains(&entry.node),
            is_me: entry.node == self.node && self.validator.is_some(),
        });
        let consensus = status.consensus.as_ref();
        let next = status.next_timeout.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        GroupSituation {
            group: status.group,
            engine: status.engine,
            members: members.collect(),
            quorum: status.quorum,
            height: status.tip.height,
            sealed: status.sealed,
            sealed_elsewhere: status.sealed_elsewhere,
            sealed_a_second: progress.sealed_a_second(),
            view: consensus.map_or(0, |consensus| consensus.view),
            leader: consensus.and_then(|consensus| consensus.leader).map(|place| usize::from(place.0)),
            timeouts: consensus.map_or(0, |consensus| consensus.consecutive_timeouts),
            next_timeout_ms: next,
            has_work: status.has_work,
            stalled: progress.stalled(now),
            still: progress.still(now),
            mempool: Fill {
                transactions: status.mempool_count,
                max_transactions: self.mempool.max_transactions,
                bytes: status.mempool_bytes,
                max_bytes: self.mempool.max_bytes,
            },
        }
    }

    /// The groups that are hosted elsewhere, by who is connected.
    fn groups_elsewhere(&self, astray: &BTreeSet<NodeId>) -> Vec<RemoteGroup> {
        let connected: BTreeSet<NodeId> = self.network.peers().into_iter().map(|peer| peer.node).collect();
        let remote = |group: GroupId| {
            let members = self.genesis.members(group).into_iter().map(|entry| Member {
                name: entry.name.clone(),
                reached: connected.contains(&entry.node) && !astray.contains(&entry.node),
                is_me: false,
            });
            let quorum = self.genesis.committee(group)?.quorum();
            Some(RemoteGroup { group, members: members.collect(), quorum })
        };
        self.genesis.user_groups().filter(|group| self.elsewhere.has(*group)).filter_map(remote).collect()
    }

    /// How far the clocks of other validators are ahead of this node's, each once.
    fn clocks(&self, views: &[std::sync::Arc<View>]) -> Vec<(String, i64)> {
        let mut clocks: Vec<(String, i64)> = Vec::new();
        for view in views {
            let members = self.genesis.members(view.status.group);
            for (place, ahead) in &view.status.clocks_ahead_ms {
                let Some(entry) = members.get(usize::from(place.0)) else { continue };
                if !clocks.iter().any(|(name, _)| *name == entry.name) {
                    clocks.push((entry.name.clone(), *ahead));
                }
            }
        }
        clocks
    }

    /// Transactions that hold locks here, each once a group, the oldest first.
    fn locks_held(&self) -> Vec<Lock> {
        let now_ms = self.shared.clock.wall_ms();
        let mut held: Vec<Lock> = Vec::new();
        for (group, store) in &self.stores {
            let owns = |key: &Key| self.group_of(key) == *group;
            let (locks, _) = reading::locks(store, &owns, None, MAX_LOCKED, MAX_RECORDS);
            for StoredLock { key, id, since_height, awaits, .. } in locks {
                let transaction = shortened(&id.to_string());
                let known = held.iter_mut().find(|it| it.group == *group && it.transaction == transaction);
                if let Some(known) = known {
                    known.more += 1;
                    continue;
                }
                let since_ms = store.header(since_height).map_or(now_ms, |header| header.time_ms);
                let age = Duration::from_millis(now_ms.saturating_sub(since_ms));
                let (group, key) = (*group, shown(&key));
                held.push(Lock { group, key, more: 0, transaction, since_height, age, awaits });
            }
        }
        held.sort_by_key(|lock| Reverse(lock.age));
        held
    }

    fn stranger(&self, other: OtherChain) -> Stranger {
        Stranger {
            name: self.name_of(&other.node),
            id: shortened(&other.node.to_string()),
            address: other.address.to_string(),
            chain: other.chain.as_ref().map(short_chain),
            validator: self.validator_name(&other.node).is_some(),
        }
    }

    fn faults_in_words(&self) -> Vec<String> {
        let words = |staged: &Staged| fault_in_words(&staged.fault, |node| self.name_of(node));
        self.faults.list().iter().map(words).collect()
    }
}

fn shortened(id: &str) -> String {
    id.chars().take(ID_CHARS).collect::<String>() + "…"
}

fn short_chain(chain: &ChainId) -> String {
    shortened(&chain.to_string())
}

/// A key for people: as text if it is some, else as hex.
fn shown(key: &Key) -> String {
    let text = std::str::from_utf8(&key.0).ok().filter(|text| !text.chars().any(char::is_control));
    let whole = text.map_or_else(|| witan_rpc::encoding::write_hex(&key.0), |text| format!("\"{text}\""));
    let short: String = whole.chars().take(MAX_KEY_CHARS).collect();
    if short.len() < whole.len() { short + "…" } else { whole }
}

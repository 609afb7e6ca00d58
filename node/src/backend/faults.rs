//! Faults that users stage on a development network.

use super::NodeBackend;
use crate::faults::{Fault, Staged};
use std::time::{Duration, Instant};
use witan_p2p::{Cut, Line};
use witan_replica::attack::Attack;
use witan_rpc::RpcError;
use witan_rpc::server::FaultWanted;
use witan_rpc::view::{BadLine, CutDirection, FaultEffect, FaultView, Lie};
use witan_types::{GroupId, NodeId};

impl NodeBackend {
    pub(super) fn stage_fault(&self, wanted: FaultWanted) -> Result<u64, RpcError> {
        let fault = self.fault_of(wanted.effect)?;
        let too_many =
            || RpcError::parameter("kind", "fewer faults at a time: fault_clear ends those staged");
        self.faults.set(fault, wanted.lasts).ok_or_else(too_many)
    }

    fn fault_of(&self, effect: FaultEffect) -> Result<Fault, RpcError> {
        let others = |parameter, named: &[String]| {
            named.iter().map(|named| self.other_node(parameter, named)).collect::<Result<_, _>>()
        };
        Ok(match effect {
            FaultEffect::Clock { offset_ms } => Fault::Clock { offset_ms },
            FaultEffect::Disk { delay_ms } => Fault::Disk { delay_ms },
            FaultEffect::DiskFull => Fault::DiskFull,
            FaultEffect::DiskFailSync => Fault::DiskFailSync,
            FaultEffect::Network { drop, direction } => {
                let cut = match direction {
                    CutDirection::Both => Cut::Both,
                    CutDirection::In => Cut::In,
                    CutDirection::Out => Cut::Out,
                };
                Fault::Network { nodes: others("drop", &drop)?, cut }
            }
            FaultEffect::Line { nodes, line } => {
                let everyone = || self.genesis.validators.iter().map(|entry| entry.node);
                let nodes = match nodes {
                    Some(named) => others("nodes", &named)?,
                    None => everyone().filter(|node| *node != self.node).collect(),
                };
                Fault::Line { nodes, line: line_of(line) }
            }
            FaultEffect::Byzantine { behaviour } => {
                let votes = self.genesis.validators.iter().any(|entry| entry.node == self.node);
                if !votes {
                    return Err(RpcError::parameter(
                        "kind",
                        "another one: a node without a vote has nothing to lie about",
                    ));
                }
                Fault::Byzantine(attack_of(behaviour))
            }
            FaultEffect::Proposals { group, delay_ms } => {
                self.known_group("group", group)?;
                Fault::Proposals { group, delay_ms }
            }
            FaultEffect::Channel { from_group, to_group } => {
                self.known_group("fromGroup", from_group)?;
                self.known_group("toGroup", to_group)?;
                Fault::Channel { from: from_group, to: to_group }
            }
        })
    }

    fn known_group(&self, parameter: &'static str, group: GroupId) -> Result<(), RpcError> {
        let known = self.genesis.groups.iter().any(|entry| entry.id == group);
        known.then_some(()).ok_or_else(|| RpcError::parameter(parameter, format!("a group, got {group}")))
    }

    /// The node of this name or id, if it is another one.
    fn other_node(&self, parameter: &'static str, named: &str) -> Result<NodeId, RpcError> {
        let by_name =
            self.genesis.validators.iter().find(|entry| entry.name == named).map(|entry| entry.node);
        let node = by_name.or_else(|| named.parse().ok());
        node.filter(|node| *node != self.node).ok_or_else(|| {
            let named: String = named.chars().take(80).collect();
            RpcError::parameter(
                parameter,
                format!("names of other validators or ids of other nodes, got {named:?}"),
            )
        })
    }

    pub(super) fn list_faults(&self) -> Vec<FaultView> {
        let now = Instant::now();
        let view = |Staged { id, fault, until }: Staged| FaultView {
            id,
            effect: self.effect_of(fault),
            ends_in_ms: until.map(|until| {
                u64::try_from(until.saturating_duration_since(now).as_millis()).unwrap_or(u64::MAX)
            }),
        };
        self.faults.list().into_iter().map(view).collect()
    }

    fn effect_of(&self, fault: Fault) -> FaultEffect {
        let name = |node: &NodeId| self.validator_name(node).unwrap_or_else(|| node.to_string());
        match fault {
            Fault::Clock { offset_ms } => FaultEffect::Clock { offset_ms },
            Fault::Disk { delay_ms } => FaultEffect::Disk { delay_ms },
            Fault::DiskFull => FaultEffect::DiskFull,
            Fault::DiskFailSync => FaultEffect::DiskFailSync,
            Fault::Line { nodes, line } => {
                FaultEffect::Line { nodes: Some(nodes.iter().map(name).collect()), line: line_view(line) }
            }
            Fault::Byzantine(attack) => FaultEffect::Byzantine { behaviour: lie_of(attack) },
            Fault::Proposals { group, delay_ms } => FaultEffect::Proposals { group, delay_ms },
            Fault::Channel { from, to } => FaultEffect::Channel { from_group: from, to_group: to },
            Fault::Network { nodes, cut } => {
                let direction = match cut {
                    Cut::Both => CutDirection::Both,
                    Cut::In => CutDirection::In,
                    Cut::Out => CutDirection::Out,
                };
                FaultEffect::Network { drop: nodes.iter().map(name).collect(), direction }
            }
        }
    }

    pub(super) fn end_faults(&self, id: Option<u64>) -> Result<Vec<u64>, RpcError> {
        let ended = self.faults.clear(id);
        match id {
            Some(id) if ended.is_empty() => Err(RpcError::not_found(format!("fault {id}"))),
            _ => Ok(ended),
        }
    }
}

fn line_of(line: BadLine) -> Line {
    Line {
        delay: Duration::from_millis(line.delay_ms),
        jitter: Duration::from_millis(line.jitter_ms),
        loss_percent: line.loss_percent,
        duplicate_percent: line.duplicate_percent,
        reorder_percent: line.reorder_percent,
        bytes_per_second: line.bytes_per_second,
    }
}

fn line_view(line: Line) -> BadLine {
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    BadLine {
        delay_ms: millis(line.delay),
        jitter_ms: millis(line.jitter),
        loss_percent: line.loss_percent,
        duplicate_percent: line.duplicate_percent,
        reorder_percent: line.reorder_percent,
        bytes_per_second: line.bytes_per_second,
    }
}

/// Each way to lie in users' words and in the replica's.
const LIES: [(Lie, Attack); 8] = [
    (Lie::Mute, Attack::Mute),
    (Lie::Equivocate, Attack::Equivocate),
    (Lie::Delay, Attack::Delay),
    (Lie::Withhold, Attack::Withhold),
    (Lie::Replay, Attack::Replay),
    (Lie::Corrupt, Attack::Corrupt),
    (Lie::MisleadSync, Attack::MisleadSync),
    (Lie::FalseShares, Attack::FalseShares),
];

fn attack_of(lie: Lie) -> Attack {
    LIES.into_iter().find(|(said, _)| *said == lie).map_or(Attack::Mute, |(_, attack)| attack)
}

fn lie_of(attack: Attack) -> Lie {
    LIES.into_iter().find(|(_, done)| *done == attack).map_or(Lie::Mute, |(lie, _)| lie)
}

//! Faults that users stage on a development network.

use super::NodeBackend;
use crate::faults::{Fault, Staged};
use std::time::Instant;
use witan_p2p::Cut;
use witan_rpc::RpcError;
use witan_rpc::server::FaultWanted;
use witan_rpc::view::{CutDirection, FaultEffect, FaultView};
use witan_types::NodeId;

impl NodeBackend {
    pub(super) fn stage_fault(&self, wanted: FaultWanted) -> Result<u64, RpcError> {
        let fault = match wanted.effect {
            FaultEffect::Clock { offset_ms } => Fault::Clock { offset_ms },
            FaultEffect::Disk { delay_ms } => Fault::Disk { delay_ms },
            FaultEffect::Network { drop, direction } => {
                let nodes = drop.iter().map(|named| self.other_node(named)).collect::<Result<_, _>>()?;
                let cut = match direction {
                    CutDirection::Both => Cut::Both,
                    CutDirection::In => Cut::In,
                    CutDirection::Out => Cut::Out,
                };
                Fault::Network { nodes, cut }
            }
        };
        let too_many =
            || RpcError::parameter("kind", "fewer faults at a time: fault_clear ends those staged");
        self.faults.set(fault, wanted.lasts).ok_or_else(too_many)
    }

    /// The node of this name or id, if it is another one.
    fn other_node(&self, named: &str) -> Result<NodeId, RpcError> {
        let by_name =
            self.genesis.validators.iter().find(|entry| entry.name == named).map(|entry| entry.node);
        let node = by_name.or_else(|| named.parse().ok());
        node.filter(|node| *node != self.node).ok_or_else(|| {
            let named: String = named.chars().take(80).collect();
            RpcError::parameter(
                "drop",
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
        match fault {
            Fault::Clock { offset_ms } => FaultEffect::Clock { offset_ms },
            Fault::Disk { delay_ms } => FaultEffect::Disk { delay_ms },
            Fault::Network { nodes, cut } => {
                let name = |node: &NodeId| self.validator_name(node).unwrap_or_else(|| node.to_string());
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

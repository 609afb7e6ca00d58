//! Faults that are staged on a development network's node.

use super::{Handle, Service};
use crate::error::RpcError;
use crate::methods::{
    ClearFaults, ListFaults, MAX_FAULT_DELAY_MS, MAX_FAULT_MS, MAX_FAULT_NODES, MAX_FAULT_OFFSET_MS, SetFault,
};
use crate::server::FaultWanted;
use crate::view::{BadLine, FaultEffect, FaultKind, FaultList, FaultStaged, FaultsCleared};
use std::time::Duration;

impl Handle for SetFault {
    async fn handle(self, service: &Service) -> Result<FaultStaged, RpcError> {
        let lasts = self.for_ms.map(|for_ms| within("forMs", for_ms, 1, MAX_FAULT_MS)).transpose()?;
        let wanted = FaultWanted { effect: effect(self)?, lasts: lasts.map(Duration::from_millis) };
        Ok(FaultStaged { id: service.backend.set_fault(wanted).await? })
    }
}

impl Handle for ListFaults {
    async fn handle(self, service: &Service) -> Result<FaultList, RpcError> {
        Ok(FaultList { items: service.backend.faults().await? })
    }
}

impl Handle for ClearFaults {
    async fn handle(self, service: &Service) -> Result<FaultsCleared, RpcError> {
        Ok(FaultsCleared { cleared: service.backend.clear_faults(self.id).await? })
    }
}

/// What is asked for: the parameters of its kind, and no others.
fn effect(asked: SetFault) -> Result<FaultEffect, RpcError> {
    only_its_own(&asked)?;
    Ok(match asked.kind {
        FaultKind::Clock => {
            let offset_ms = wanted("offsetMs", "milliseconds", asked.offset_ms)?;
            within("offsetMs", offset_ms.unsigned_abs(), 0, MAX_FAULT_OFFSET_MS)?;
            FaultEffect::Clock { offset_ms }
        }
        FaultKind::Disk => {
            let delay_ms = wanted("delayMs", "milliseconds", asked.delay_ms)?;
            FaultEffect::Disk { delay_ms: within("delayMs", delay_ms, 1, MAX_FAULT_DELAY_MS)? }
        }
        FaultKind::DiskFull => FaultEffect::DiskFull,
        FaultKind::DiskFailSync => FaultEffect::DiskFailSync,
        FaultKind::Network => {
            let drop = nodes("drop", wanted("drop", "names or ids of nodes", asked.drop)?)?;
            FaultEffect::Network { drop, direction: asked.direction.unwrap_or_default() }
        }
        FaultKind::Line => FaultEffect::Line {
            nodes: asked.nodes.map(|named| nodes("nodes", named)).transpose()?,
            line: line(wanted("line", "what it does", asked.line)?)?,
        },
        FaultKind::Byzantine => {
            FaultEffect::Byzantine { behaviour: wanted("behaviour", "how the node lies", asked.behaviour)? }
        }
        FaultKind::Proposals => {
            let delay_ms = wanted("delayMs", "milliseconds", asked.delay_ms)?;
            let delay_ms = within("delayMs", delay_ms, 1, MAX_FAULT_DELAY_MS)?;
            FaultEffect::Proposals { group: wanted("group", "a group", asked.group)?, delay_ms }
        }
        FaultKind::Channel => FaultEffect::Channel {
            from_group: wanted("fromGroup", "a group", asked.from_group)?,
            to_group: wanted("toGroup", "a group", asked.to_group)?,
        },
    })
}

/// Refuses parameters of other kinds.
fn only_its_own(asked: &SetFault) -> Result<(), RpcError> {
    use FaultKind::{Byzantine, Channel, Clock, Disk, Line, Network, Proposals};
    let kind = asked.kind;
    let given: [(&[FaultKind], &str, bool); 10] = [
        (&[Clock], "offsetMs", asked.offset_ms.is_some()),
        (&[Disk, Proposals], "delayMs", asked.delay_ms.is_some()),
        (&[Network], "drop", asked.drop.is_some()),
        (&[Network], "direction", asked.direction.is_some()),
        (&[Line], "nodes", asked.nodes.is_some()),
        (&[Line], "line", asked.line.is_some()),
        (&[Byzantine], "behaviour", asked.behaviour.is_some()),
        (&[Proposals], "group", asked.group.is_some()),
        (&[Channel], "fromGroup", asked.from_group.is_some()),
        (&[Channel], "toGroup", asked.to_group.is_some()),
    ];
    match given.into_iter().find(|(of, _, given)| *given && !of.contains(&kind)) {
        Some((_, name, _)) => {
            Err(RpcError::parameter(name, format!("nothing: it is no parameter of this kind, {kind:?}")))
        }
        None => Ok(()),
    }
}

fn wanted<T>(name: &'static str, what: &str, given: Option<T>) -> Result<T, RpcError> {
    given.ok_or_else(|| RpcError::parameter(name, format!("{what}, got nothing")))
}

fn nodes(name: &'static str, named: Vec<String>) -> Result<Vec<String>, RpcError> {
    if named.is_empty() || named.len() > MAX_FAULT_NODES {
        let expected = format!("1 to {MAX_FAULT_NODES} names or ids of nodes, got {}", named.len());
        return Err(RpcError::parameter(name, expected));
    }
    Ok(named)
}

/// A line within its bounds.
fn line(line: BadLine) -> Result<BadLine, RpcError> {
    within("line.delayMs", line.delay_ms, 0, MAX_FAULT_DELAY_MS)?;
    within("line.jitterMs", line.jitter_ms, 0, MAX_FAULT_DELAY_MS)?;
    let shares = [
        ("line.lossPercent", line.loss_percent),
        ("line.duplicatePercent", line.duplicate_percent),
        ("line.reorderPercent", line.reorder_percent),
    ];
    match shares.into_iter().find(|(_, percent)| *percent > 100) {
        Some((name, percent)) => Err(RpcError::parameter(name, format!("0 to 100, got {percent}"))),
        None => Ok(line),
    }
}

/// A number, if it is within its bounds; of an offset only its size counts.
fn within(name: &'static str, number: u64, least: u64, most: u64) -> Result<u64, RpcError> {
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    Err(RpcError::parameter(name, format!("{least} to {most} milliseconds, got {number}")))
}

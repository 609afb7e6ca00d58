//! Explanations, and faults that are staged to be explained.

use super::{Handle, Service};
use crate::error::RpcError;
use crate::methods::{
    ClearFaults, Explain, ListFaults, MAX_FAULT_DELAY_MS, MAX_FAULT_MS, MAX_FAULT_NODES, MAX_FAULT_OFFSET_MS,
    SetFault,
};
use crate::server::FaultWanted;
use crate::view::{Explanation, FaultEffect, FaultKind, FaultList, FaultStaged, FaultsCleared};
use std::time::Duration;

impl Handle for Explain {
    async fn handle(self, service: &Service) -> Result<Explanation, RpcError> {
        service.backend.explanation().await
    }
}

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
    let SetFault { kind, offset_ms, delay_ms, drop, direction, for_ms: _ } = asked;
    let given = [
        (FaultKind::Clock, "offsetMs", offset_ms.is_some()),
        (FaultKind::Disk, "delayMs", delay_ms.is_some()),
        (FaultKind::Network, "drop", drop.is_some()),
        (FaultKind::Network, "direction", direction.is_some()),
    ];
    if let Some((_, name, _)) = given.iter().find(|(of, _, given)| *given && *of != kind) {
        return Err(RpcError::parameter(
            *name,
            format!("nothing: it is no parameter of this kind, {kind:?}"),
        ));
    }
    match kind {
        FaultKind::Clock => {
            let offset_ms = offset_ms.ok_or_else(|| missing("offsetMs", "milliseconds"))?;
            within("offsetMs", offset_ms.unsigned_abs(), 0, MAX_FAULT_OFFSET_MS)?;
            Ok(FaultEffect::Clock { offset_ms })
        }
        FaultKind::Disk => {
            let delay_ms = delay_ms.ok_or_else(|| missing("delayMs", "milliseconds"))?;
            Ok(FaultEffect::Disk { delay_ms: within("delayMs", delay_ms, 1, MAX_FAULT_DELAY_MS)? })
        }
        FaultKind::Network => {
            let drop = drop.ok_or_else(|| missing("drop", "names or ids of nodes"))?;
            if drop.is_empty() || drop.len() > MAX_FAULT_NODES {
                let expected = format!("1 to {MAX_FAULT_NODES} names or ids of nodes, got {}", drop.len());
                return Err(RpcError::parameter("drop", expected));
            }
            Ok(FaultEffect::Network { drop, direction: direction.unwrap_or_default() })
        }
    }
}

fn missing(name: &'static str, what: &str) -> RpcError {
    RpcError::parameter(name, format!("{what}, got nothing"))
}

/// A number, if it is within its bounds; of an offset only its size counts.
fn within(name: &'static str, number: u64, least: u64, most: u64) -> Result<u64, RpcError> {
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    Err(RpcError::parameter(name, format!("{least} to {most} milliseconds, got {number}")))
}

//! What has to be asked for to stage a fault.

use crate::methods::SetFault;
use crate::view::{FaultEffect, FaultKind};

impl SetFault {
    /// Nothing but a kind.
    fn blank(kind: FaultKind) -> SetFault {
        SetFault {
            kind,
            offset_ms: None,
            delay_ms: None,
            drop: None,
            direction: None,
            for_ms: None,
            nodes: None,
            line: None,
            behaviour: None,
            group: None,
            from_group: None,
            to_group: None,
        }
    }

    /// A fault that lasts until it is cleared.
    pub(super) fn of(effect: FaultEffect) -> SetFault {
        let blank = SetFault::blank;
        match effect {
            FaultEffect::Clock { offset_ms } => {
                SetFault { offset_ms: Some(offset_ms), ..blank(FaultKind::Clock) }
            }
            FaultEffect::Disk { delay_ms } => SetFault { delay_ms: Some(delay_ms), ..blank(FaultKind::Disk) },
            FaultEffect::DiskFull => blank(FaultKind::DiskFull),
            FaultEffect::DiskFailSync => blank(FaultKind::DiskFailSync),
            FaultEffect::Network { drop, direction } => {
                SetFault { drop: Some(drop), direction: Some(direction), ..blank(FaultKind::Network) }
            }
            FaultEffect::Line { nodes, line } => {
                SetFault { nodes, line: Some(line), ..blank(FaultKind::Line) }
            }
            FaultEffect::Byzantine { behaviour } => {
                SetFault { behaviour: Some(behaviour), ..blank(FaultKind::Byzantine) }
            }
            FaultEffect::Proposals { group, delay_ms } => {
                SetFault { group: Some(group), delay_ms: Some(delay_ms), ..blank(FaultKind::Proposals) }
            }
            FaultEffect::Channel { from_group, to_group } => SetFault {
                from_group: Some(from_group),
                to_group: Some(to_group),
                ..blank(FaultKind::Channel)
            },
        }
    }
}

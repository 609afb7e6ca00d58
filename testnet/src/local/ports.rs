//! Ports of a network: given ones, or free ones.

use super::error::LocalError;
use std::net::{Ipv4Addr, TcpListener};

/// Distance between the first ports of neighbouring nodes.
const STRIDE: u16 = 10;
/// Ports a node needs: p2p, RPC, metrics.
const PER_NODE: u16 = 3;
/// Where free ports are looked for: below those that the system hands to outgoing connections.
const FREE: std::ops::Range<u16> = 20_000..32_000;
/// How many places are tried before giving up.
const ATTEMPTS: usize = 1_000;

/// The ports of `nodes` nodes from `base` on, node i at `base + 10 i`; free ones if `base` is 0.
pub(super) fn assign(base: u16, nodes: usize) -> Result<Vec<[u16; 3]>, LocalError> {
    if base == 0 {
        return find(nodes);
    }
    let ports =
        (0..nodes).map(|place| at(base, u16::try_from(place).ok()?, STRIDE)).collect::<Option<Vec<_>>>();
    ports.ok_or_else(|| LocalError::Spec(format!("{nodes} nodes from port {base} on need ports above 65535")))
}

fn at(base: u16, place: u16, stride: u16) -> Option<[u16; 3]> {
    let first = base.checked_add(place.checked_mul(stride)?)?;
    Some([first, first.checked_add(1)?, first.checked_add(2)?])
}

/// Free ports in a row, from a place drawn at random so that two networks made at once hardly meet.
fn find(nodes: usize) -> Result<Vec<[u16; 3]>, LocalError> {
    let wanted = u16::try_from(nodes).unwrap_or(u16::MAX).saturating_mul(PER_NODE);
    let refuse = || LocalError::NoPorts { wanted };
    let last = FREE.end.checked_sub(wanted).filter(|last| *last > FREE.start).ok_or_else(refuse)?;
    for _ in 0..ATTEMPTS {
        let base = rand::random_range(FREE.start..last);
        if (base..base.saturating_add(wanted)).all(is_free) {
            let nodes = (0..).zip(0..nodes).map(|(place, _)| at(base, place, PER_NODE));
            return nodes.collect::<Option<_>>().ok_or_else(refuse);
        }
    }
    Err(refuse())
}

/// Whether nothing listens on this port of this machine.
pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

//! Whom to stay connected to, and when to try again.

use crate::address::PeerAddress;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;
use witan_types::NodeId;

/// The wait after a first failure. Each further one doubles it.
pub(crate) const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
/// The longest wait between two attempts: a validator that restarts is back within about this time.
pub(crate) const LAST_BACK_OFF: Duration = Duration::from_secs(1);
/// The most peers to stay connected to.
pub(crate) const MAX_TARGETS: usize = 1024;

/// The peers this node dials.
#[derive(Default, Debug)]
pub(crate) struct Dialer {
    targets: BTreeMap<NodeId, Target>,
}

#[derive(Debug)]
struct Target {
    address: PeerAddress,
    state: State,
    back_off: Duration,
}

#[derive(Debug, PartialEq)]
enum State {
    Waiting(Instant),
    Dialing,
    Connected,
}

impl Dialer {
    /// Adds a peer, or gives it a new address, and dials it now unless it is `connected`.
    pub(crate) fn add(&mut self, address: PeerAddress, connected: bool, now: Instant) {
        let known = self.targets.contains_key(&address.node);
        if known || self.targets.len() < MAX_TARGETS {
            let state = if connected { State::Connected } else { State::Waiting(now) };
            self.targets.insert(address.node, Target { address, state, back_off: FIRST_BACK_OFF });
        }
    }

    /// Forgets a peer.
    pub(crate) fn remove(&mut self, node: NodeId) {
        self.targets.remove(&node);
    }

    /// Whom to dial now. Each of them must be answered by [`Dialer::connected`] or [`Dialer::failed`].
    pub(crate) fn due(&mut self, now: Instant) -> Vec<PeerAddress> {
        let mut due = Vec::new();
        for target in self.targets.values_mut() {
            if matches!(target.state, State::Waiting(at) if at <= now) {
                target.state = State::Dialing;
                due.push(target.address.clone());
            }
        }
        due
    }

    /// When the next peer is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        let waiting = |target: &Target| match target.state {
            State::Waiting(at) => Some(at),
            State::Dialing | State::Connected => None,
        };
        self.targets.values().filter_map(waiting).min()
    }

    /// A connection with the peer stands, whoever dialed.
    pub(crate) fn connected(&mut self, node: NodeId) {
        if let Some(target) = self.targets.get_mut(&node) {
            target.state = State::Connected;
            target.back_off = FIRST_BACK_OFF;
        }
    }

    /// An attempt failed.
    pub(crate) fn failed(&mut self, node: NodeId, now: Instant) {
        if let Some(target) = self.targets.get_mut(&node).filter(|target| target.state == State::Dialing) {
            target.state = State::Waiting(now + target.back_off);
            target.back_off = (target.back_off * 2).min(LAST_BACK_OFF);
        }
    }

    /// The last connection with the peer is gone.
    pub(crate) fn lost(&mut self, node: NodeId, now: Instant) {
        if let Some(target) = self.targets.get_mut(&node) {
            target.back_off = FIRST_BACK_OFF;
            target.state = State::Waiting(now + FIRST_BACK_OFF);
        }
    }
}

#[cfg(test)]
mod tests;

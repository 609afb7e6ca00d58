//! Knowing how peers stand, and catching up by fetching sealed blocks. Nothing is believed because a peer said it:
//! a block counts for its seal.

use crate::event::{Class, Effects, Now, Outgoing, Recipient, Timer};
use crate::executing::MAX_UNWRITTEN;
use crate::message::{BLOCKS_BYTES, Heartbeat, MAX_BLOCKS, Message};
use crate::replica::Replica;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use witan_consensus::engine::{Engine, Tick};
use witan_ledger::{Store, clock};
use witan_types::{Batch, Hash, Height, NodeId, SealedBlock, SealedHeader, ValidatorIndex};

/// The time between heartbeats.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(1000);
/// A request for blocks that is not answered for this long is given up.
const FETCH_TIMEOUT: Duration = Duration::from_secs(12);
/// Bytes of blocks a second that nodes outside the group may fetch here, all together: reading them for everyone must
/// not keep the votes waiting.
const SERVED_BYTES_A_SECOND: usize = 16 * 1024 * 1024;
/// A connected peer that says nothing for this long counts as not reached.
const SILENCE: Duration = Duration::from_secs(4);
/// What serving a block counts for at least: finding it costs too.
const MIN_SERVED_BYTES: usize = 4 * 1024;
/// The most peers remembered, the validators apart.
const MAX_PEERS: usize = 1024;

/// What a peer last said of itself.
#[derive(Clone, Copy, Debug)]
struct Peer {
    connected: bool,
    since: Tick,
    heard: Option<(Heartbeat, Tick)>,
}

impl Peer {
    fn is_reached(&self, now: Now) -> bool {
        let last = self.heard.map_or(self.since, |(_, at)| at.max(self.since));
        self.connected && now.tick.0.saturating_sub(last.0) < SILENCE
    }
}

/// What a peer's clock shows now, by what it said and the time since.
fn clock_of(now: Now, (heartbeat, at): (Heartbeat, Tick)) -> u64 {
    let since = now.tick.0.saturating_sub(at.0).as_millis();
    heartbeat.wall_ms.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
}

/// What is known of the peers, and the fetch under way.
#[derive(Debug, Default)]
pub(crate) struct CatchUp {
    peers: BTreeMap<NodeId, Peer>,
    /// The height the engine asked to be brought to; it asks again while it needs to.
    wanted: Height,
    fetch: Option<(NodeId, Tick)>,
    attempts: usize,
    /// Since when, and how many, bytes of blocks went to nodes outside the group.
    served: (Tick, usize),
    /// Executed and sealed heights at the last heartbeat: no progress since then means something was lost.
    last_beat: (Height, Height),
}

impl CatchUp {
    pub(crate) fn peer_down(&mut self, node: &NodeId) {
        if let Some(peer) = self.peers.get_mut(node) {
            peer.connected = false;
        }
        if self.fetch.is_some_and(|(from, _)| from == *node) {
            self.fetch = None;
        }
    }

    /// Whether the validator votes, unless it said otherwise.
    fn votes(&self, node: &NodeId) -> bool {
        let heard = self.peers.get(node).and_then(|peer| peer.heard);
        heard.is_none_or(|(heartbeat, _)| heartbeat.votes)
    }

    /// Whether the node is connected and not silent.
    pub(crate) fn is_reached(&self, now: Now, node: &NodeId) -> bool {
        self.peers.get(node).is_some_and(|peer| peer.is_reached(now))
    }

    /// The sealed height that at least one honest validator has, going by what connected ones say of themselves:
    /// at most `max_faulty` of them lie.
    fn sealed_elsewhere(&self, validators: &[NodeId], max_faulty: usize) -> Height {
        let peers = validators.iter().filter_map(|node| self.peers.get(node)).filter(|peer| peer.connected);
        let mut claims: Vec<Height> =
            peers.filter_map(|peer| peer.heard).map(|(heard, _)| heard.sealed).collect();
        claims.sort_unstable_by(|one, other| other.cmp(one));
        claims.get(max_faulty).copied().unwrap_or(0)
    }

    /// Whether a node outside the group may have this many bytes now.
    fn may_serve(&mut self, now: Now, bytes: usize) -> bool {
        if now.tick.0.saturating_sub(self.served.0.0) >= Duration::from_secs(1) {
            self.served = (now.tick, 0);
        }
        self.served.1 = self.served.1.saturating_add(bytes);
        self.served.1 <= SERVED_BYTES_A_SECOND
    }

    pub(crate) fn is_syncing(&self) -> bool {
        self.fetch.is_some()
    }

    /// Whether no block was sealed since the last heartbeat.
    pub(crate) fn is_sealing_stuck(&self, sealed: Height) -> bool {
        self.last_beat.1 == sealed
    }

    /// The median of the validators' clocks as last heard plus the time since, this node's own included.
    pub(crate) fn median_clock(&self, now: Now, validators: &[NodeId]) -> u64 {
        let heard = validators.iter().filter_map(|node| self.peers.get(node)).filter_map(|peer| peer.heard);
        let mut clocks: Vec<u64> = heard.map(|heard| clock_of(now, heard)).collect();
        clocks.push(now.wall_ms);
        clock::median(&clocks).unwrap_or(now.wall_ms)
    }

    /// How many milliseconds a peer's clock is ahead of this node's, if it is reached and has said so.
    fn clock_ahead_ms(&self, now: Now, node: &NodeId) -> Option<i64> {
        let heard = self.peers.get(node).filter(|peer| peer.is_reached(now))?.heard?;
        let ahead = i128::from(clock_of(now, heard)) - i128::from(now.wall_ms);
        Some(i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX }))
    }

    fn hear(&mut self, now: Now, node: NodeId, heartbeat: Heartbeat) {
        if self.peers.len() < MAX_PEERS || self.peers.contains_key(&node) {
            let peer =
                self.peers.entry(node).or_insert(Peer { connected: true, since: now.tick, heard: None });
            peer.heard = Some((heartbeat, now.tick));
        }
    }

    /// A connected peer that says it has sealed blocks above `sealed`; another one at each attempt, and validators
    /// before anybody else who may only boast.
    fn source(&mut self, sealed: Height, validators: &[NodeId]) -> Option<NodeId> {
        let has_more =
            |peer: &Peer| peer.connected && peer.heard.is_some_and(|(heard, _)| heard.sealed > sealed);
        let able = self.peers.iter().filter(|(_, peer)| has_more(peer)).map(|(node, _)| *node);
        let (among, others): (Vec<NodeId>, Vec<NodeId>) = able.partition(|node| validators.contains(node));
        let able = if among.is_empty() { others } else { among };
        self.attempts = self.attempts.wrapping_add(1);
        able.get(self.attempts.checked_rem(able.len())?).copied()
    }
}

impl<E: Engine + Send, S: Store + Send> Replica<E, S> {
    /// Validators that can be reached and vote as far as they said, this one included.
    pub(crate) fn connected_validators(&self, now: Now) -> Vec<ValidatorIndex> {
        let votes = |node: &NodeId| match *node == self.identity.node {
            true => self.engine.is_some(),
            false => self.catch_up.is_reached(now, node) && self.catch_up.votes(node),
        };
        let places = self.committee.validators().zip(&self.validators);
        places.filter(|(_, node)| votes(node)).map(|(place, _)| place).collect()
    }

    /// How far the clocks of other validators are ahead of this node's, as far as they said lately.
    pub(crate) fn clocks_ahead_ms(&self, now: Now) -> Vec<(ValidatorIndex, i64)> {
        let places = self.committee.validators().zip(&self.validators);
        let others = places.filter(|(_, node)| **node != self.identity.node);
        others.filter_map(|(place, node)| Some((place, self.catch_up.clock_ahead_ms(now, node)?))).collect()
    }

    pub(crate) fn on_peer_up(&mut self, now: Now, node: NodeId, effects: &mut Effects) {
        if self.catch_up.peers.len() >= MAX_PEERS {
            self.catch_up.peers.retain(|_, peer| peer.connected);
        }
        if self.catch_up.peers.len() < MAX_PEERS || self.validators.contains(&node) {
            self.catch_up.peers.insert(node, Peer { connected: true, since: now.tick, heard: None });
            self.ask(now, node, effects);
        }
    }

    /// How this node stands, for its peers.
    pub(crate) fn heartbeat(&self, now: Now) -> Heartbeat {
        Heartbeat {
            wall_ms: now.wall_ms,
            executed: self.ledger.tip().height,
            sealed: self.sealing.sealed(),
            votes: self.engine.is_some(),
        }
    }

    /// Tells a fellow validator how we stand; asks anyone else who may have a replica.
    fn ask(&mut self, now: Now, node: NodeId, effects: &mut Effects) {
        let message = Message::Heartbeat(self.heartbeat(now));
        if self.identity.validator.is_some() && self.validators.contains(&node) {
            effects.send.push(Outgoing {
                to: Recipient::Node(node),
                class: Class::Sync,
                bytes: message.bytes(),
            });
        } else if self.validators.contains(&node)
            || (self.identity.validator.is_none() && !self.outsiders.contains(&node))
        {
            effects.requests.push((node, message));
        }
    }

    /// The heartbeat itself, and the look at whether this node is behind.
    pub(crate) fn beat(&mut self, now: Now, effects: &mut Effects) {
        effects.timers.push((Timer::Heartbeat, HEARTBEAT));
        let up: Vec<NodeId> =
            self.catch_up.peers.iter().filter(|(_, peer)| peer.connected).map(|(node, _)| *node).collect();
        for node in up {
            self.ask(now, node, effects);
        }
        if self.catch_up.fetch.is_some_and(|(_, since)| now.tick.0.saturating_sub(since.0) > FETCH_TIMEOUT) {
            self.catch_up.fetch = None;
        }
        let stands = (self.ledger.tip().height, self.sealing.sealed());
        let stuck = std::mem::replace(&mut self.catch_up.last_beat, stands) == stands;
        if stuck {
            self.fetch(now, effects);
        }
        self.fetch_if_told(now, effects);
    }

    pub(crate) fn on_heartbeat(
        &mut self,
        now: Now,
        from: NodeId,
        heartbeat: Heartbeat,
        effects: &mut Effects,
    ) {
        self.catch_up.hear(now, from, heartbeat);
        self.fetch_if_told(now, effects);
    }

    pub(crate) fn on_sealed_header(
        &mut self,
        now: Now,
        from: NodeId,
        sealed: &SealedHeader,
        effects: &mut Effects,
    ) {
        let sealed = sealed.header.height;
        let heard = self.catch_up.peers.get(&from).and_then(|peer| peer.heard);
        let (wall_ms, votes) = heard.map_or((now.wall_ms, false), |(heard, _)| (heard.wall_ms, heard.votes));
        if heard.is_none_or(|(heard, _)| heard.sealed < sealed) && self.identity.validator.is_none() {
            self.catch_up.hear(now, from, Heartbeat { wall_ms, executed: sealed, sealed, votes });
            self.fetch_if_told(now, effects);
        }
    }

    /// The engine asks for what peers' engines have forgotten. A peer's word may be behind that, so it counts only
    /// until nobody has more or a fetch brought nothing.
    pub(crate) fn on_behind(&mut self, now: Now, height: Height, effects: &mut Effects) {
        self.catch_up.wanted = self.catch_up.wanted.max(height);
        self.fetch_if_told(now, effects);
    }

    /// Fetches if the engine asked for it, or if there is no engine to bring blocks here.
    fn fetch_if_told(&mut self, now: Now, effects: &mut Effects) {
        if self.engine.is_none() || self.catch_up.wanted > self.sealing.sealed() {
            self.fetch(now, effects);
        }
    }

    /// Asks one peer for the sealed blocks that are missing here, if someone has any.
    fn fetch(&mut self, now: Now, effects: &mut Effects) {
        let sealed = self.sealing.sealed();
        if self.catch_up.fetch.is_some() {
            return;
        }
        if self.unwritten.len() > MAX_UNWRITTEN {
            return;
        }
        if let Some(node) = self.catch_up.source(sealed, &self.validators) {
            self.catch_up.fetch = Some((node, now.tick));
            effects.requests.push((node, Message::BlocksRequest { from: sealed.saturating_add(1) }));
        } else {
            self.catch_up.wanted = 0;
        }
    }

    /// The next heartbeat tries another peer: trying at once could go round and round without a pause.
    pub(crate) fn on_request_failed(&mut self, node: &NodeId) {
        if self.catch_up.fetch.is_some_and(|(from, _)| from == *node) {
            self.catch_up.fetch = None;
        }
    }

    /// Sealed blocks: their seals were verified, so each is executed and its result compared with what was sealed.
    ///
    /// # Panics
    /// If executing a sealed block gives another result here: going on would spread the damage.
    pub(crate) fn on_blocks(
        &mut self,
        now: Now,
        from: NodeId,
        blocks: Vec<SealedBlock>,
        effects: &mut Effects,
    ) {
        if self.catch_up.fetch.is_none_or(|(asked, _)| asked != from) {
            return;
        }
        self.catch_up.fetch = None;
        let before = self.sealing.sealed();
        for sealed in blocks {
            if sealed.block.header.height > self.sealing.sealed() && !self.follow(now, sealed, effects) {
                break;
            }
        }
        self.deliver(now, effects);
        self.seal_ready(effects);
        if self.sealing.sealed() > before {
            self.fetch_rest(now, effects);
        } else {
            self.catch_up.wanted = 0;
        }
    }

    /// Takes the next sealed block over; only its seal, if the block was executed here before. Says whether it was
    /// the next.
    fn follow(&mut self, now: Now, sealed: SealedBlock, effects: &mut Effects) -> bool {
        let SealedBlock { block, seal } = sealed;
        let (header, tip) = (&block.header, self.ledger.tip());
        if header.height != self.sealing.sealed().saturating_add(1) {
            return false;
        }
        if header.height == tip.height.saturating_add(1)
            && header.parent == self.ledger.tip_outcome().block_id
        {
            let digests: Vec<Hash> = block.payload.batches.iter().map(Batch::digest).collect();
            self.batches_executed(&block, &digests);
            self.execute(now, Arc::new(block), effects);
        }
        let is_next = self.sealing.accept(&seal);
        if is_next {
            self.write_seal(seal, effects);
        }
        is_next
    }

    /// More blocks at once, as long as this node is well behind.
    pub(crate) fn fetch_rest(&mut self, now: Now, effects: &mut Effects) {
        let behind = self.sealed_elsewhere().saturating_sub(self.sealing.sealed());
        if behind > MAX_BLOCKS as u64 / 2 {
            self.fetch(now, effects);
        }
        self.fetch_if_told(now, effects);
    }

    /// The newest sealed height that an honest validator can be taken to have.
    pub(crate) fn sealed_elsewhere(&self) -> Height {
        self.catch_up.sealed_elsewhere(&self.validators, self.committee.max_faulty())
    }

    /// The sealed blocks kept here from a height on, within the bounds of an answer; none for a stranger while
    /// strangers have had their share.
    pub(crate) fn sealed_blocks(&mut self, now: Now, to: NodeId, from: Height) -> Vec<SealedBlock> {
        if !self.validators.contains(&to) && !self.catch_up.may_serve(now, 0) {
            return Vec::new();
        }
        let (mut blocks, mut bytes, mut cost) = (Vec::new(), 0, 0);
        for height in (from.max(1)..=self.sealing.sealed()).take(MAX_BLOCKS) {
            let store = self.ledger.store();
            let (Some(block), Some(seal)) = (store.block(height), store.seal(height)) else { break };
            let size = witan_types::codec::encode(&*block).len();
            if !blocks.is_empty() && bytes + size > BLOCKS_BYTES {
                break;
            }
            bytes += size;
            cost += size.max(MIN_SERVED_BYTES);
            blocks.push(SealedBlock { block: Arc::unwrap_or_clone(block), seal });
        }
        if !self.validators.contains(&to) {
            self.catch_up.may_serve(now, cost);
        }
        blocks
    }
}

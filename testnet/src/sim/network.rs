//! The network: connections between nodes, and the messages that their groups send over them.

use super::host::HEARING;
use super::staged::{Sent, micros};
use super::trace::Line;
use super::world::{How, Matter, Parcel, What, World};
use crate::faults::Line as BadLine;
use std::sync::Arc;
use witan_replica::attack::Letter;
use witan_replica::{Event, Message, Outgoing, Recipient};
use witan_types::{GroupId, NodeId};

/// A request is given up after this long; microseconds.
const REQUEST_TIMEOUT: u64 = 3_000_000;
/// How long a message takes, in microseconds.
const TRAVEL: std::ops::RangeInclusive<u64> = 500..=15_000;
/// The share of gossip that is lost at any time, in percent.
const GOSSIP_LOSS: u64 = 20;

impl World {
    pub(super) fn send(&mut self, at: usize, group: GroupId, outgoing: &Outgoing) {
        if self.is_honest(at) {
            let place = self.scenario.place_in(group, at);
            let verdict = self.hosted(at, group).write_ahead.sends(at, place, &outgoing.bytes);
            self.note_in(group, verdict);
        }
        let parcel = Parcel { from: at, group, how: How::OneWay, bytes: Arc::clone(&outgoing.bytes) };
        match outgoing.to {
            Recipient::Validators => {
                for to in (0..self.scenario.nodes).filter(|to| *to != at) {
                    if self.scenario.place_in(group, to).is_some() {
                        self.carry(to, parcel.clone());
                    }
                }
            }
            Recipient::Node(node) => {
                if let Some(to) = self.place_of(&node) {
                    self.carry(to, parcel);
                }
            }
        }
    }

    pub(super) fn place_of(&self, node: &NodeId) -> Option<usize> {
        self.ids.iter().position(|id| id == node)
    }

    pub(super) fn request(&mut self, at: usize, group: GroupId, node: NodeId, message: &Message) {
        let Some(to) = self.place_of(&node) else { return };
        let id = self.number();
        if let Some(replica) = &mut self.hosted(at, group).replica {
            replica.requests.insert(id, to);
        }
        let fails_after = if self.link(at, to).is_some() { REQUEST_TIMEOUT } else { 5_000 };
        self.after_within(fails_after, at, group, Matter::RequestExpired(id));
        self.carry(to, Parcel { from: at, group, how: How::Request(id), bytes: message.bytes() });
    }

    pub(super) fn gossip(&mut self, at: usize, group: GroupId, message: &Message) {
        let parcel = Parcel { from: at, group, how: How::OneWay, bytes: message.bytes() };
        for to in 0..self.scenario.all_nodes() {
            if !self.random.chance(GOSSIP_LOSS) {
                self.carry(to, parcel.clone());
            }
        }
    }

    /// Sends a message on its way, or what an attacker says in its stead.
    pub(super) fn carry(&mut self, to: usize, parcel: Parcel) {
        let Parcel { from, group, how, .. } = parcel;
        let goes_down = self.passes_message(from, group, &parcel.bytes, false);
        // Who went down while it said things to some says them to no others.
        if goes_down || self.node(from).process.is_none() || self.pipeline.loses(to, &parcel.bytes) {
            return;
        }
        self.trace.bytes(&parcel.bytes);
        let Some(to) = self.attackers.twins().hearer(self.now_us, from, to, how) else { return };
        let letter = Letter { to, bytes: Arc::clone(&parcel.bytes) };
        let Some(says) = self.attackers.say((self.home(from), group), &letter, &mut self.random) else {
            return self.travel(to, 0, &parcel);
        };
        for said in says {
            self.trace.bytes(&said.bytes);
            let how = if said.unasked { How::OneWay } else { how };
            self.travel(to, said.after_us, &Parcel { from, group, how, bytes: said.bytes });
        }
    }

    /// A message may be lost, and one that goes one way may arrive twice.
    fn travel(&mut self, to: usize, after_us: u64, parcel: &Parcel) {
        let (sender, receiver) = (self.home(parcel.from), self.home(to));
        let is_cut = self.faults.is_cut(sender, receiver) || self.faults.is_stalled(parcel.group);
        if self.link(parcel.from, to).is_none() || is_cut {
            return;
        }
        let twice = parcel.how == How::OneWay && self.random.chance(self.faults.duplication());
        for _ in 0..=u64::from(twice) {
            if !self.random.chance(self.faults.loss()) {
                let late = self.random.below(self.faults.delay());
                let takes = self.random.within(TRAVEL).saturating_add(late).saturating_add(after_us);
                match self.faults.staged.line(sender, receiver, &|at, group| self.leads(at, group)) {
                    Some(line) => self.travel_badly(to, takes, parcel, &line),
                    None => self.after_at(takes, to, What::Message(parcel.clone())),
                }
            }
        }
    }

    /// The same over a line that a scenario made bad.
    fn travel_badly(&mut self, to: usize, takes_us: u64, parcel: &Parcel, line: &BadLine) {
        if self.random.chance(u64::from(line.loss_percent)) {
            return;
        }
        let twice = parcel.how == How::OneWay && self.random.chance(u64::from(line.duplicate_percent));
        for _ in 0..=u64::from(twice) {
            let sent = Sent {
                now_us: self.now_us,
                takes_us: takes_us.saturating_add(self.random.below(micros(line.jitter.0))),
                bytes: parcel.bytes.len(),
                overtaken: self.random.chance(u64::from(line.reorder_percent)),
            };
            let arrives = self.faults.staged.arrives((parcel.from, to), line, sent);
            self.after_at(arrives, to, What::Message(parcel.clone()));
        }
    }

    /// The number of the connection between two nodes, while there is one.
    fn link(&self, a: usize, b: usize) -> Option<u64> {
        let (a, b) = (self.home(a), self.home(b));
        self.links.get(&(a.min(b), a.max(b))).copied()
    }

    /// Makes and breaks connections. A node that crashed lost all of them, even if it is back at once.
    pub(super) fn follow_links(&mut self) {
        let nodes = self.scenario.all_nodes();
        for a in 0..nodes {
            for b in a + 1..nodes {
                let runs = |at: usize| self.nodes.get(at).is_some_and(|node| node.process.is_some());
                let wanted = runs(a) && runs(b) && !self.faults.is_disconnected(a, b);
                if wanted == self.links.contains_key(&(a, b)) {
                    continue;
                }
                if wanted {
                    let number = self.number();
                    self.links.insert((a, b), number);
                } else {
                    self.links.remove(&(a, b));
                }
                let second = |at: usize| self.attackers.twins().second(at);
                let twins = [second(a).map(|at| (at, b)), second(b).map(|at| (at, a))];
                for (at, peer) in [(a, b), (b, a)].into_iter().chain(twins.into_iter().flatten()) {
                    let heard = 10 * self.random.within(HEARING);
                    self.after_at(heard, at, What::PeerChanged(peer));
                }
            }
        }
    }

    /// A node hears how its connection to a peer stands now, and tells all its groups.
    pub(super) fn peer_changed(&mut self, at: usize, peer: usize) {
        let (link, Some(id)) = (self.link(at, peer), self.ids.get(peer).copied()) else { return };
        let Some(process) = &mut self.node(at).process else { return };
        let known = process.told.get(&peer).copied();
        match link {
            Some(number) => process.told.insert(peer, number),
            None => process.told.remove(&peer),
        };
        if known.is_some() && known != link {
            self.trace.event(self.now_us, at, Line::Peer("lost", peer));
            self.step_all(at, || Event::PeerDown(id));
        }
        if link.is_some() && known != link {
            self.trace.event(self.now_us, at, Line::Peer("found", peer));
            self.step_all(at, || Event::PeerUp(id));
        }
    }
}

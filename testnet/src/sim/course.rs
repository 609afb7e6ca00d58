//! The course of a run: clients come, faults come and go, everything heals, and every group has to go on.

use super::check::Liveness;
use super::faults::Fault;
use super::plan::Plan;
use super::scenario::{Disks, GROUP};
use super::trace::Line;
use super::world::{FORGETS_AFTER, Happening, Matter, World};
use witan_ledger::execute::groups_of;
use witan_ledger::{first_owner, slot_of};
use witan_types::{GroupId, Height, IdentifiedTransaction, Key, SignedTransaction};

/// A run counts if every group decided this many blocks while faults came and went.
const BLOCKS_UNDER_FAULTS: u64 = 50;
/// And if there were this many kinds of them.
const KINDS_OF_FAULT: usize = 3;
/// Faults come and go for at least this long, and until the run counts; microseconds.
const FAULTS_AT_LEAST: u64 = 10_000_000;
/// A run that does not count after this long never will; microseconds.
const FAULTS_AT_MOST: u64 = 240_000_000;
/// A group whose disks break their word may never go on; microseconds.
const PLANTED_AT_MOST: u64 = 20_000_000;

impl World {
    /// The group that takes a transaction in: the owner of its first key, or the root group.
    pub(super) fn group_of(&self, transaction: &SignedTransaction) -> GroupId {
        let owner = |key: &Key| first_owner(&self.genesis, slot_of(key));
        groups_of(&transaction.transaction, owner).next().unwrap_or(GROUP)
    }

    pub(super) fn client_wakes(&mut self) {
        if self.healed_us.is_some() {
            return;
        }
        // A transaction across groups holds its keys for many blocks: more of them would only queue for the few keys.
        let pause = self.random.within(1..=2 * self.client_pause_us);
        self.after(pause, Happening::ClientWakes);
        let wall_ms = self.wall_ms();
        let Some(transaction) = self.clients.next(&mut self.random, wall_ms) else { return };
        self.record(&transaction);
        let (group, transaction) = (self.group_of(&transaction), IdentifiedTransaction::from(transaction));
        let hosts = self.hosts_of(group);
        for _ in 0..=u64::from(self.random.chance(20)) {
            let Some(at) = hosts.get(self.random.place(hosts.len())).copied() else { return };
            self.after_within(500, at, group, Matter::Submit(transaction.clone()));
        }
    }

    pub(super) fn record(&mut self, transaction: &SignedTransaction) {
        self.recorder.invoke(self.now_us, transaction);
        if self.clients.reads_all_balances(transaction) {
            self.recorder.reads_all_balances(transaction.id());
        }
    }

    /// The newest height of the group with keys that has got least far.
    fn shortest(&self) -> Height {
        // The root group is idle for long, and makes few.
        let others = self.chains.iter().filter(|(group, _)| **group != GroupId::ROOT);
        others.map(|(_, chain)| chain.agreement.newest()).min().unwrap_or(0)
    }

    pub(super) fn fault_begins(&mut self) {
        let kinds = self.faults.counts.len();
        self.counts = self.shortest() >= BLOCKS_UNDER_FAULTS && kinds >= KINDS_OF_FAULT;
        let planted = self.scenario.disks != Disks::Honest;
        let most = if planted { PLANTED_AT_MOST } else { FAULTS_AT_MOST };
        if self.now_us >= most || (self.counts && self.now_us >= FAULTS_AT_LEAST) {
            return self.heal();
        }
        let pause = self.random.within(20_000..=900_000);
        self.after(pause, Happening::FaultBegins);
        let drawn = Fault::draw(&mut self.random, self.scenario.all_nodes());
        let kind = drawn.first().map(|(fault, _)| fault.kind());
        kind.into_iter().for_each(|kind| *self.faults.counts.entry(kind).or_default() += 1);
        for (fault, lasts) in drawn {
            self.trace.event(self.now_us, 0, Line::Fault(format!("{fault:?} for {lasts} us")));
            let number = self.faults.begin(fault);
            self.after(lasts, Happening::FaultEnds(number));
        }
        self.follow_faults();
    }

    /// The end of all faults. Each honest node gets a new transaction for each group, which every
    /// honest node must commit. Attackers attack on.
    pub(super) fn heal(&mut self) {
        self.trace.event(self.now_us, 0, Line::Fault("all faults heal".into()));
        self.faults.end_all();
        self.follow_faults();
        self.healed_us = Some(self.now_us);
        if self.scenario.root {
            self.expect_a_change();
        }
        let (now_us, wall_ms) = (self.now_us, self.wall_ms());
        let max_timeout_ms = self.genesis.parameters.max_timeout_ms;
        for group in self.scenario.running() {
            let honest: Vec<usize> = self.honest().filter(|at| self.hosts(*at, group)).collect();
            let newest = self.chain(group).agreement.newest();
            let mut liveness = Liveness::healed(now_us, newest, max_timeout_ms, honest.iter().copied());
            for (place, at) in honest.iter().enumerate() {
                // Where one transaction alone is looked at, no other spans groups.
                let reads_all = place == 0
                    && !matches!(self.scenario.plan, Plan::CrashAt { .. } | Plan::CrashInPipeline(_));
                let wanted = self.clients.lasting(&mut self.random, wall_ms, group, reads_all);
                if let Some(transaction) = wanted {
                    liveness.submitted(transaction.id());
                    self.record(&transaction);
                    self.after_within(1_000, *at, group, Matter::Submit(transaction.into()));
                }
            }
            self.chain(group).liveness = Some(liveness);
        }
    }

    /// Brings nodes and connections to where the faults want them.
    pub(super) fn follow_faults(&mut self) {
        for at in 0..self.nodes.len() {
            let home = self.home(at);
            let down = self.faults.is_down(home) || !self.attackers.is_there(at);
            let runs = self.node(at).process.is_some();
            if down && runs {
                self.crash(at);
            } else if !down && !runs {
                self.start(at);
            }
            if !self.faults.is_paused(home) {
                for what in std::mem::take(&mut self.node(at).stash) {
                    self.after_at(0, at, what);
                }
            }
        }
        self.follow_links();
    }

    /// A node and all its groups go down.
    pub(super) fn crash(&mut self, at: usize) {
        self.trace.event(self.now_us, at, Line::Host("crash"));
        self.crashes += 1;
        let planned = self.planned_crash();
        let World { nodes, random, .. } = self;
        if let Some(node) = nodes.get_mut(at) {
            node.crash(planned, random);
        }
        // Disks of several groups stand at moments of their own: their sum means something at rest alone.
        if self.scenario.shards == 1 && self.is_honest(at) {
            self.look_at_balances(at);
        }
    }

    /// A forgetful attacker goes down and is back at once; starting, it forgets.
    pub(super) fn forget(&mut self, at: usize) {
        if !self.attackers.forgets(at) {
            return;
        }
        let stays = self.random.within(FORGETS_AFTER);
        self.after(stays, Happening::Forgets(at));
        if self.node(at).process.is_some() {
            self.crash(at);
            self.follow_links();
            self.start(at);
            self.follow_links();
        }
    }
}

//! Measures taken now and then, and what is looked at in the end.

use super::check::{Bounds, Broken, Promise, Standing};
use super::plan::Plan;
use super::report::Report;
use super::world::{Happening, LOOK_EVERY, World};
use std::collections::BTreeSet;
use std::time::Duration;
use witan_consensus::engine::Tick;
use witan_ledger::{Store, records};
use witan_replica::Now;
use witan_types::GroupId;

impl World {
    /// How a group stands on the honest nodes, if all of them run.
    fn standings(&self, group: GroupId) -> Option<Vec<Standing>> {
        let standing = |at: usize| {
            let hosted = self.nodes.get(at)?.groups.get(&group)?;
            let replica = hosted.replica.as_ref()?;
            let now = Now { tick: Tick(Duration::ZERO), wall_ms: 0 };
            let executed = replica.group.status(now).tip.height;
            let store = &hosted.disk.store;
            let (flushed, sealed) = (store.tip().unwrap_or(0), store.sealed_tip());
            Some(Standing { executed, flushed, sealed })
        };
        self.honest().filter(|at| self.hosts(*at, group)).map(standing).collect()
    }

    /// Takes measures, and notices the end.
    pub(super) fn look(&mut self) {
        self.after(LOOK_EVERY, Happening::Look);
        self.look_for_leaders();
        let honest: Vec<usize> = self.honest().collect();
        for at in honest {
            for group in self.groups_of(at) {
                self.measure(at, group);
            }
        }
        if self.healed_us.is_some() {
            self.look_for_the_end();
        }
    }

    fn measure(&mut self, at: usize, group: GroupId) {
        let now = self.clocks(at);
        let hosted = self.hosted(at, group);
        let records = hosted.disk.log_length();
        let Some(replica) = &hosted.replica else { return };
        let bounds = Bounds { node: at, records, requests: replica.requests.len() };
        let status = replica.group.status(now);
        let verdict = bounds.look(&status);
        let chain = self.chain(group);
        chain.views = chain.views.max(status.consensus.map_or(0, |engine| engine.view));
        self.note_in(group, verdict);
    }

    /// The run is over once every group is well at one moment: then nothing is on its way in any of them.
    fn look_for_the_end(&mut self) {
        let (mut well, mut late, mut rested) = (true, Vec::new(), Vec::new());
        for (group, chain) in &self.chains {
            let (Some(liveness), Some(standings)) = (&chain.liveness, self.standings(*group)) else { return };
            let reached = liveness.is_reached(&standings) && self.open_transactions(*group).is_empty();
            well &= reached;
            rested.extend(reached.then_some(*group));
            let in_time = liveness.in_time(self.now_us, &standings);
            // A group that has got there once is not the one to name.
            let reached = reached || self.rested.contains(group);
            late.extend(in_time.err().map(|broken| (reached, *group, broken)));
        }
        self.rested.extend(rested);
        let configured = self.configured();
        well &= configured.is_ok();
        if !late.is_empty() && late.iter().all(|(reached, ..)| *reached) {
            late.extend(configured.err().map(|broken| (false, GroupId::ROOT, broken)));
        }
        // Where everything else is well, what is left open is what keeps the run from its end.
        for (reached, group, broken) in &mut late {
            let open = self.open_transactions(*group);
            if !*reached && !open.is_empty() && self.is_well_but_for_open(*group) {
                let what = format!("pending or locked long after the heal: {}", open.join(", "));
                *broken = Broken { promise: Promise::NoOrphans, what };
            }
        }
        late.sort_by_key(|(reached, ..)| *reached);
        self.well = well;
        self.done = well || !late.is_empty();
        late.into_iter().for_each(|(_, group, broken)| self.note_in(group, Err(broken)));
    }

    fn is_well_but_for_open(&self, group: GroupId) -> bool {
        let liveness = self.chains.get(&group).and_then(|chain| chain.liveness.as_ref());
        liveness
            .zip(self.standings(group))
            .is_some_and(|(liveness, standings)| liveness.is_reached(&standings))
    }

    /// The transactions that honest nodes hold open in a group: pending, or prepared and undecided.
    fn open_transactions(&self, group: GroupId) -> Vec<String> {
        let mut open = BTreeSet::new();
        for at in self.honest() {
            let hosted = self.nodes.get(at).and_then(|node| node.groups.get(&group));
            let Some(hosted) = hosted.filter(|_| self.scenario.shards > 1) else { continue };
            let found = records::open_transactions(&hosted.disk.store);
            open.extend(found.into_iter().map(|(id, how)| format!("{id} {how} on node {at}")));
        }
        open.into_iter().collect()
    }

    /// What honest disks hold in the end.
    pub(super) fn look_at_disks(&mut self) {
        let judged = self.recorder.judge();
        self.note(judged);
        // Under drawn faults a group may stand still for longer than any time-out.
        if matches!(self.scenario.plan, Plan::CrashAt { .. }) {
            let locked = self.locking.within(self.genesis.parameters.prepare_timeout_ms);
            self.note(locked);
        }
        let honest: Vec<usize> = self.honest().collect();
        for at in honest {
            for group in self.groups_of(at) {
                let store = self.hosted(at, group).disk.store.clone();
                let durable = self.chain(group).durability.at_end(at, &store);
                self.note_in(group, durable);
            }
            self.look_at_balances(at);
        }
    }

    /// What all groups hold together, each as this node has it, or else the first honest node that hosts it.
    pub(super) fn look_at_balances(&mut self, at: usize) {
        let of = |at: usize, group: GroupId| self.nodes.get(at)?.groups.get(&group);
        let anywhere = |group| self.honest().find_map(|other| of(other, group));
        let hosted = self.scenario.groups().filter_map(|group| of(at, group).or_else(|| anywhere(group)));
        let stores: Vec<&dyn Store> = hosted.map(|hosted| &hosted.disk.store as &dyn Store).collect();
        let verdict = self.conservation.on_disks(at, &stores);
        self.note(verdict);
    }

    /// The summary so far.
    pub(super) fn report(self) -> Report {
        Report {
            seed: self.scenario.seed,
            nodes: self.scenario.nodes,
            engine: self.scenario.engine,
            shards: self.scenario.shards,
            group_engines: self.scenario.other_engines(),
            replay: self.scenario.to_string(),
            attackers: self.scenario.attackers(),
            accusations: self.innocence.accusations(),
            blocks: self.chains.values().map(|chain| chain.agreement.newest()).sum(),
            views: self.chains.values().map(|chain| chain.views).sum(),
            transactions: self.chains.values().map(|chain| chain.durability.count()).sum(),
            batches: self.batches,
            messages: self.messages,
            crossings: self.crossings,
            changes: self.changes(),
            across: self.recorder.across(),
            beside_stall: self.stall.beside,
            snapshots: self.recorder.snapshots_read,
            longest_lock_ms: self.locking.longest_ms,
            crashes: self.crashes,
            faults: self.faults.counts,
            virtual_ms: self.now_us / 1_000,
            well_after_ms: self
                .healed_us
                .filter(|_| self.well)
                .map(|healed_us| self.now_us.saturating_sub(healed_us) / 1_000),
            counts: self.counts,
            places: self.pipeline.places,
            crashed: self.pipeline.crashed,
            trace: self.trace.hash(),
            violation: self.violation,
            course: self.course,
        }
    }
}

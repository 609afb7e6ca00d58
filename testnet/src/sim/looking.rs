//! Measures taken now and then, and what is looked at in the end.

use super::check::{Bounds, Standing};
use super::report::Report;
use super::world::{Happening, LOOK_EVERY, World};
use std::time::Duration;
use witan_consensus::engine::Tick;
use witan_ledger::Store as _;
use witan_replica::Now;

impl World {
    /// How the honest nodes stand, if all of them run.
    fn standings(&self) -> Option<Vec<Standing>> {
        let standing = |at: usize| {
            let node = self.nodes.get(at)?;
            let running = node.running.as_ref()?;
            let now = Now { tick: Tick(Duration::ZERO), wall_ms: 0 };
            let executed = running.group.status(now).tip.height;
            let (flushed, sealed) = (node.disk.store.tip().unwrap_or(0), node.disk.store.sealed_tip());
            Some(Standing { executed, flushed, sealed })
        };
        self.honest().map(standing).collect()
    }

    /// Takes measures, and notices the end.
    pub(super) fn look(&mut self) {
        self.after(LOOK_EVERY, Happening::Look);
        let honest: Vec<usize> = self.honest().collect();
        for at in honest {
            let (now, records) = (self.clocks(at), self.node(at).disk.log_length());
            if let Some(running) = &self.node(at).running {
                let bounds = Bounds { node: at, records, requests: running.requests.len() };
                let status = running.group.status(now);
                let verdict = bounds.look(&status);
                self.views = self.views.max(status.consensus.map_or(0, |engine| engine.view));
                self.note(verdict);
            }
        }
        if let (Some(liveness), Some(standings)) = (&self.liveness, self.standings()) {
            let in_time = liveness.in_time(self.now_us, &standings);
            self.well = liveness.is_reached(&standings);
            self.done = self.well || in_time.is_err();
            self.note(in_time);
        }
    }

    /// What honest disks hold in the end.
    pub(super) fn look_at_disks(&mut self) {
        let honest: Vec<usize> = self.honest().collect();
        for at in honest {
            let Some(node) = self.nodes.get(at) else { return };
            let durable = self.durability.at_end(at, &node.disk.store);
            let conserved = self.conservation.on_disk(at, &node.disk.store);
            self.note(durable);
            self.note(conserved);
        }
    }

    /// The summary so far.
    pub(super) fn report(self) -> Report {
        Report {
            seed: self.scenario.seed,
            nodes: self.scenario.nodes,
            engine: self.scenario.engine,
            replay: self.scenario.to_string(),
            attackers: self.scenario.attackers(),
            accusations: self.innocence.accusations(),
            blocks: self.agreement.newest(),
            views: self.views,
            transactions: self.durability.count(),
            messages: self.messages,
            crashes: self.crashes,
            faults: self.faults.counts,
            virtual_ms: self.now_us / 1_000,
            well_after_ms: self
                .liveness
                .filter(|_| self.well)
                .map(|liveness| liveness.since(self.now_us) / 1_000),
            counts: self.counts,
            trace: self.trace.hash(),
            violation: self.violation,
        }
    }
}

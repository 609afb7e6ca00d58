//! What goes wrong in a run, and when: drawn from the seed, or one thing at a place that is enumerated. And what goes on
//! all the same.

use super::faults::Fault;
use super::operators;
use super::pipeline::PipelineCrash;
use super::report::Beside;
use super::timetable::Timetable;
use super::trace::Line;
use super::world::{Happening, Matter, World};
use std::collections::BTreeMap;
use std::sync::Arc;
use witan_ledger::{BlockCommit, TransactionOutcome};
use witan_types::{GroupId, Height, IdentifiedTransaction};

/// When what an enumerated crash is about is submitted; microseconds.
const SUBMITTED_AT: u64 = 1_500_000;
/// For how long the node stays down; microseconds.
const DOWN: u64 = 1_000_000;
/// When a group stalls, and for how long; microseconds.
const STALLS_AT: u64 = 2_000_000;
const STALLS_FOR: u64 = 8_000_000;
/// When everything heals after an enumerated crash: the node is back, and the deadline is over; microseconds.
const HEALS_AFTER_CRASH: u64 = 5_000_000;
/// The same after one in the pipeline: a batch that too few got was sent again, too; microseconds.
const HEALS_AFTER_PIPELINE: u64 = 6_500_000;
/// When everything heals after a group has stalled; microseconds.
const HEALS_AFTER_STALL: u64 = 11_000_000;

/// What goes wrong.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Plan {
    /// Whatever the seed says.
    #[default]
    Drawn,
    /// One transaction spans all groups, nothing else is asked for, and this node crashes just before this message
    /// between groups reaches any node; they are numbered from 1 in the order of their arrival. 0 is no message.
    CrashAt {
        /// Which node.
        node: usize,
        /// Before which message.
        message: u64,
    },
    /// A few transactions go through the pipeline in batches, nothing else is asked for, and where a node stands at a place of it
    /// somebody crashes.
    CrashInPipeline(PipelineCrash),
    /// Clients come as always, and for some seconds no validator hears another in this group.
    Stall(GroupId),
    /// These faults at these times, as a scenario has them.
    Timetable(Arc<Timetable>),
}

/// What the other groups commit while one stands still.
#[derive(Debug, Default)]
pub(super) struct StallWatch {
    /// By group, for every group that applied something then.
    pub(super) beside: BTreeMap<GroupId, Beside>,
    /// The newest block of each group that anybody told of.
    newest: BTreeMap<GroupId, Height>,
}

impl StallWatch {
    /// A node tells of a block; the first to do so counts.
    pub(super) fn committed(&mut self, commit: &BlockCommit, stalled: Option<GroupId>) {
        let (group, height) = (commit.block.header.group, commit.block.header.height);
        let newest = self.newest.entry(group).or_default();
        if *newest >= height {
            return;
        }
        *newest = height;
        let Some(stalled) = stalled.filter(|stalled| *stalled != group) else { return };
        for receipt in &commit.receipts {
            let needs_it = receipt.told.iter().any(|told| told.group == stalled);
            if matches!(receipt.outcome, TransactionOutcome::Applied { .. }) && !needs_it {
                let beside = self.beside.entry(group).or_default();
                *(if receipt.told.is_empty() { &mut beside.alone } else { &mut beside.across }) += 1;
            }
        }
    }
}

impl World {
    /// Sets the plan of the run in motion.
    pub(super) fn begin_plan(&mut self) {
        if self.scenario.root {
            self.after(operators::FIRST, Happening::OperatorWakes);
        }
        match &self.scenario.plan {
            Plan::Drawn => {
                self.after(1_000_000, Happening::ClientWakes);
                self.after(1_000_000, Happening::FaultBegins);
            }
            Plan::CrashAt { .. } => {
                self.after(SUBMITTED_AT, Happening::Planned);
                self.after(HEALS_AFTER_CRASH, Happening::Heals);
            }
            Plan::CrashInPipeline(_) => {
                self.after(SUBMITTED_AT, Happening::Planned);
                self.after(HEALS_AFTER_PIPELINE, Happening::Heals);
            }
            Plan::Stall(_) => {
                self.after(1_000_000, Happening::ClientWakes);
                self.after(STALLS_AT, Happening::Planned);
                self.after(HEALS_AFTER_STALL, Happening::Heals);
            }
            Plan::Timetable(timetable) => {
                let timetable = Arc::clone(timetable);
                self.begin_timetable(&timetable);
            }
        }
    }

    /// What was planned for this moment.
    pub(super) fn planned(&mut self) {
        match self.scenario.plan {
            Plan::Drawn | Plan::Timetable(_) => {}
            Plan::CrashAt { .. } => self.submit_everywhere(),
            Plan::CrashInPipeline(_) => self.fill_pipeline(),
            Plan::Stall(group) => {
                self.trace.event(self.now_us, 0, Line::Fault(format!("group {group} stalls")));
                let number = self.faults.begin(Fault::Stall(group));
                self.after(STALLS_FOR, Happening::FaultEnds(number));
            }
        }
    }

    /// One transaction that spans all groups, handed to every node.
    fn submit_everywhere(&mut self) {
        let wall_ms = self.wall_ms();
        let Some(transaction) = self.clients.spanning(wall_ms) else { return };
        self.record(&transaction);
        let (group, transaction) = (self.group_of(&transaction), IdentifiedTransaction::from(transaction));
        for at in self.hosts_of(group) {
            self.after_within(500, at, group, Matter::Submit(transaction.clone()));
        }
    }

    /// A message between groups is about to reach a node: the moment at which the planned crash may come.
    pub(super) fn crosses(&mut self) {
        self.crossings += u64::from(self.healed_us.is_none());
        if let Plan::CrashAt { node, message } = self.scenario.plan
            && self.crossings == message
            && self.healed_us.is_none()
            && self.crashes == 0
        {
            self.trace.event(self.now_us, node, Line::Fault("the planned crash".into()));
            let number = self.faults.begin(Fault::Crash { node });
            self.after(DOWN, Happening::FaultEnds(number));
            self.follow_faults();
        }
    }
}

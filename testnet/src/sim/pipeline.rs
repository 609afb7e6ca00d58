//! The pipeline that transactions go through, from a client's hand until ledgers are durable and logs have forgotten them: the places
//! at which a node can stand in it when it crashes. One run counts them, and for each of them others crash there.

use super::disk::Covers;
use super::faults::Fault;
use super::plan::Plan;
use super::scenario::GROUP;
use super::trace::Line;
use super::world::{Happening, Matter, World};
use serde::Serialize;
use witan_replica::Message;
use witan_replica::attack::is_proposal;
use witan_types::{GroupId, IdentifiedTransaction, Wire as _};

/// Places are counted for so long after clients came, in microseconds: by then all that they wanted is durable everywhere, and
/// forgotten.
const WATCHED_FOR: u64 = 800_000;
/// For how long nodes stay down that crash, and by how much each of them longer than the one before; microseconds.
const DOWN: u64 = 1_000_000;
const APART: usize = 30_000;
/// Who makes the batches, and how many transactions clients bring there.
const AUTHOR: usize = 1;
const TO_AUTHOR: usize = 3;
/// Who makes one more.
const SECOND_AUTHOR: usize = 2;
/// Whom no batch reaches: it has to ask for those that a block names.
const DEAF: usize = 3;

/// A place of the pipeline at which a node stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// A client's transactions reach the node.
    Asked,
    /// It has made a batch or got one, and has not handed it to its disk.
    BatchToWrite,
    /// The batch is being written.
    BatchWriting,
    /// The batch is on disk, and nobody has heard of that.
    BatchWritten,
    /// A batch is about to leave, for one member.
    BatchSent,
    /// A batch reaches it.
    BatchHeard,
    /// It is about to say that it holds a batch.
    HeldSent,
    /// Somebody says so to it.
    HeldHeard,
    /// It is about to tell one member that a quorum holds a batch.
    ReadySent,
    /// It hears so.
    ReadyHeard,
    /// A proposal is about to leave, for one member.
    ProposalSent,
    /// A proposal reaches it.
    ProposalHeard,
    /// It is about to ask for a batch that a decided block names.
    FetchSent,
    /// It is asked for one.
    FetchHeard,
    /// It is about to give it.
    FetchedSent,
    /// It gets it.
    FetchedHeard,
    /// It has consensus records, and has not handed them to its disk.
    RecordsToWrite,
    /// Records are being written, and nothing else.
    RecordsWriting,
    /// They are on disk, and nobody has heard of that.
    RecordsWritten,
    /// It has a block or a seal for the ledger, and has not handed it to its disk.
    BlockToWrite,
    /// Blocks and seals are being written, not synced.
    BlockWriting,
    /// They can be read, and nobody has heard of that.
    BlockWritten,
    /// Users have heard of them.
    BlockTold,
    /// The ledger is being synced.
    LedgerSyncing,
    /// It is durable, and the engine has not heard of that.
    LedgerSynced,
    /// The engine has heard of that, and what it may forget is on its way to the disk.
    LedgerTold,
    /// It has batches to forget, and has not told its disk.
    ForgetToWrite,
    /// The disk forgets batches.
    Forgetting,
    /// Batches are forgotten.
    Forgotten,
    /// The disk forgets records, and no batches.
    Truncating,
    /// Records are forgotten.
    Truncated,
}

impl Step {
    /// All there are.
    pub const ALL: [Step; 31] = [
        Step::Asked,
        Step::BatchToWrite,
        Step::BatchWriting,
        Step::BatchWritten,
        Step::BatchSent,
        Step::BatchHeard,
        Step::HeldSent,
        Step::HeldHeard,
        Step::ReadySent,
        Step::ReadyHeard,
        Step::ProposalSent,
        Step::ProposalHeard,
        Step::FetchSent,
        Step::FetchHeard,
        Step::FetchedSent,
        Step::FetchedHeard,
        Step::RecordsToWrite,
        Step::RecordsWriting,
        Step::RecordsWritten,
        Step::BlockToWrite,
        Step::BlockWriting,
        Step::BlockWritten,
        Step::BlockTold,
        Step::LedgerSyncing,
        Step::LedgerSynced,
        Step::LedgerTold,
        Step::ForgetToWrite,
        Step::Forgetting,
        Step::Forgotten,
        Step::Truncating,
        Step::Truncated,
    ];

    /// Whether only a group that sends transactions in batches comes there.
    pub fn is_of_batches(self) -> bool {
        !matches!(
            self,
            Step::Asked
                | Step::ProposalSent
                | Step::ProposalHeard
                | Step::RecordsToWrite
                | Step::RecordsWriting
                | Step::RecordsWritten
                | Step::BlockToWrite
                | Step::BlockWriting
                | Step::BlockWritten
                | Step::BlockTold
                | Step::LedgerSyncing
                | Step::LedgerSynced
                | Step::LedgerTold
                | Step::Truncating
                | Step::Truncated
        )
    }
}

/// Who crashes where a node stands at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whom {
    /// Who made most of the batches.
    Author,
    /// Who leads at that moment.
    Leader,
    /// Who is neither: the node that stands there, or the first one.
    Other,
    /// Every node at one moment, those that follow too: what they have could make up for what the others lost.
    All,
}

impl Whom {
    /// All there are.
    pub const ALL: [Whom; 4] = [Whom::Author, Whom::Leader, Whom::Other, Whom::All];
}

/// What a crash leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Crash {
    /// Power is lost: what was synced stays, and nothing else.
    Power,
    /// The process ends: what was written to the ledger stays, too.
    Process,
}

/// A crash at a place of the pipeline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PipelineCrash {
    /// Which place, numbered from 1 in the order in which nodes come to them; at 0 nobody crashes.
    pub place: usize,
    /// Who crashes.
    pub whom: Whom,
    /// What that leaves.
    pub crash: Crash,
}

/// A crash that happened there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Crashed {
    /// Which node stood at the place.
    pub node: usize,
    /// What it was at.
    pub step: Step,
    /// Which nodes crashed.
    pub hit: Vec<usize>,
}

/// What is known of the places of a run.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    /// Until when they are counted; not before there is something in the pipeline.
    open_until_us: Option<u64>,
    /// Each with the node that came there, in order.
    pub(super) places: Vec<(usize, Step)>,
    pub(super) crashed: Option<Crashed>,
}

impl Pipeline {
    /// Whether a batch does not arrive.
    pub(super) fn loses(&self, to: usize, bytes: &[u8]) -> bool {
        self.open_until_us.is_some() && to == DEAF && matches!(Message::decode(bytes), Ok(Message::Batch(_)))
    }
}

impl World {
    /// How a crash leaves disks, if that is enumerated.
    pub(super) fn planned_crash(&self) -> Option<Crash> {
        if let Plan::CrashInPipeline(planned) = self.scenario.plan { Some(planned.crash) } else { None }
    }

    /// Clients come, all at one moment.
    pub(super) fn fill_pipeline(&mut self) {
        self.pipeline.open_until_us = Some(self.now_us.saturating_add(WATCHED_FOR));
        let wall_ms = self.wall_ms();
        for at in std::iter::repeat_n(AUTHOR, TO_AUTHOR).chain([SECOND_AUTHOR]) {
            let Some(transaction) = self.clients.spanning(wall_ms) else { return };
            self.record(&transaction);
            let transaction = IdentifiedTransaction::from(transaction);
            self.after_within(500, at, GROUP, Matter::Submit(transaction));
        }
    }

    /// A node stands at a place; true if it goes down there.
    pub(super) fn passes(&mut self, at: usize, step: Step) -> bool {
        let Plan::CrashInPipeline(planned) = self.scenario.plan else { return false };
        let is_open = self.pipeline.open_until_us.is_some_and(|until| self.now_us < until);
        if !is_open || at >= self.scenario.nodes {
            self.pipeline.open_until_us = self.pipeline.open_until_us.filter(|_| is_open);
            return false;
        }
        self.pipeline.places.push((at, step));
        if self.pipeline.places.len() != planned.place {
            return false;
        }
        self.pipeline.open_until_us = None;
        let (life, hit) = (self.node(at).life, self.hit(planned.whom, at));
        self.trace.event(self.now_us, at, Line::Fault(format!("at {step:?}, the planned crash of {hit:?}")));
        for (down, node) in (DOWN..).step_by(APART).zip(&hit) {
            let number = self.faults.begin(Fault::Crash { node: *node });
            self.after(down, Happening::FaultEnds(number));
        }
        self.pipeline.crashed = Some(Crashed { node: at, step, hit });
        self.follow_faults();
        self.node(at).life != life
    }

    /// The same where it is about to send a message, or gets one.
    pub(super) fn passes_message(&mut self, at: usize, group: GroupId, bytes: &[u8], is_heard: bool) -> bool {
        if self.pipeline.open_until_us.is_none() {
            return false;
        }
        let (sent, heard) = match Message::decode(bytes) {
            Ok(Message::Batch(_)) => (Step::BatchSent, Step::BatchHeard),
            Ok(Message::BatchHeld { .. }) => (Step::HeldSent, Step::HeldHeard),
            Ok(Message::BatchReady(_)) => (Step::ReadySent, Step::ReadyHeard),
            Ok(Message::BatchesRequest(_)) => (Step::FetchSent, Step::FetchHeard),
            Ok(Message::Batches(_)) => (Step::FetchedSent, Step::FetchedHeard),
            Ok(Message::Engine(_)) if is_proposal(self.scenario.engine_of(group), bytes) => {
                (Step::ProposalSent, Step::ProposalHeard)
            }
            _ => return false,
        };
        self.passes(at, if is_heard { heard } else { sent })
    }

    /// The same where the sync of a log is under way, or just done.
    pub(super) fn passes_sync(&mut self, at: usize, covers: Covers, is_done: bool) -> bool {
        let (during, after) = match covers {
            Covers::Batches => (Step::BatchWriting, Step::BatchWritten),
            Covers::Forgetting => (Step::Forgetting, Step::Forgotten),
            Covers::Truncation => (Step::Truncating, Step::Truncated),
            Covers::Records => (Step::RecordsWriting, Step::RecordsWritten),
        };
        self.passes(at, if is_done { after } else { during })
    }

    fn hit(&self, whom: Whom, at: usize) -> Vec<usize> {
        let leader = (0..self.scenario.nodes).find(|node| self.leads(*node, GROUP)).unwrap_or(at);
        let is_other = |node: &usize| *node != AUTHOR && *node != leader;
        match whom {
            Whom::Author => vec![AUTHOR],
            Whom::Leader => vec![leader],
            Whom::Other => {
                std::iter::once(at).chain(0..self.scenario.nodes).find(is_other).into_iter().collect()
            }
            Whom::All => (0..self.scenario.all_nodes()).collect(),
        }
    }
}

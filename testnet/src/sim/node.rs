//! A node: one process on one machine, and the groups that it hosts.

use super::check::{Order, WriteAhead};
use super::disk::Disk;
use super::ledger_writer::LedgerWriter;
use super::pipeline::Crash;
use super::random::Random;
use super::world::What;
use std::collections::BTreeMap;
use witan_replica::{Group, MessageVerifier, Ticket, Timer};
use witan_types::GroupId;

/// A node: its groups, and its process while it runs.
#[derive(Debug)]
pub(super) struct Node {
    /// Ascends with each crash.
    pub(super) life: u64,
    /// How wrong its wall clock always is, in milliseconds.
    pub(super) skew_ms: i64,
    pub(super) process: Option<Process>,
    /// What happened while it stood still.
    pub(super) stash: Vec<What>,
    pub(super) ledger_writer: LedgerWriter,
    pub(super) groups: BTreeMap<GroupId, Hosted>,
}

/// A process that runs, and what all its groups share.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) started_us: u64,
    /// The connection to each peer that the groups know of.
    pub(super) told: BTreeMap<usize, u64>,
}

/// One group on one node: what outlives a crash, and its replica while the node runs.
#[derive(Debug)]
pub(super) struct Hosted {
    pub(super) disk: Disk,
    pub(super) write_ahead: WriteAhead,
    pub(super) order: Order,
    pub(super) replica: Option<Replica>,
}

/// A replica that runs, and what its host has to remember for it.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) group: Box<dyn Group>,
    pub(super) verifier: MessageVerifier,
    /// The newest setting of each timer.
    pub(super) timers: BTreeMap<Timer, u64>,
    /// Open requests, and whom they went to.
    pub(super) requests: BTreeMap<u64, usize>,
    /// Whom to answer: the node, and its name for the request.
    pub(super) questions: BTreeMap<Ticket, (usize, u64)>,
}

impl Replica {
    pub(super) fn new(group: Box<dyn Group>, verifier: MessageVerifier) -> Replica {
        Replica {
            group,
            verifier,
            timers: BTreeMap::new(),
            requests: BTreeMap::new(),
            questions: BTreeMap::new(),
        }
    }
}

impl Node {
    /// The process is gone, and with it whatever this crash leaves on no disk.
    pub(super) fn crash(&mut self, planned: Option<Crash>, random: &mut Random) {
        self.process = None;
        self.life += 1;
        self.stash.clear();
        self.ledger_writer = LedgerWriter::default();
        for hosted in self.groups.values_mut() {
            hosted.replica = None;
            let survived = hosted.disk.crash(planned, random);
            hosted.write_ahead.synced(&survived);
        }
    }
}

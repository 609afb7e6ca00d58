//! Engines with a mistake planted in their rules, ledgers with one in two-phase commit, and replicas with one of their own, to see
//! whether the checkers notice. For tests alone.

use crate::sim::disk::SharedStore;
use witan_consensus::engine::Engine;
use witan_consensus::hotstuff::{self, HotStuff};
use witan_consensus::pbft::{self, Pbft};
use witan_consensus::raft::{self, Raft};
use witan_ledger::LedgerError;
use witan_ledger::two_phase::PlantedFault;
use witan_replica::{Effects, MessageVerifier, Now, Open, Opened, Replica};
use witan_types::EngineKind;

/// A mistake in an engine's rules. Adding an engine costs one variant here, and an arm in each function below.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RuleFault {
    /// One of HotStuff's.
    HotStuff(hotstuff::PlantedFault),
    /// One of PBFT's.
    Pbft(pbft::PlantedFault),
    /// One of Raft's.
    Raft(raft::PlantedFault),
}

impl RuleFault {
    /// The engine that makes it.
    pub(in crate::sim) fn engine(self) -> EngineKind {
        match self {
            RuleFault::HotStuff(_) => EngineKind::HotStuff,
            RuleFault::Pbft(_) => EngineKind::Pbft,
            RuleFault::Raft(_) => EngineKind::Raft,
        }
    }
}

/// Opens a group whose engine makes this mistake.
pub(in crate::sim) fn open_with_fault(
    open: Open<'_, SharedStore>,
    now: Now,
    fault: RuleFault,
) -> Result<Opened, LedgerError> {
    match fault {
        RuleFault::HotStuff(fault) => {
            Replica::open_from(open, now, |setup, records| HotStuff::open_with_fault(setup, records, fault))
                .map(boxed)
        }
        RuleFault::Pbft(fault) => {
            Replica::open_from(open, now, |setup, records| Pbft::open_with_fault(setup, records, fault))
                .map(boxed)
        }
        RuleFault::Raft(fault) => {
            Replica::open_from(open, now, |setup, records| Raft::open_with_fault(setup, records, fault))
                .map(boxed)
        }
    }
}

/// Opens a group whose ledger makes this mistake.
pub(in crate::sim) fn open_with_ledger_fault(
    open: Open<'_, SharedStore>,
    now: Now,
    fault: PlantedFault,
) -> Result<Opened, LedgerError> {
    open_planted(open, now, Mistake::OfLedger(fault))
}

/// Opens a group whose replica makes this mistake.
pub(in crate::sim) fn open_with_replica_fault(
    open: Open<'_, SharedStore>,
    now: Now,
    fault: witan_replica::PlantedFault,
) -> Result<Opened, LedgerError> {
    open_planted(open, now, Mistake::OfReplica(fault))
}

/// A mistake that is the same under every engine.
enum Mistake {
    OfLedger(PlantedFault),
    OfReplica(witan_replica::PlantedFault),
}

fn open_planted(open: Open<'_, SharedStore>, now: Now, mistake: Mistake) -> Result<Opened, LedgerError> {
    match open.genesis.engine(open.group).ok_or(LedgerError::UnknownGroup(open.group))? {
        EngineKind::HotStuff => open_under::<HotStuff>(open, now, mistake),
        EngineKind::Pbft => open_under::<Pbft>(open, now, mistake),
        EngineKind::Raft => open_under::<Raft>(open, now, mistake),
    }
}

fn open_under<E: Engine + Send + 'static>(
    open: Open<'_, SharedStore>,
    now: Now,
    mistake: Mistake,
) -> Result<Opened, LedgerError> {
    let (replica, verifier, effects) = Replica::<E, SharedStore>::open(open, now)?;
    let replica = match mistake {
        Mistake::OfLedger(fault) => replica.planted(fault),
        Mistake::OfReplica(fault) => replica.mistaken(fault),
    };
    Ok(boxed((replica, verifier, effects)))
}

fn boxed<E: Engine + Send + 'static>(
    (replica, verifier, effects): (Replica<E, SharedStore>, MessageVerifier, Effects),
) -> Opened {
    (Box::new(replica), verifier, effects)
}

//! Opening a group from what is on disk, wherever a crash left it.

use crate::batches::Batches;
use crate::dissemination::Dissemination;
use crate::event::{Effects, Now, Timer};
use crate::faults::Planted;
use crate::hosting::Hosted;
use crate::intake::Intake;
use crate::proposing::Proposing;
use crate::relaying::{Inbox, abroad};
use crate::replica::{Group, Replica};
use crate::sealing::Sealing;
use crate::sync::{CatchUp, HEARTBEAT};
use crate::verify::{MessageVerifier, OtherGroup};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use witan_consensus::engine::{Engine, Instance, Outputs, PROPOSERS_A_MEMBER, Seq, Setup};
use witan_consensus::hotstuff::HotStuff;
use witan_consensus::pbft::Pbft;
use witan_consensus::raft::Raft;
use witan_ledger::mempool::Limits;
use witan_ledger::{Ledger, LedgerError, Mempool, Store};
use witan_types::{
    EngineKind, Epoch, Genesis, GroupId, Header, NodeId, Scheme, SecretKey, ValidatorIndex, Wire,
};

/// Who this node is in the group.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its network identity.
    pub node: NodeId,
    /// Its place among the group's members and its key, if it votes.
    pub validator: Option<(ValidatorIndex, SecretKey)>,
}

/// What a replica starts from.
#[derive(Debug)]
pub struct Open<'a, S> {
    /// The network's genesis, checked.
    pub genesis: &'a Genesis,
    /// Which group.
    pub group: GroupId,
    /// Who this node is.
    pub identity: Identity,
    /// The flushed ledger.
    pub store: S,
    /// Every consensus record on disk, ascending.
    pub records: Vec<(Seq, Vec<u8>)>,
    /// Every batch on disk, ascending by number.
    pub batches: Vec<(u64, Vec<u8>)>,
    /// Bounds of the mempool.
    pub mempool: Limits,
    /// So many bytes of transactions travel in a batch; fewer go to the mempools one by one. [`MIN_BATCH_BYTES`] as a rule.
    pub min_batch_bytes: usize,
    /// Where the engine's jitter comes from.
    pub seed: u64,
    /// How signatures are judged: [`Scheme::Ed25519`] outside the simulator.
    pub scheme: Scheme,
}

/// A group whose engine was chosen at run time, with what judges its messages and its first effects.
pub type Opened = (Box<dyn Group>, MessageVerifier, Effects);

/// Opens a group with the engine that genesis names: adding an engine costs one arm here.
///
/// # Errors
/// If the ledger on disk contradicts itself or the genesis.
pub fn open_group<S: Store + Send + 'static>(open: Open<'_, S>, now: Now) -> Result<Opened, LedgerError> {
    match open.genesis.engine(open.group).ok_or(LedgerError::UnknownGroup(open.group))? {
        EngineKind::HotStuff => open_with::<HotStuff, S>(open, now),
        EngineKind::Pbft => open_with::<Pbft, S>(open, now),
        EngineKind::Raft => open_with::<Raft, S>(open, now),
    }
}

fn open_with<E: Engine + Send + 'static, S: Store + Send + 'static>(
    open: Open<'_, S>,
    now: Now,
) -> Result<Opened, LedgerError> {
    let (replica, verifier, effects) = Replica::<E, S>::open(open, now)?;
    Ok((Box::new(replica), verifier, effects))
}

impl<E: Engine + Send, S: Store + Send> Replica<E, S> {
    /// Opens the group from what is on disk.
    ///
    /// # Errors
    /// If the ledger on disk contradicts itself or the genesis.
    pub fn open(open: Open<'_, S>, now: Now) -> Result<(Self, MessageVerifier, Effects), LedgerError> {
        Replica::open_from(open, now, E::open)
    }

    /// Opens the group with an engine that starts in another way than by [`Engine::open`]: with a mistake planted in
    /// its rules, which the simulator has to find.
    ///
    /// # Errors
    /// If the ledger on disk contradicts itself or the genesis.
    pub fn open_from(
        open: Open<'_, S>,
        now: Now,
        start: impl FnOnce(Setup, Vec<(Seq, E::Record)>) -> (E, Outputs<E>),
    ) -> Result<(Self, MessageVerifier, Effects), LedgerError> {
        let Open {
            genesis,
            group,
            identity,
            store,
            records,
            batches,
            mempool,
            min_batch_bytes,
            seed,
            scheme,
        } = open;
        let committee = genesis.committee(group).ok_or(LedgerError::UnknownGroup(group))?.under(scheme);
        let validators = nodes(genesis, group);
        let instance = Instance { chain: genesis.chain(), group, epoch: Epoch(1) };
        let others = genesis.groups.iter().filter_map(|other| {
            let committee = genesis.committee(other.id)?.under(scheme);
            let other_group = OtherGroup { committee, nodes: nodes(genesis, other.id) };
            (other.id != group).then_some((other.id, other_group))
        });
        let verifier = MessageVerifier::new::<E>(instance, committee.clone(), &validators, others.collect());
        let (ledger, genesis_commit) = Ledger::open(store, genesis, group)?;
        let ledger = ledger.under(scheme);
        let (sealed, tip) = (ledger.store().sealed_tip(), ledger.tip().height);
        if sealed > tip {
            return Err(LedgerError::Missing { what: "block", height: sealed, tip });
        }
        let listed = genesis.validators.iter().map(|validator| validator.node);
        let outsiders = listed.filter(|node| !validators.contains(node)).collect();
        let votes = identity.validator.is_some();
        let abroad = if votes { abroad::routes(genesis, group, &identity.node) } else { BTreeMap::new() };
        let mut replica = Replica {
            group,
            committee,
            validators,
            outsiders,
            identity,
            engine: None,
            ledger,
            mempool: Mempool::new(mempool),
            sealing: Sealing::new(sealed),
            proposing: Proposing::new(now),
            inbox: Inbox::default(),
            offered: 0,
            abroad,
            stretch: 1,
            due_timer: None,
            intake: Intake::default(),
            batches: Batches::default(),
            dissemination: Dissemination::new(min_batch_bytes),
            catch_up: CatchUp::default(),
            written: 0,
            unwritten: VecDeque::new(),
            undurable: VecDeque::new(),
            planted: Planted::default(),
        };
        let mut effects = Effects::default();
        if let Some(commit) = genesis_commit {
            replica.write_block(commit, Vec::new(), &mut effects);
        }
        replica.restore_batches(now, batches, &mut effects);
        replica.remake_shares();
        let setup = replica.setup(genesis.base_header(group), instance, seed)?;
        if let Some(setup) = setup {
            replica.start_engine(now, setup, &records, start, &mut effects);
        }
        replica.seal_ready(&mut effects);
        effects.timers.push((Timer::Heartbeat, HEARTBEAT / 10));
        replica.settle(now, &mut effects);
        Ok((replica, verifier, effects))
    }

    /// The same with a mistake planted in its ledger, which the simulator has to find.
    #[cfg(feature = "planted-faults")]
    #[must_use]
    pub fn planted(self, fault: witan_ledger::two_phase::PlantedFault) -> Self {
        Replica { ledger: self.ledger.planted(fault), ..self }
    }

    /// The same with a mistake of its own planted.
    #[cfg(feature = "planted-faults")]
    #[must_use]
    pub fn mistaken(self, fault: crate::faults::PlantedFault) -> Self {
        Replica { planted: Planted::one(fault), ..self }
    }

    /// What the engine starts from, if this node votes.
    fn setup(&self, base: Header, instance: Instance, seed: u64) -> Result<Option<Setup>, LedgerError> {
        let Some((me, key)) = self.identity.validator.clone() else { return Ok(None) };
        let sealed = self.sealing.sealed();
        let tip = self.ledger.tip().height;
        let missing = LedgerError::Missing { what: "block", height: sealed, tip };
        let stable = self.ledger.block(sealed).ok_or(missing)?.header.clone();
        // The base block of the epoch is none of its blocks.
        let blocks =
            (base.height.saturating_add(1)..=sealed).rev().map_while(|height| self.ledger.block(height));
        let proposers = blocks.map(|block| block.header.proposer);
        Ok(Some(Setup {
            instance,
            committee: self.committee.clone(),
            me,
            key,
            base,
            stable_seal: self.ledger.store().seal(stable.height),
            stable,
            proposers: proposers.take(self.committee.size().saturating_mul(PROPOSERS_A_MEMBER)).collect(),
            durable: tip,
            base_timeout: Duration::from_millis(self.ledger.parameters().base_timeout_ms),
            max_timeout: Duration::from_millis(self.ledger.parameters().max_timeout_ms),
            seed,
        }))
    }

    fn start_engine(
        &mut self,
        now: Now,
        setup: Setup,
        records: &[(Seq, Vec<u8>)],
        start: impl FnOnce(Setup, Vec<(Seq, E::Record)>) -> (E, Outputs<E>),
        effects: &mut Effects,
    ) {
        let durable = records.last().map_or(0, |(seq, _)| *seq);
        let (engine, outputs) = start(setup, decode_records::<E>(records));
        let mut hosted = Hosted::new(engine, durable, self.validators.clone());
        hosted.note_view_timer(now.tick, &outputs);
        self.engine = Some(hosted);
        let mut inputs = VecDeque::new();
        self.obey(now, outputs, &mut inputs, effects);
        self.drive(now, inputs, effects);
    }

    /// After a restart the shares above the last seal are made again from the stored results.
    fn remake_shares(&mut self) {
        for height in self.sealing.sealed().saturating_add(1)..=self.ledger.tip().height {
            if let Some(outcome) = self.ledger.outcome(height) {
                self.sealing.executed(outcome.clone());
                self.own_share(outcome);
            }
        }
    }
}

/// The network identities of a group's members, in the order of its committee.
fn nodes(genesis: &Genesis, group: GroupId) -> Vec<NodeId> {
    genesis.members(group).into_iter().map(|member| member.node).collect()
}

fn decode_records<E: Engine>(records: &[(Seq, Vec<u8>)]) -> Vec<(Seq, E::Record)> {
    let decode = |(seq, bytes): &(Seq, Vec<u8>)| match E::Record::decode(bytes) {
        Ok(record) => (*seq, record),
        Err(error) => panic!("consensus record {seq} was written by this node and can't be read: {error}"),
    };
    records.iter().map(decode).collect()
}

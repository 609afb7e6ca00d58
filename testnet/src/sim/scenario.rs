//! The description of a run. Everything that happens in it follows from this.

use super::check::Promise;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use witan_types::genesis::{GenesisBalance, GenesisGroup, GenesisValidator, Parameters};
use witan_types::{Account, EngineKind, Genesis, GroupId, Hash, NodeId, Scheme, SecretKey, sha256};

/// The group that runs.
pub(super) const GROUP: GroupId = GroupId(1);
/// The time of the base block, Unix milliseconds.
pub(super) const GENESIS_MS: u64 = 1_700_000_000_000;
/// Clients' accounts.
pub(super) const ACCOUNTS: usize = 6;
/// What each account has at first.
const BALANCE: u128 = 1_000;
/// One seed in this many uses real signatures.
const REAL_SIGNATURES: u64 = 20;

/// Whether disks keep their word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Disks {
    /// What a disk calls durable survives.
    #[default]
    Honest,
    /// A planted fault: consensus records that the disk called durable are lost in a crash.
    ForgetRecords,
    /// A planted fault: the host says that records are durable before the disk has synced them.
    ReportEarly,
}

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where all chance comes from.
    pub seed: u64,
    /// How many validators; at least one.
    pub nodes: usize,
    /// How many nodes that follow without voting.
    pub followers: usize,
    /// The consensus engine.
    pub engine: EngineKind,
    /// How signatures are made and judged.
    pub scheme: Scheme,
    /// Whether disks keep their word.
    pub disks: Disks,
    /// Promises that are not looked after: to see which others a planted fault breaks.
    pub unchecked: BTreeSet<Promise>,
}

/// An engine that the simulator can't run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the simulator can't run the engine {0} yet; it runs hotstuff")]
pub struct UnknownEngine(pub EngineKind);

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { seed, nodes, engine, .. } = self;
        write!(f, "witan sim run -n {nodes} --engine {engine} --seed {seed}")
    }
}

impl Scenario {
    /// The run of a seed with this many validators, and one node that follows them. Most seeds use signatures that
    /// cost nothing, a fixed share real ones.
    pub fn of(seed: u64, nodes: usize) -> Scenario {
        let real = seed.is_multiple_of(REAL_SIGNATURES);
        Scenario {
            seed,
            nodes,
            followers: 1,
            engine: EngineKind::HotStuff,
            scheme: if real { Scheme::Ed25519 } else { Scheme::StandIn },
            disks: Disks::Honest,
            unchecked: BTreeSet::new(),
        }
    }

    /// Whether every node's engine is known here.
    ///
    /// # Errors
    /// If it is not.
    pub fn check(&self) -> Result<(), UnknownEngine> {
        match self.engine {
            EngineKind::HotStuff => Ok(()),
            other => Err(UnknownEngine(other)),
        }
    }

    /// Validators and followers.
    pub fn all_nodes(&self) -> usize {
        self.nodes.saturating_add(self.followers)
    }

    pub(super) fn node_id(&self, place: usize) -> NodeId {
        NodeId(named_hash("node", place))
    }

    pub(super) fn validator_key(&self, place: usize) -> SecretKey {
        SecretKey::from_seed(named_hash("validator", place).0).under(self.scheme)
    }

    pub(super) fn client_key(&self, place: usize) -> SecretKey {
        SecretKey::from_seed(named_hash("client", place).0).under(self.scheme)
    }

    /// Time-outs are short, so that much happens in little virtual time.
    pub(super) fn parameters(&self) -> Parameters {
        let block_time_ms = match self.seed % 3 {
            0 => 0,
            1 => 20,
            _ => 60,
        };
        Parameters {
            block_time_ms,
            idle_interval_ms: 500,
            base_timeout_ms: 300,
            max_timeout_ms: 2_000,
            max_tx_lifetime_ms: 20_000,
            ..Parameters::default()
        }
    }

    pub(super) fn genesis(&self) -> Genesis {
        let group = |id| GenesisGroup { id, engine: self.engine };
        let validator = |place| GenesisValidator {
            name: format!("n{place}"),
            key: self.validator_key(place).public(),
            node: self.node_id(place),
        };
        let balance = |place| {
            let account = Account(self.client_key(place).public());
            GenesisBalance { account, balance: BALANCE }
        };
        Genesis {
            name: "simulation".into(),
            time_ms: GENESIS_MS,
            devnet: true,
            permissioned: self.engine == EngineKind::Raft,
            validators: (0..self.nodes).map(validator).collect(),
            followers: Vec::new(),
            groups: vec![group(GroupId(0)), group(GROUP)],
            balances: (0..ACCOUNTS).map(balance).collect(),
            parameters: self.parameters(),
        }
    }
}

fn named_hash(name: &str, place: usize) -> Hash {
    sha256(&[b"witan simulation", name.as_bytes(), &(place as u64).to_le_bytes()])
}

//! The network that a scenario runs: its genesis, and everybody's keys.

use super::scenario::{GENESIS_MS, Scenario};
use witan_ledger::{first_owner, slot_of};
use witan_types::genesis::{GenesisBalance, GenesisGroup, GenesisValidator, Operators, Parameters};
use witan_types::{Account, EngineKind, Genesis, GroupId, Hash, Key, NodeId, SecretKey, sha256};

/// Clients' accounts in each group.
const ACCOUNTS: usize = 6;
/// What each account has at first.
const BALANCE: u128 = 1_000;
/// How many operators there are where the root group runs, and how many of them have to agree.
const OPERATORS: usize = 3;
const THRESHOLD: u16 = 2;

impl Scenario {
    pub(super) fn node_id(&self, place: usize) -> NodeId {
        NodeId(named_hash("node", place))
    }

    pub(super) fn validator_key(&self, place: usize) -> SecretKey {
        SecretKey::from_seed(named_hash("validator", place).0).under(self.scheme)
    }

    /// Those who may change the configuration.
    pub(super) fn operator_keys(&self) -> Vec<SecretKey> {
        let key = |place| SecretKey::from_seed(named_hash("operator", place).0).under(self.scheme);
        if self.root { (0..OPERATORS).map(key).collect() } else { Vec::new() }
    }

    fn operators(&self) -> Operators {
        let keys = self.operator_keys();
        let threshold = if keys.is_empty() { 0 } else { THRESHOLD };
        Operators { accounts: keys.iter().map(|key| Account(key.public())).collect(), threshold }
    }

    /// The clients whose accounts a group holds.
    pub(super) fn client_keys(&self, genesis: &Genesis, group: GroupId) -> Vec<SecretKey> {
        let key = |place| SecretKey::from_seed(named_hash("client", place).0).under(self.scheme);
        let is_of_group = |key: &SecretKey| {
            let balance = Key::balance_of(&Account(key.public()));
            first_owner(genesis, slot_of(&balance)) == group
        };
        (0..).map(key).filter(is_of_group).take(ACCOUNTS).collect()
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
            prepare_timeout_ms: 1_500,
            read_timeout_ms: 1_000,
            ..Parameters::default()
        }
    }

    pub(super) fn genesis(&self) -> Genesis {
        let group =
            |id| GenesisGroup { id, engine: self.engine_of(id), members: self.members.get(&id).cloned() };
        let validator = |place| GenesisValidator {
            name: format!("n{place}"),
            key: self.validator_key(place).public(),
            node: self.node_id(place),
        };
        let groups: Vec<_> = (0..=self.shards).map(GroupId).map(group).collect();
        let mut genesis = Genesis {
            name: "simulation".into(),
            time_ms: GENESIS_MS,
            devnet: true,
            permissioned: groups.iter().any(|group| group.engine == EngineKind::Raft),
            validators: (0..self.nodes).map(validator).collect(),
            followers: Vec::new(),
            operators: self.operators(),
            groups,
            balances: Vec::new(),
            parameters: self.timetabled_parameters().unwrap_or_else(|| self.parameters()),
        };
        let clients = self.groups().flat_map(|group| self.client_keys(&genesis, group));
        let balance = |key: SecretKey| GenesisBalance { account: Account(key.public()), balance: BALANCE };
        genesis.balances = clients.map(balance).collect();
        genesis
    }
}

fn named_hash(name: &str, place: usize) -> Hash {
    sha256(&[b"witan simulation", name.as_bytes(), &(place as u64).to_le_bytes()])
}

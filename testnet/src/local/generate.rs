//! A network's files: keys, genesis, homes. The same seed gives the same chain.

use super::description::{self, AccountEntry, Description, GroupEntry, NodeEntry, to_json, write_private};
use super::error::LocalError;
use super::ports;
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use witan_types::committee::MAX_VALIDATORS;
use witan_types::genesis::{
    GenesisBalance, GenesisGroup, GenesisValidator, MAX_GROUPS, Operators, Parameters,
};
use witan_types::{Account, EngineKind, FaultModel, Genesis, GroupId, Hash, NodeId, SecretKey, sha256};

/// What each development account has at genesis.
pub const BALANCE: u128 = 1_000_000_000;
/// The most groups that hold keys.
const MAX_SHARDS: usize = MAX_GROUPS - 1;
/// The most development accounts.
const MAX_ACCOUNTS: usize = 10_000;
/// How many of the development accounts are operators too.
const OPERATORS: usize = 3;
/// The most characters of a network's name, which is a folder's name too.
const MAX_NAME: usize = 64;
/// Nodes that a permissioned network's genesis lists beside its validators, so that they can be added later.
const SPARES: usize = 8;
/// The time of a seeded network's genesis (2026-01-01): a clock would make each run another chain.
const SEEDED_TIME_MS: u64 = 1_767_225_600_000;
/// A view must outlast several blocks, or a slow pace would look like a dead leader.
const BLOCKS_PER_TIMEOUT: u64 = 4;

/// What network to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The folder that holds networks.
    pub dir: PathBuf,
    /// The network's name: letters, digits, `-` and `_`.
    pub name: String,
    /// How many validators.
    pub validators: usize,
    /// Their engine, in every group that `group_engines` does not name.
    pub engine: EngineKind,
    /// How many groups hold keys, beside the root group.
    pub shards: u32,
    /// The engines of single groups.
    pub group_engines: BTreeMap<GroupId, EngineKind>,
    /// The members of single groups, by the places of their nodes, ascending; all validators are members of any other.
    pub group_nodes: BTreeMap<GroupId, Vec<u16>>,
    /// Where all keys come from: the same seed gives the same chain. None draws them at random.
    pub seed: Option<u64>,
    /// Node i has ports from here plus 10 i; 0 takes free ones.
    pub port_base: u16,
    /// The least time between blocks.
    pub block_time: Duration,
    /// How many development accounts.
    pub accounts: usize,
    /// Whether only listed nodes may connect: the validators, and a few that [`super::Network::add_follower`] makes.
    pub permissioned: bool,
}

impl Default for Spec {
    fn default() -> Spec {
        Spec {
            dir: PathBuf::from(".witan"),
            name: "local".into(),
            validators: 4,
            engine: EngineKind::HotStuff,
            shards: 1,
            group_engines: BTreeMap::new(),
            group_nodes: BTreeMap::new(),
            seed: None,
            port_base: 27_000,
            block_time: Duration::ZERO,
            accounts: 10,
            permissioned: false,
        }
    }
}

/// Where keys come from: a root, and a name for each.
struct KeySource {
    root: [u8; 32],
}

impl KeySource {
    fn new(seed: Option<u64>) -> KeySource {
        let root = seed.map(|seed| sha256(&[b"witan testnet", &seed.to_le_bytes()]).0);
        KeySource { root: root.unwrap_or_else(rand::random) }
    }

    fn key(&self, purpose: &str, place: usize) -> SecretKey {
        SecretKey::from_seed(sha256(&[&self.root, purpose.as_bytes(), b" ", place.to_string().as_bytes()]).0)
    }
}

/// The keys of one node to be.
struct NodeKeys {
    node: SecretKey,
    validator: Option<SecretKey>,
}

/// Makes all files of the network in `folder`. What is there before a failure is not taken for a network: the
/// description comes last.
pub(super) fn generate(spec: &Spec, folder: &Path) -> Result<Description, LocalError> {
    check(spec)?;
    if description::path(folder).exists() {
        return Err(LocalError::Exists { folder: folder.to_owned() });
    }
    let keys = KeySource::new(spec.seed);
    let ports = ports::assign(spec.port_base, spec.validators)?;
    let nodes: Vec<NodeKeys> = (0..spec.validators)
        .map(|place| NodeKeys {
            node: keys.key("node", place),
            validator: Some(keys.key("validator", place)),
        })
        .collect();
    let accounts: Vec<SecretKey> = (0..spec.accounts).map(|place| keys.key("account", place)).collect();
    let spares: Vec<(usize, SecretKey)> = (spec.validators..spec.validators + spares(spec))
        .map(|place| (place, keys.key("node", place)))
        .collect();
    let genesis = genesis(spec, &nodes, &spares, &accounts)?;
    make_folder(folder)?;
    let root = super::absolute(folder)?;
    let mut description = describe(spec, &genesis, &accounts);
    for (place, (keys, ports)) in nodes.iter().zip(ports).enumerate() {
        description.nodes.push(entry(&root, place, keys, ports));
    }
    let genesis_text = to_json(&genesis, folder)?;
    write_private(&folder.join("genesis.json"), &genesis_text)?;
    for (node, keys) in description.nodes.iter().zip(&nodes) {
        write_home(node, keys, &description.nodes, &genesis_text)?;
    }
    if !spares.is_empty() {
        make_folder(&spare_folder(folder))?;
    }
    for (place, key) in &spares {
        write_key(&spare_key(folder, *place), key)?;
    }
    description.write(folder)?;
    Ok(description)
}

fn spares(spec: &Spec) -> usize {
    if spec.permissioned { SPARES } else { 0 }
}

fn spare_folder(folder: &Path) -> PathBuf {
    folder.join("spare")
}

/// The identity of a node that genesis lists and that is not there yet.
fn spare_key(folder: &Path, place: usize) -> PathBuf {
    spare_folder(folder).join(format!("n{place}.key"))
}

/// Makes the home of one more node, which follows without a vote, and writes it down.
pub(super) fn add_follower(folder: &Path, description: &mut Description) -> Result<NodeEntry, LocalError> {
    let place = description.nodes.len();
    let first = description.nodes.iter().map(|node| node.ports).max();
    let wanted = first.and_then(|[p2p, ..]| p2p.checked_add(10)).map(|p2p| [p2p, p2p + 1, p2p + 2]);
    let ports = match wanted.filter(|ports| ports.iter().all(|port| ports::is_free(*port))) {
        Some(ports) => ports,
        None => ports::assign(0, 1)?.into_iter().next().ok_or(LocalError::NoPorts { wanted: 3 })?,
    };
    let genesis_path = folder.join("genesis.json");
    let text = std::fs::read_to_string(&genesis_path).map_err(LocalError::file("read", &genesis_path))?;
    let keys = NodeKeys { node: follower_key(folder, place, &genesis_path, &text)?, validator: None };
    let node = entry(folder, place, &keys, ports);
    write_home(&node, &keys, &description.nodes, &text)?;
    description.nodes.push(node.clone());
    description.write(folder)?;
    Ok(node)
}

/// The identity of one more node: a new one, or in a permissioned network one that genesis lists.
fn follower_key(folder: &Path, place: usize, path: &Path, genesis: &str) -> Result<SecretKey, LocalError> {
    let refuse = |why: String| LocalError::Description { path: path.to_owned(), why };
    let genesis: Genesis = serde_json::from_str(genesis).map_err(|error| refuse(error.to_string()))?;
    let Some(admitted) = genesis.admitted() else { return Ok(SecretKey::from_seed(rand::random())) };
    let no_spare = || LocalError::NoSpare { node: format!("n{place}") };
    let file = std::fs::read_to_string(spare_key(folder, place)).map_err(|_| no_spare())?;
    let file: serde_json::Value = serde_json::from_str(&file).map_err(|error| refuse(error.to_string()))?;
    let seed = file.get("seed").and_then(|seed| seed.as_str()).and_then(|seed| seed.parse::<Hash>().ok());
    let key = seed.map(|seed| SecretKey::from_seed(seed.0));
    key.filter(|key| admitted.contains(&node_id(key))).ok_or_else(no_spare)
}

fn check(spec: &Spec) -> Result<(), LocalError> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if spec.name.is_empty() || spec.name.len() > MAX_NAME || !spec.name.chars().all(plain) {
        let rule = format!("1 to {MAX_NAME} letters, digits, - and _");
        return Err(LocalError::Spec(format!("{:?} is no name of a network: {rule}", spec.name)));
    }
    if !(1..=MAX_VALIDATORS).contains(&spec.validators) {
        return Err(LocalError::Spec(format!(
            "{} validators: 1 to {MAX_VALIDATORS} are possible",
            spec.validators
        )));
    }
    if spec.accounts > MAX_ACCOUNTS {
        return Err(LocalError::Spec(format!(
            "{} accounts: at most {MAX_ACCOUNTS} are possible",
            spec.accounts
        )));
    }
    check_groups(spec)
}

fn check_groups(spec: &Spec) -> Result<(), LocalError> {
    if !usize::try_from(spec.shards).is_ok_and(|shards| (1..=MAX_SHARDS).contains(&shards)) {
        return Err(LocalError::Spec(format!("{} groups: 1 to {MAX_SHARDS} are possible", spec.shards)));
    }
    let named = spec.group_engines.keys().chain(spec.group_nodes.keys());
    if let Some(group) = named.filter(|group| group.0 > spec.shards).min() {
        return Err(LocalError::Spec(format!(
            "there is no group {group}: they are 0 (root) to {}",
            spec.shards
        )));
    }
    spec.group_nodes.iter().try_for_each(|(group, places)| check_members(spec, *group, places))?;
    let trusting = groups(spec).into_iter().find(|group| group.engine.faults() == FaultModel::Crash);
    match trusting.filter(|_| !spec.permissioned) {
        Some(group) => Err(LocalError::NeedsPermission(group.engine)),
        None => Ok(()),
    }
}

fn check_members(spec: &Spec, group: GroupId, places: &[u16]) -> Result<(), LocalError> {
    if group == GroupId(0) {
        return Err(LocalError::Spec("every validator is a member of the root group".into()));
    }
    if let Some(place) = places.iter().find(|place| usize::from(**place) >= spec.validators) {
        let last = spec.validators.saturating_sub(1);
        return Err(LocalError::Spec(format!(
            "group {group} has n{place}: the validators are n0 to n{last}"
        )));
    }
    let ascending = places.iter().zip(places.iter().skip(1)).all(|(one, next)| one < next);
    if places.is_empty() || !ascending {
        return Err(LocalError::Spec(format!("group {group} needs members, each named once")));
    }
    Ok(())
}

fn genesis(
    spec: &Spec,
    nodes: &[NodeKeys],
    spares: &[(usize, SecretKey)],
    accounts: &[SecretKey],
) -> Result<Genesis, LocalError> {
    let validator = |(place, keys): (usize, &NodeKeys)| {
        let key = keys.validator.as_ref()?.public();
        Some(GenesisValidator { name: format!("n{place}"), key, node: node_id(&keys.node) })
    };
    let balance =
        |account: &SecretKey| GenesisBalance { account: Account(account.public()), balance: BALANCE };
    let genesis = Genesis {
        name: spec.name.clone(),
        time_ms: if spec.seed.is_some() { SEEDED_TIME_MS } else { now_ms() },
        devnet: true,
        permissioned: spec.permissioned,
        validators: nodes.iter().enumerate().filter_map(validator).collect(),
        followers: spares.iter().map(|(_, key)| node_id(key)).collect(),
        operators: operators(accounts),
        groups: groups(spec),
        balances: accounts.iter().map(balance).collect(),
        parameters: parameters(spec.block_time),
    };
    genesis.check()?;
    Ok(genesis)
}

/// The first development accounts, a majority of which may change the configuration.
fn operators(accounts: &[SecretKey]) -> Operators {
    let accounts: Vec<Account> =
        accounts.iter().take(OPERATORS).map(|account| Account(account.public())).collect();
    let threshold = if accounts.is_empty() { 0 } else { accounts.len() / 2 + 1 };
    Operators { threshold: u16::try_from(threshold).unwrap_or(u16::MAX), accounts }
}

/// The root group and those that hold keys.
fn groups(spec: &Spec) -> Vec<GenesisGroup> {
    let group = |id| GenesisGroup {
        id,
        engine: spec.group_engines.get(&id).copied().unwrap_or(spec.engine),
        members: spec.group_nodes.get(&id).cloned(),
    };
    (0..=spec.shards).map(GroupId).map(group).collect()
}

/// The numbers of a network with this least time between blocks.
pub(crate) fn parameters(block_time: Duration) -> Parameters {
    let defaults = Parameters::default();
    let block_time_ms = u64::try_from(block_time.as_millis()).unwrap_or(u64::MAX);
    let base_timeout_ms = defaults.base_timeout_ms.max(block_time_ms.saturating_mul(BLOCKS_PER_TIMEOUT));
    let max_timeout_ms = defaults.max_timeout_ms.max(base_timeout_ms);
    Parameters { block_time_ms, base_timeout_ms, max_timeout_ms, ..defaults }
}

fn describe(spec: &Spec, genesis: &Genesis, accounts: &[SecretKey]) -> Description {
    let account = |secret: &SecretKey| AccountEntry {
        address: Account(secret.public()).to_string(),
        secret: Hash(secret.seed()).to_string(),
    };
    let group = |group: &GenesisGroup| GroupEntry {
        id: group.id.0,
        engine: group.engine,
        faults: group.engine.faults(),
        validators: genesis.members(group.id).into_iter().map(|member| member.name.clone()).collect(),
    };
    Description {
        name: spec.name.clone(),
        chain: genesis.chain().to_string(),
        nodes: Vec::new(),
        accounts: accounts.iter().map(account).collect(),
        groups: genesis.groups.iter().map(group).collect(),
        twins: Vec::new(),
    }
}

fn entry(folder: &Path, place: usize, keys: &NodeKeys, ports: [u16; 3]) -> NodeEntry {
    let name = format!("n{place}");
    let identity = node_id(&keys.node).to_string();
    NodeEntry { validator: keys.validator.is_some(), ..entry_at(folder.join(&name), name, identity, ports) }
}

/// A node without a vote, with its home and ports.
pub(super) fn entry_at(home: PathBuf, name: String, node_id: String, ports: [u16; 3]) -> NodeEntry {
    let [p2p, rpc, metrics] = ports;
    NodeEntry {
        home,
        name,
        rpc: format!("http://127.0.0.1:{rpc}"),
        ws: format!("ws://127.0.0.1:{rpc}/ws"),
        p2p: format!("127.0.0.1:{p2p}"),
        metrics: format!("http://127.0.0.1:{metrics}/metrics"),
        node_id,
        validator: false,
        pid: None,
        start_time: None,
        ports,
    }
}

/// The home of the second process of a validator: its keys, its genesis, and the audience as peers.
pub(super) fn write_twin(
    twin: &NodeEntry,
    first: &NodeEntry,
    audience: &[NodeEntry],
) -> Result<(), LocalError> {
    for folder in [twin.home.clone(), twin.home.join("keys"), twin.home.join("data")] {
        make_folder(&folder)?;
    }
    for file in ["genesis.json", "keys/node.key", "keys/validator.key"] {
        let (from, to) = (first.home.join(file), twin.home.join(file));
        std::fs::copy(&from, &to).map_err(LocalError::file("copy", &from))?;
    }
    write_private(&twin.home.join("config.toml"), &config(twin, audience))
}

/// Writes a node's home, with every one of `nodes` but itself as a peer.
fn write_home(
    node: &NodeEntry,
    keys: &NodeKeys,
    nodes: &[NodeEntry],
    genesis: &str,
) -> Result<(), LocalError> {
    for folder in [node.home.clone(), node.home.join("keys"), node.home.join("data")] {
        make_folder(&folder)?;
    }
    write_private(&node.home.join("genesis.json"), genesis)?;
    write_private(&node.home.join("config.toml"), &config(node, nodes))?;
    write_key(&node.home.join("keys/node.key"), &keys.node)?;
    match &keys.validator {
        Some(secret) => write_key(&node.home.join("keys/validator.key"), secret),
        None => Ok(()),
    }
}

/// A key file in plain, as the node reads it.
fn write_key(path: &Path, secret: &SecretKey) -> Result<(), LocalError> {
    let file = serde_json::json!({
        "scheme": "ed25519",
        "public": Hash(secret.public().0).to_string(),
        "seed": Hash(secret.seed()).to_string(),
    });
    write_private(path, &to_json(&file, path)?)
}

fn config(node: &NodeEntry, nodes: &[NodeEntry]) -> String {
    let peers: String = nodes
        .iter()
        .filter(|peer| peer.name != node.name)
        .map(|peer| format!("    \"{}@{}\",\n", peer.node_id, peer.p2p))
        .collect();
    let [p2p, rpc, metrics] = node.ports;
    format!(
        "# Node {name} of a local network. `witan init` writes a file with every setting explained.\n\
         [node]\nname = \"{name}\"\n\n\
         [p2p]\nlisten = \"127.0.0.1:{p2p}\"\npeers = [\n{peers}]\n\n\
         [rpc]\nlisten = \"127.0.0.1:{rpc}\"\n\n\
         [metrics]\nlisten = \"127.0.0.1:{metrics}\"\n\n\
         [log]\nformat = \"human\"\n",
        name = node.name,
    )
}

fn node_id(key: &SecretKey) -> NodeId {
    NodeId(Hash(key.public().0))
}

fn make_folder(path: &Path) -> Result<(), LocalError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(LocalError::file("make", path))
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

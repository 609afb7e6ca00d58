use super::*;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;
use witan_types::{Account, EngineKind, Genesis, GroupId, SecretKey};

/// Twice the three ports of four nodes, in a range that nothing else here uses.
const SOME_BASE: u16 = 19_000;

fn spec(folder: &tempfile::TempDir) -> Spec {
    Spec { dir: folder.path().to_owned(), seed: Some(7), port_base: 0, ..Spec::default() }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn genesis(network: &Network) -> Genesis {
    serde_json::from_str(&std::fs::read_to_string(network.genesis_path()).unwrap()).unwrap()
}

/// A program that takes a node's arguments and does nothing until it is told to stop.
fn stand_in(folder: &tempfile::TempDir, script: &str) -> std::path::PathBuf {
    let path = folder.path().join("stand-in");
    // Another process writes it: a copy of a descriptor of ours, in a child that another test starts at this moment,
    // would keep the file open for writing, and such a file can't be run.
    let write = "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod 755 \"$1\"";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", write, "sh"]).arg(&path).arg(script);
    assert!(shell.status().unwrap().success());
    path
}

fn running(folder: &tempfile::TempDir) -> Network {
    let binary = stand_in(folder, "exec sleep 600");
    let mut network = Network::create(&spec(folder)).unwrap().with_binary(binary);
    network.start_all().unwrap();
    network
}

#[test]
fn the_genesis_is_valid_and_agrees_with_the_description() {
    let folder = folder();
    let network = Network::create(&spec(&folder)).unwrap();
    let (genesis, description) = (genesis(&network), network.description());
    genesis.check().unwrap();
    assert!(genesis.devnet);
    assert_eq!(description.chain, genesis.chain().to_string());
    assert_eq!(genesis.groups.iter().map(|group| group.id).collect::<Vec<_>>(), [GroupId(0), GroupId(1)]);
    assert_eq!(description.groups[1].validators, ["n0", "n1", "n2", "n3"]);
    for (node, validator) in description.nodes.iter().zip(&genesis.validators) {
        assert_eq!((&node.name, &node.node_id), (&validator.name, &validator.node.to_string()));
    }
}

#[test]
fn every_account_is_funded_and_its_secret_is_its_own() {
    let folder = folder();
    let network = Network::create(&Spec { accounts: 3, ..spec(&folder) }).unwrap();
    let balances = genesis(&network).balances;
    assert_eq!(balances.len(), 3);
    for (account, balance) in network.description().accounts.iter().zip(balances) {
        let seed = account.secret.parse::<witan_types::Hash>().unwrap().0;
        assert_eq!(Account(SecretKey::from_seed(seed).public()).to_string(), account.address);
        assert_eq!((balance.account.to_string(), balance.balance), (account.address.clone(), BALANCE));
    }
}

#[test]
fn the_same_seed_makes_the_same_chain_and_no_seed_another_each_time() {
    let chain = |seed| {
        let folder = folder();
        Network::create(&Spec { seed, ..spec(&folder) }).unwrap().description().chain.clone()
    };
    assert_eq!(chain(Some(1)), chain(Some(1)));
    let all: BTreeSet<String> = [chain(Some(1)), chain(Some(2)), chain(None), chain(None)].into();
    assert_eq!(all.len(), 4);
}

#[test]
fn given_ports_are_ten_apart_and_free_ones_all_different() {
    let folder = folder();
    let fixed = Network::create(&Spec { port_base: SOME_BASE, ..spec(&folder) }).unwrap();
    assert_eq!(fixed.description().nodes[2].ports, [SOME_BASE + 20, SOME_BASE + 21, SOME_BASE + 22]);
    assert_eq!(fixed.description().nodes[2].rpc, format!("http://127.0.0.1:{}", SOME_BASE + 21));
    let free = Network::create(&Spec { name: "free".into(), ..spec(&folder) }).unwrap();
    let ports: BTreeSet<u16> = free.description().nodes.iter().flat_map(|node| node.ports).collect();
    assert_eq!(ports.len(), 12);
    let again = Network::open(folder.path(), "free").unwrap();
    assert_eq!(again.description(), free.description());
}

#[test]
fn a_node_gets_its_keys_and_every_other_node_as_a_peer() {
    let folder = folder();
    let network = Network::create(&spec(&folder)).unwrap();
    let node = network.node("n1").unwrap();
    let config = std::fs::read_to_string(node.home.join("config.toml")).unwrap();
    for other in &network.description().nodes {
        let line = format!("\"{}@{}\"", other.node_id, other.p2p);
        assert_eq!(config.contains(&line), other.name != "n1");
    }
    for key in ["keys/node.key", "keys/validator.key"] {
        assert_eq!(std::fs::metadata(node.home.join(key)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_follower_has_no_validator_key_and_is_no_validator() {
    let folder = folder();
    let mut network = Network::create(&spec(&folder)).unwrap();
    let name = network.add_follower().unwrap();
    assert_eq!(name, "n4");
    let node = network.node("n4").unwrap();
    assert!(!node.validator && !node.home.join("keys/validator.key").exists());
    assert!(node.home.join("keys/node.key").exists());
    assert_eq!(Network::open(folder.path(), "local").unwrap().description(), network.description());
    assert_eq!(network.description().groups[1].validators.len(), 4);
}

#[test]
fn followers_of_a_permissioned_network_are_those_that_its_genesis_lists() {
    let folder = folder();
    let mut network = Network::create(&Spec { permissioned: true, ..spec(&folder) }).unwrap();
    let genesis = genesis(&network);
    genesis.check().unwrap();
    for follower in &genesis.followers {
        let name = network.add_follower().unwrap();
        assert_eq!(network.node(&name).unwrap().node_id, follower.to_string());
        assert!(network.node(&name).unwrap().home.join("keys/node.key").exists());
    }
    let next = format!("n{}", genesis.validators.len() + genesis.followers.len());
    let text = network.add_follower().unwrap_err().to_string();
    assert!(text.starts_with(&next) && text.contains("no spare one left"), "{text}");
}

#[test]
fn a_group_is_described_with_what_its_members_are_trusted_with() {
    for engine in EngineKind::ALL {
        let folder = folder();
        let network = Network::create(&Spec { engine, permissioned: true, ..spec(&folder) }).unwrap();
        let text = std::fs::read_to_string(network.description_path()).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = if engine == EngineKind::Raft { "crash" } else { "byzantine" };
        assert_eq!(json["groups"][1]["engine"], engine.to_string());
        assert_eq!(json["groups"][1]["faults"], expected);
    }
}

#[test]
fn each_group_gets_the_engine_that_is_named_for_it_or_that_of_all() {
    let folder = folder();
    let group_engines = [(GroupId(0), EngineKind::Pbft), (GroupId(2), EngineKind::Pbft)].into();
    let network = Network::create(&Spec { shards: 3, group_engines, ..spec(&folder) }).unwrap();
    let groups = genesis(&network).groups;
    let engines: Vec<EngineKind> = groups.iter().map(|group| group.engine).collect();
    assert_eq!(engines, [EngineKind::Pbft, EngineKind::HotStuff, EngineKind::Pbft, EngineKind::HotStuff]);
    assert_eq!(network.description().groups.iter().map(|group| group.id).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn a_group_has_the_members_that_are_named_for_it_or_all() {
    let folder = folder();
    let group_nodes = [(GroupId(1), vec![0, 1, 2]), (GroupId(2), vec![3])].into();
    let network = Network::create(&Spec { shards: 3, group_nodes, ..spec(&folder) }).unwrap();
    let genesis = genesis(&network);
    genesis.check().unwrap();
    let names = |group: u32| network.description().groups[group as usize].validators.clone();
    let all = ["n0", "n1", "n2", "n3"];
    assert_eq!((names(1), names(2)), (all[..3].iter().map(ToString::to_string).collect(), vec!["n3".into()]));
    assert_eq!((names(0), names(3)), (all.map(String::from).to_vec(), all.map(String::from).to_vec()));
    assert_eq!(genesis.committee(GroupId(1)).unwrap().validators().count(), 3);
    assert_eq!(network.description().member(GroupId(2), witan_types::ValidatorIndex(0)), Some("n3"));
}

#[test]
fn a_slow_block_time_gets_time_outs_that_outlast_it() {
    let folder = folder();
    let slow = Spec { block_time: Duration::from_secs(20), ..spec(&folder) };
    let parameters = genesis(&Network::create(&slow).unwrap()).parameters;
    assert_eq!(parameters.block_time_ms, 20_000);
    assert!(parameters.base_timeout_ms > 2 * parameters.block_time_ms);
}

#[test]
fn what_can_not_be_is_refused_with_the_next_step() {
    let folder = folder();
    let refusal = |spec: Spec| Network::create(&spec).unwrap_err().to_string();
    let text = refusal(Spec { engine: EngineKind::Raft, ..spec(&folder) });
    assert!(text.starts_with("raft trusts its members") && text.contains("add --permissioned"), "{text}");
    let raft = [(GroupId(1), EngineKind::Raft)].into();
    assert_eq!(refusal(Spec { group_engines: raft, ..spec(&folder) }), text);
    let beyond = [(GroupId(2), EngineKind::Pbft)].into();
    assert!(refusal(Spec { group_engines: beyond, ..spec(&folder) }).contains("there is no group 2"));
    let refused = |group, places: &[u16]| {
        refusal(Spec { group_nodes: [(GroupId(group), places.to_vec())].into(), ..spec(&folder) })
    };
    assert!(refused(2, &[0]).contains("there is no group 2"));
    assert!(refused(0, &[0]).contains("root group"));
    assert!(refused(1, &[0, 4]).contains("has n4: the validators are n0 to n3"));
    assert!(refused(1, &[]).contains("needs members") && refused(1, &[1, 1]).contains("each named once"));
    for shards in [0, 65] {
        assert!(refusal(Spec { shards, ..spec(&folder) }).contains("1 to 64 are possible"));
    }
    assert!(refusal(Spec { validators: 0, ..spec(&folder) }).contains("0 validators"));
    assert!(refusal(Spec { name: "../x".into(), ..spec(&folder) }).contains("no name of a network"));
    assert!(refusal(Spec { port_base: 65_530, ..spec(&folder) }).contains("above 65535"));
    Network::create(&spec(&folder)).unwrap();
    assert!(refusal(spec(&folder)).contains("--reset"));
    let text = Network::open(folder.path(), "other").unwrap_err().to_string();
    assert!(text.contains("witan testnet up"), "{text}");
}

#[tokio::test]
async fn nodes_run_until_down_and_down_leaves_none() {
    let folder = folder();
    let mut network = running(&folder);
    let pids: BTreeSet<u32> = network.node_names().iter().map(|name| network.pid(name).unwrap()).collect();
    assert_eq!(pids.len(), 4);
    network.down().await.unwrap();
    for name in network.node_names() {
        assert!(!network.is_running(&name) && network.node(&name).unwrap().pid.is_none());
    }
    assert!(pids.iter().all(|pid| !std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists()));
}

#[tokio::test]
async fn starting_what_runs_changes_nothing_and_a_restart_is_another_process() {
    let folder = folder();
    let mut network = running(&folder);
    let before = network.pid("n0");
    network.start("n0").unwrap();
    assert_eq!(network.pid("n0"), before);
    network.restart("n0").await.unwrap();
    assert!(network.pid("n0").is_some() && network.pid("n0") != before);
    network.kill_all().await.unwrap();
    assert!(network.node_names().iter().all(|name| !network.is_running(name)));
}

#[tokio::test]
async fn another_command_sees_the_same_processes_and_may_stop_them() {
    let folder = folder();
    let mut network = running(&folder);
    let mut other = Network::open(folder.path(), "local").unwrap();
    assert_eq!(other.pid("n2"), network.pid("n2"));
    other.down().await.unwrap();
    assert!(!network.is_running("n2"));
    network.refresh().unwrap();
    assert_eq!(network.description(), other.description());
}

#[tokio::test]
async fn a_stranger_with_a_recorded_process_id_is_not_touched() {
    let folder = folder();
    let mut network = Network::create(&spec(&folder)).unwrap();
    let mut stranger = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let path = network.description_path();
    let mut description = network.description().clone();
    description.nodes[0].pid = Some(stranger.id());
    description.nodes[0].start_time = Some(1);
    std::fs::write(path, serde_json::to_string(&description).unwrap()).unwrap();
    network.down().await.unwrap();
    assert!(stranger.try_wait().unwrap().is_none());
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named_before_anything_starts() {
    let folder = folder();
    let mut network =
        Network::create(&spec(&folder)).unwrap().with_binary(stand_in(&folder, "exec sleep 600"));
    let port = network.node("n0").unwrap().ports[1];
    let _listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let text = network.start("n0").unwrap_err().to_string();
    assert!(text.contains(&port.to_string()) && text.contains("--port-base 0"), "{text}");
    assert!(!network.is_running("n0"));
}

#[tokio::test]
async fn waiting_for_a_node_that_ends_shows_the_end_of_its_log() {
    let folder = folder();
    let binary = stand_in(&folder, "sleep 0.2; echo the disk is on fire >&2; exit 1");
    let mut network = Network::create(&spec(&folder)).unwrap().with_binary(binary);
    network.start_all().unwrap();
    let text = network.wait_ready(Duration::from_secs(60)).await.unwrap_err().to_string();
    assert!(text.contains("ended by itself") && text.contains("the disk is on fire"), "{text}");
}

#[tokio::test]
async fn a_reset_removes_the_network_and_nothing_that_is_none() {
    let folder = folder();
    let network = running(&folder);
    let pid = network.pid("n3").unwrap();
    Network::reset(folder.path(), "local").await.unwrap();
    assert!(!Network::exists(folder.path(), "local"));
    assert!(!std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists());
    let precious = folder.path().join("precious");
    std::fs::create_dir(&precious).unwrap();
    Network::reset(folder.path(), "precious").await.unwrap();
    assert!(precious.exists());
}

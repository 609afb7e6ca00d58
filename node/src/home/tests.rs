use super::*;
use std::os::unix::fs::PermissionsExt as _;
use witan_types::genesis::{GenesisGroup, GenesisValidator, Operators, Parameters};
use witan_types::{EngineKind, GroupId, Hash};

fn genesis(engine: EngineKind) -> Genesis {
    let key = keys::generate();
    Genesis {
        name: "test".into(),
        time_ms: 1,
        devnet: true,
        permissioned: true,
        validators: vec![GenesisValidator {
            name: "n0".into(),
            key: key.public(),
            node: NodeId(Hash(key.public().0)),
        }],
        followers: Vec::new(),
        operators: Operators::default(),
        groups: vec![
            GenesisGroup::of_all(GroupId(0), EngineKind::HotStuff),
            GenesisGroup::of_all(GroupId(1), engine),
        ],
        balances: Vec::new(),
        parameters: Parameters::default(),
    }
}

fn home() -> (tempfile::TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path().join("home"));
    home.create().unwrap();
    (folder, home)
}

fn write_genesis(home: &Home, genesis: &Genesis) {
    std::fs::write(home.genesis_path(), serde_json::to_string(genesis).unwrap()).unwrap();
}

#[test]
fn folders_are_for_their_owner_alone() {
    let (_folder, home) = home();
    for path in [home.root().to_owned(), home.keys_path(), home.data_path()] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

#[test]
fn a_second_process_is_told_who_has_the_data() {
    let (_folder, home) = home();
    let lock = home.lock().unwrap();
    let text = home.lock().unwrap_err().to_string();
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    drop(lock);
    home.lock().unwrap();
}

#[test]
fn a_home_without_keys_says_how_to_make_one() {
    let (_folder, home) = home();
    write_genesis(&home, &genesis(EngineKind::HotStuff));
    let text = home.require().unwrap_err().to_string();
    assert!(text.contains("keys/node.key is missing") && text.contains("witan init --home"), "{text}");
}

#[test]
fn a_node_without_a_validator_key_has_no_vote() {
    let (_folder, home) = home();
    keys::write_plain(&home.node_key_path(), &keys::generate()).unwrap();
    let source = PasswordSource::File("/nonexistent".into());
    assert!(home.keys(&source).unwrap().validator.is_none());
    let secret = keys::generate();
    keys::write_plain(&home.validator_key_path(), &secret).unwrap();
    assert_eq!(home.keys(&source).unwrap().validator.unwrap().public(), secret.public());
}

#[test]
fn a_genesis_is_read_back_as_it_was_written() {
    let (_folder, home) = home();
    let written = genesis(EngineKind::HotStuff);
    write_genesis(&home, &written);
    assert_eq!(home.genesis().unwrap(), written);
}

#[test]
fn every_engine_is_taken_and_raft_only_in_a_permissioned_network() {
    let (_folder, home) = home();
    for engine in EngineKind::ALL {
        write_genesis(&home, &genesis(engine));
        assert_eq!(home.genesis().unwrap().engine(GroupId(1)), Some(engine));
    }
    write_genesis(&home, &Genesis { permissioned: false, ..genesis(EngineKind::Raft) });
    let text = home.genesis().unwrap_err().to_string();
    assert!(text.contains("group 1 runs raft") && text.contains(r#""permissioned": true"#), "{text}");
}

#[test]
fn a_genesis_with_an_unknown_field_is_refused_with_its_file() {
    let (_folder, home) = home();
    std::fs::write(home.genesis_path(), r#"{"nmae":"x"}"#).unwrap();
    let text = home.genesis().unwrap_err().to_string();
    assert!(text.contains("genesis.json is no genesis") && text.contains("nmae"), "{text}");
}

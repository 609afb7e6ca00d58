//! Genesis: it reads back as written, every rule is enforced at its edge, and every field is part of the chain's id.

use crate::samples::{account, genesis, hash, secret};
use std::collections::BTreeSet;
use witan_types::committee::MAX_VALIDATORS;
use witan_types::genesis::{
    GenesisBalance, GenesisGroup, GenesisValidator, MAX_FOLLOWERS, Operators, Parameters,
};
use witan_types::{Account, EngineKind, Epoch, FaultModel, Genesis, GenesisError, GroupId, NodeId, Payload};

fn changed(change: impl FnOnce(&mut Genesis)) -> Genesis {
    let mut genesis = genesis();
    change(&mut genesis);
    genesis
}

fn verdict(change: impl FnOnce(&mut Genesis)) -> Result<(), GenesisError> {
    changed(change).check()
}

#[test]
fn genesis_reads_back_as_it_was_written() {
    let genesis = genesis();
    assert_eq!(genesis.check(), Ok(()));
    let text = serde_json::to_string_pretty(&genesis).unwrap();
    let read: Genesis = serde_json::from_str(&text).unwrap();
    assert_eq!(read, genesis);
    assert_eq!(read.chain(), genesis.chain());
}

#[test]
fn genesis_is_written_with_names_that_users_meet() {
    let json = serde_json::to_value(genesis()).unwrap();
    assert_eq!(json["timeMs"], 1_700_000_000_000_u64);
    assert_eq!(json["validators"][0]["name"], "n0");
    let key = json["validators"][0]["key"].as_str().unwrap();
    assert_eq!(key, witan_types::Hash(secret(1).public().0).to_string());
    assert_eq!(json["groups"][0], serde_json::json!({"id": 0, "engine": "hotstuff"}));
    assert_eq!(json["groups"][1], serde_json::json!({"id": 1, "engine": "pbft"}));
    assert_eq!(json["balances"][0]["account"], account(11).to_string());
    assert_eq!(json["balances"][0]["balance"], "1000000", "a decimal string");
    assert_eq!(json["parameters"]["blockTimeMs"], 0);
}

#[test]
fn what_genesis_leaves_out_has_its_default() {
    let text = r#"{"name": "small", "timeMs": 1, "validators": [], "groups": [], "balances": []}"#;
    let small: Genesis = serde_json::from_str(text).unwrap();
    assert!(!small.devnet && !small.permissioned);
    assert_eq!(small.parameters, Parameters::default());
    let text = text.replace(r#""balances": []"#, r#""balances": [], "parameters": {"blockTimeMs": 5}"#);
    let slow: Genesis = serde_json::from_str(&text).unwrap();
    assert_eq!(slow.parameters, Parameters { block_time_ms: 5, ..Parameters::default() });
}

#[test]
fn a_misspelt_or_malformed_genesis_is_refused() {
    let refuses = |path: &[&str], value: serde_json::Value| {
        let mut json = serde_json::to_value(genesis()).unwrap();
        let (last, way) = path.split_last().unwrap();
        let place = way.iter().fold(&mut json, |json, step| match step.parse::<usize>() {
            Ok(index) => &mut json[index],
            Err(_) => &mut json[*step],
        });
        place[*last] = value.clone();
        assert!(serde_json::from_value::<Genesis>(json).is_err(), "{path:?} = {value}");
    };
    refuses(&["timeMS"], 1.into());
    refuses(&["validators", "0", "stake"], 1.into());
    refuses(&["groups", "0", "members"], 1.into());
    refuses(&["balances", "0", "amount"], 1.into());
    refuses(&["parameters", "blockTime"], 1.into());
    refuses(&["validators", "0", "key"], "0x12".into());
    refuses(&["validators", "0", "node"], "12".into());
    refuses(&["groups", "0", "engine"], "paxos".into());
    refuses(&["balances", "0", "account"], "witan1".into());
    refuses(&["balances", "0", "balance"], "-1".into());
    refuses(&["balances", "0", "balance"], "340282366920938463463374607431768211456".into());
    refuses(&["balances", "0", "balance"], 5.into());
}

#[test]
fn every_field_is_part_of_the_chain_id() {
    let changes: Vec<fn(&mut Genesis)> = vec![
        |_| {},
        |it| it.name.push('!'),
        |it| it.time_ms += 1,
        |it| it.devnet = false,
        |it| it.permissioned = true,
        |it| it.validators[1].name.push('!'),
        |it| it.validators[1].key = secret(9).public(),
        |it| it.validators[1].node = NodeId(hash("other")),
        |it| it.validators.swap(0, 1),
        |it| it.validators.truncate(3),
        |it| it.followers.push(NodeId(hash("follower"))),
        |it| it.groups[1].engine = EngineKind::HotStuff,
        |it| it.groups[1].id = GroupId(2),
        |it| it.groups.truncate(1),
        |it| it.balances[0].balance += 1,
        |it| it.balances[0].account = account(9),
        |it| it.balances.truncate(1),
        |it| it.parameters.block_time_ms += 1,
        |it| it.parameters.idle_interval_ms += 1,
        |it| it.parameters.base_timeout_ms += 1,
        |it| it.parameters.max_timeout_ms += 1,
        |it| it.parameters.max_tx_lifetime_ms += 1,
        |it| it.parameters.max_drift_ms += 1,
        |it| it.parameters.max_block_bytes += 1,
        |it| it.parameters.prepare_timeout_ms += 1,
        |it| it.parameters.read_timeout_ms += 1,
    ];
    let chains: BTreeSet<_> = changes.iter().map(|change| changed(change).chain()).collect();
    assert_eq!(chains.len(), changes.len());
}

fn with_validators(count: usize) -> Genesis {
    let validator = |place: usize| GenesisValidator {
        name: format!("n{place}"),
        key: secret(u8::try_from(place + 1).unwrap()).public(),
        node: NodeId(hash(&format!("node {place}"))),
    };
    changed(|it| it.validators = (0..count).map(validator).collect())
}

#[test]
fn one_to_128_validators_are_possible() {
    assert_eq!(with_validators(0).check(), Err(GenesisError::ValidatorCount(0)));
    assert_eq!(with_validators(1).check(), Ok(()));
    assert_eq!(with_validators(MAX_VALIDATORS).check(), Ok(()));
    assert_eq!(with_validators(MAX_VALIDATORS + 1).check(), Err(GenesisError::ValidatorCount(129)));
}

#[test]
fn validators_share_neither_key_nor_node() {
    let shared = Err(GenesisError::SharedKey("n1".into(), "n3".into()));
    assert_eq!(verdict(|it| it.validators[3].key = it.validators[1].key), shared);
    assert_eq!(verdict(|it| it.validators[3].node = it.validators[1].node), shared);
}

#[test]
fn followers_are_listed_once_and_only_where_they_need_to_be() {
    let (one, other) = (NodeId(hash("one")), NodeId(hash("other")));
    let listed = |followers: Vec<NodeId>| changed(|it| (it.permissioned, it.followers) = (true, followers));
    let good = listed(vec![one, other]);
    assert_eq!(good.check(), Ok(()));
    let nodes: Vec<NodeId> = good.validators.iter().map(|validator| validator.node).collect();
    assert_eq!(good.admitted(), Some([&nodes[..], &[one, other]].concat()));
    assert_eq!(genesis().admitted(), None, "an open network admits anyone");
    let text = serde_json::to_string(&good).unwrap();
    assert!(text.contains(&format!("\"followers\":[\"{one}\",\"{other}\"]")), "{text}");
    assert_eq!(serde_json::from_str::<Genesis>(&text).unwrap(), good);

    let refused = |genesis: Genesis| matches!(genesis.check(), Err(GenesisError::Followers(_)));
    assert!(refused(listed(vec![one, one])));
    assert!(refused(listed(vec![nodes[2]])), "a validator's node");
    assert!(refused(listed(vec![one; MAX_FOLLOWERS + 1])));
    assert!(refused(changed(|it| it.followers = vec![one])), "anyone may follow an open network");
}

#[test]
fn operators_are_listed_once_and_can_agree() {
    let with =
        |accounts: Vec<Account>, threshold| verdict(|it| it.operators = Operators { accounts, threshold });
    let refused = |found| matches!(found, Err(GenesisError::Operators(_)));
    let three: Vec<Account> = (21..24).map(account).collect();
    assert_eq!(with(Vec::new(), 0), Ok(()), "nobody can change anything");
    for threshold in 1..=3 {
        assert_eq!(with(three.clone(), threshold), Ok(()));
    }
    assert!(refused(with(three.clone(), 0)), "anything would be approved");
    assert!(refused(with(three.clone(), 4)), "nothing could be");
    assert!(refused(with(Vec::new(), 1)));
    assert!(refused(with([&three[..], &three[..1]].concat(), 2)), "one would count twice");
    assert!(refused(with((0..65).map(account).collect(), 1)));
    let text = serde_json::to_string(&changed(|it| it.operators.accounts = three[..1].to_vec())).unwrap();
    assert!(text.contains(&format!("\"operators\":{{\"accounts\":[\"{}\"]", three[0])), "{text}");
}

#[test]
fn a_group_has_all_validators_or_those_that_are_listed() {
    let with = |id: usize, members: &[u16]| changed(|it| it.groups[id].members = Some(members.to_vec()));
    let good = with(1, &[1, 3]);
    assert_eq!(good.check(), Ok(()));
    let names: Vec<&str> = good.members(GroupId(1)).iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["n1", "n3"]);
    assert_eq!(good.committee(GroupId(1)).unwrap().size(), 2);
    assert_eq!(good.committee(GroupId(0)).unwrap().size(), 4, "all run the root group");
    assert!(good.members(GroupId(2)).is_empty() && good.committee(GroupId(2)).is_none());
    for bad in [&[][..], &[3, 1], &[1, 1], &[4], &[0, 4]] {
        assert_eq!(with(1, bad).check(), Err(GenesisError::Members(GroupId(1))), "{bad:?}");
    }
    assert_eq!(with(0, &[0, 1, 2, 3]).check(), Err(GenesisError::Members(GroupId(0))));
    let text = serde_json::to_string(&good).unwrap();
    assert_eq!(serde_json::from_str::<Genesis>(&text).unwrap(), good);
}

#[test]
fn engines_are_known_by_name_and_by_whether_their_members_are_trusted() {
    for engine in EngineKind::ALL {
        assert_eq!(engine.to_string().parse(), Ok(engine));
        assert_eq!(serde_json::to_value(engine).unwrap(), engine.to_string());
    }
    let why = "paxos".parse::<EngineKind>().unwrap_err().to_string();
    assert_eq!(why, "there is no engine \"paxos\": expected hotstuff, pbft or raft");
    assert_eq!(EngineKind::ALL.map(EngineKind::label), ["hotstuff", "pbft", "raft (crash)"]);
    assert_eq!(serde_json::to_value(EngineKind::Raft.faults()).unwrap(), "crash");
    assert_eq!(serde_json::to_value(EngineKind::Pbft.faults()).unwrap(), "byzantine");
}

#[test]
fn groups_are_the_root_and_the_next_numbers_in_order() {
    let with = |ids: &[u32]| {
        let group = |id: &u32| GenesisGroup::of_all(GroupId(*id), EngineKind::HotStuff);
        verdict(|it| it.groups = ids.iter().map(group).collect())
    };
    for good in [&[0, 1][..], &[0, 1, 2], &[0, 1, 2, 3, 4]] {
        assert_eq!(with(good), Ok(()), "{good:?}");
    }
    for bad in [&[][..], &[0], &[1], &[1, 2], &[1, 0], &[0, 2], &[0, 0], &[0, 1, 1], &[0, 1, u32::MAX]] {
        assert_eq!(with(bad), Err(GenesisError::Groups), "{bad:?}");
    }
    let many: Vec<u32> = (0..=65).collect();
    assert_eq!(with(&many[..65]), Ok(()));
    assert_eq!(with(&many), Err(GenesisError::Groups));
}

#[test]
fn raft_needs_a_permissioned_network() {
    for place in [0, 1] {
        let raft = changed(|it| it.groups[place].engine = EngineKind::Raft);
        assert_eq!(raft.check(), Err(GenesisError::RaftNeedsPermission(raft.groups[place].id)));
        assert_eq!(Genesis { permissioned: true, ..raft }.check(), Ok(()));
    }
}

#[test]
fn an_account_is_listed_once_and_all_balances_fit_128_bits() {
    let total: u128 = genesis().balances.iter().map(|entry| entry.balance).sum();
    assert_eq!(total, u128::MAX, "the sample is at the edge");
    let refused = |change: fn(&mut Genesis)| matches!(verdict(change), Err(GenesisError::Balances(_)));
    assert!(refused(|it| it.balances[0].balance += 1));
    assert!(refused(|it| it.balances.push(GenesisBalance { account: account(11), balance: 0 })));
    assert_eq!(verdict(|it| it.balances.clear()), Ok(()));
}

#[test]
fn every_parameter_is_judged_at_its_edge() {
    type Change = fn(&mut Parameters);
    let judge = |change: Change| verdict(|it| change(&mut it.parameters));
    let rules: [(&str, Change, Change); 12] = [
        ("baseTimeoutMs", |it| it.base_timeout_ms = 10, |it| it.base_timeout_ms = 9),
        ("maxTimeoutMs", |it| it.max_timeout_ms = 1_000, |it| it.max_timeout_ms = 999),
        ("maxTimeoutMs", |it| it.max_timeout_ms = 3_600_000, |it| it.max_timeout_ms = 3_600_001),
        ("idleIntervalMs", |it| it.idle_interval_ms = 100, |it| it.idle_interval_ms = 99),
        ("blockTimeMs", |it| it.block_time_ms = 500, |it| it.block_time_ms = 501),
        ("maxTxLifetimeMs", |it| it.max_tx_lifetime_ms = 1_000, |it| it.max_tx_lifetime_ms = 999),
        ("maxBlockBytes", |it| it.max_block_bytes = 262_144, |it| it.max_block_bytes = 262_143),
        ("maxBlockBytes", |it| it.max_block_bytes = 1_048_576, |it| it.max_block_bytes = 1_048_577),
        ("prepareTimeoutMs", |it| it.prepare_timeout_ms = 1_000, |it| it.prepare_timeout_ms = 9),
        ("prepareTimeoutMs", |it| it.prepare_timeout_ms = 3_600_000, |it| it.prepare_timeout_ms = 3_600_001),
        ("readTimeoutMs", |it| it.read_timeout_ms = 10, |it| it.read_timeout_ms = 9),
        ("readTimeoutMs", |it| it.read_timeout_ms = 5_000, |it| it.read_timeout_ms = 5_001),
    ];
    for (name, at_edge, beyond) in rules {
        assert_eq!(judge(at_edge), Ok(()), "{name}");
        match judge(beyond) {
            Err(GenesisError::Parameter(rule)) => assert!(rule.starts_with(name), "{rule}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_group_has_the_engine_the_committee_and_the_base_block_that_genesis_says() {
    let genesis = genesis();
    assert_eq!(genesis.engine(GroupId(1)), Some(EngineKind::Pbft));
    assert_eq!(genesis.engine(GroupId(2)), None);
    assert!(genesis.committee(GroupId(2)).is_none());
    let committee = genesis.committee(GroupId(1)).unwrap();
    assert_eq!((committee.size(), committee.quorum()), (4, 3));
    assert_eq!(EngineKind::Raft.faults(), FaultModel::Crash);
    let (root, user) = (genesis.base_header(GroupId(0)), genesis.base_header(GroupId(1)));
    assert_ne!(root.id(), user.id());
    assert_eq!((user.height, user.epoch, user.time_ms), (0, Epoch(1), genesis.time_ms));
    assert_eq!(user.payload_root, Payload::default().root());
}

#[test]
fn parameters_change_within_their_rules_except_those_of_a_whole_epoch() {
    let now = Parameters::default();
    let changed = |change: fn(&mut Parameters)| {
        let mut wanted = now.clone();
        change(&mut wanted);
        wanted.check_change(&now)
    };
    let free: [fn(&mut Parameters); 5] = [
        |it| it.block_time_ms = 500,
        |it| it.idle_interval_ms = 2_000,
        |it| it.max_block_bytes = 1024 * 1024,
        |it| it.prepare_timeout_ms = 3_000,
        |it| it.read_timeout_ms = 10,
    ];
    for change in free {
        assert_eq!(changed(change), Ok(()));
    }
    let lasting: [fn(&mut Parameters); 4] = [
        |it| it.base_timeout_ms += 1,
        |it| it.max_timeout_ms += 1,
        |it| it.max_tx_lifetime_ms += 1,
        |it| it.max_drift_ms += 1,
    ];
    let names = ["baseTimeoutMs", "maxTimeoutMs", "maxTxLifetimeMs", "maxDriftMs"];
    for (name, change) in names.into_iter().zip(lasting) {
        assert!(changed(change).unwrap_err().starts_with(name));
    }
    assert_eq!(changed(|it| it.idle_interval_ms = 1).unwrap_err(), "idleIntervalMs must be at least 100");
}

#[test]
fn a_name_of_a_validator_has_at_most_64_bytes() {
    let named = |length| {
        let mut genesis = genesis();
        genesis.validators[0].name = "n".repeat(length);
        genesis.check()
    };
    assert_eq!(named(64), Ok(()));
    assert_eq!(named(65), Err(GenesisError::Name("n".repeat(65))));
}

//! Which groups a node hosts.

use super::*;
use witan_types::genesis::{GenesisGroup, GenesisValidator, Operators, Parameters};
use witan_types::{EngineKind, Hash};

pub(crate) fn key(place: u8) -> SecretKey {
    SecretKey::from_seed([place; 32])
}

/// Three validators: n0 and n1 in group 1, n1 and n2 in group 2.
pub(crate) fn genesis() -> Genesis {
    let validator = |place: u8| GenesisValidator {
        name: format!("n{place}"),
        key: key(place).public(),
        node: NodeId(Hash([place; 32])),
    };
    let group = |id, members| GenesisGroup { id: GroupId(id), engine: EngineKind::HotStuff, members };
    Genesis {
        name: "hosted".into(),
        time_ms: 1,
        devnet: true,
        permissioned: false,
        validators: (0..3).map(validator).collect(),
        followers: Vec::new(),
        operators: Operators::default(),
        groups: vec![group(0, None), group(1, Some(vec![0, 1])), group(2, Some(vec![1, 2]))],
        balances: Vec::new(),
        parameters: Parameters::default(),
    }
}

/// The groups that it hosts beside the root group, which every node does.
fn hosts(validator: Option<u8>, follow: &Follow) -> Vec<u32> {
    let key = validator.map(key);
    let mut hosted = hosted(&genesis(), key.as_ref(), follow).unwrap().into_iter();
    assert_eq!(hosted.next(), Some(GroupId::ROOT));
    hosted.map(|group| group.0).collect()
}

#[test]
fn a_validator_hosts_the_groups_that_it_is_a_member_of() {
    assert_eq!(hosts(Some(0), &Follow::Auto), [1]);
    assert_eq!(hosts(Some(1), &Follow::Auto), [1, 2]);
    assert_eq!(hosts(Some(2), &Follow::Auto), [2]);
}

#[test]
fn a_node_without_a_vote_hosts_all_groups_unless_it_is_told_which() {
    for stranger in [None, Some(9)] {
        assert_eq!(hosts(stranger, &Follow::Auto), [1, 2]);
        assert_eq!(hosts(stranger, &Follow::All), [1, 2]);
        assert_eq!(hosts(stranger, &Follow::Listed(vec![2])), [2]);
        assert_eq!(hosts(stranger, &Follow::Listed(vec![])), [] as [u32; 0]);
    }
}

#[test]
fn a_validator_follows_other_groups_if_it_is_told_to() {
    assert_eq!(hosts(Some(0), &Follow::All), [1, 2]);
    assert_eq!(hosts(Some(0), &Follow::Listed(vec![2])), [1, 2]);
    assert_eq!(hosts(Some(1), &Follow::Listed(vec![])), [1, 2], "its own it always hosts");
}

#[test]
fn a_group_that_genesis_does_not_name_is_refused_and_so_is_the_root_group() {
    for unknown in [0, 3] {
        let refused = hosted(&genesis(), None, &Follow::Listed(vec![1, unknown])).unwrap_err();
        assert!(refused.to_string().contains(&format!("group {unknown}")), "{refused}");
        assert!(refused.to_string().contains("1, 2"), "{refused}");
    }
}

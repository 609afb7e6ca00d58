//! Who sends envelopes to whom.

use super::*;
use witan_types::genesis::{GenesisGroup, GenesisValidator, Operators, Parameters};
use witan_types::{EngineKind, FaultModel, Hash, PublicKey};

fn node(place: u16) -> NodeId {
    NodeId(Hash([byte(place) + 1; 32]))
}

fn byte(place: u16) -> u8 {
    u8::try_from(place).unwrap()
}

/// A network of ten validators whose groups from 1 on have these members.
fn genesis(groups: &[(EngineKind, &[u16])]) -> Genesis {
    let validator = |place: u16| GenesisValidator {
        name: format!("n{place}"),
        key: PublicKey([byte(place) + 101; 32]),
        node: node(place),
    };
    let group = |(id, (engine, members)): (u32, &(EngineKind, &[u16]))| GenesisGroup {
        id: GroupId(id),
        engine: *engine,
        members: Some(members.to_vec()),
    };
    let root = GenesisGroup::of_all(GroupId(0), EngineKind::HotStuff);
    Genesis {
        name: "routes".into(),
        time_ms: 1,
        devnet: true,
        permissioned: true,
        validators: (0..10).map(validator).collect(),
        followers: Vec::new(),
        operators: Operators::default(),
        groups: std::iter::once(root).chain((1..).zip(groups).map(group)).collect(),
        balances: Vec::new(),
        parameters: Parameters::default(),
    }
}

/// From whom each member of group 2 that is not of group 1 hears first, and from whom at all.
fn heard(genesis: &Genesis) -> BTreeMap<NodeId, (Vec<NodeId>, Vec<NodeId>)> {
    let mut heard: BTreeMap<NodeId, (Vec<NodeId>, Vec<NodeId>)> = BTreeMap::new();
    for from in genesis.members(GroupId(1)) {
        let Some(route) = routes(genesis, GroupId(1), &from.node).remove(&GroupId(2)) else { continue };
        route.first.into_iter().for_each(|to| heard.entry(to).or_default().0.push(from.node));
        route.all.into_iter().for_each(|to| heard.entry(to).or_default().1.push(from.node));
    }
    heard
}

#[test]
fn each_receiver_hears_first_from_one_more_than_may_be_faulty_and_from_none_twice() {
    let sources: [&[u16]; 4] = [&[0, 1, 2, 3], &[0, 2, 4, 5, 6, 7, 8], &[3], &[1, 9]];
    let destinations: [&[u16]; 4] = [&[4, 5, 6, 7], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[9], &[2, 3, 4, 5, 8]];
    for engine in [EngineKind::HotStuff, EngineKind::Raft] {
        for (source, destination) in sources.iter().flat_map(|source| destinations.map(|to| (source, to))) {
            let genesis = genesis(&[(engine, source), (EngineKind::Pbft, destination)]);
            let copies = genesis.committee(GroupId(1)).unwrap().max_faulty() + 1;
            let heard = heard(&genesis);
            let abroad: Vec<u16> =
                destination.iter().copied().filter(|place| !source.contains(place)).collect();
            let expected: Vec<NodeId> = abroad.iter().map(|place| node(*place)).collect();
            assert_eq!(heard.keys().copied().collect::<Vec<_>>(), expected, "{source:?} to {destination:?}");
            for (to, (mut first, all)) in heard {
                first.sort();
                first.dedup();
                assert_eq!(first.len(), copies, "{to} hears from {first:?}");
                assert_eq!(all.len(), source.len(), "and from everyone when it is offered again");
            }
        }
    }
    assert_eq!(EngineKind::Raft.faults(), FaultModel::Crash, "both rules of faults were tried");
}

#[test]
fn nothing_goes_over_the_network_where_every_node_runs_every_group() {
    let all: Vec<u16> = (0..10).collect();
    let genesis = genesis(&[(EngineKind::HotStuff, &all), (EngineKind::HotStuff, &all)]);
    for validator in &genesis.validators {
        assert_eq!(routes(&genesis, GroupId(1), &validator.node), BTreeMap::new());
    }
}

#[test]
fn a_node_without_a_vote_in_a_group_speaks_for_it_to_nobody() {
    let genesis = genesis(&[(EngineKind::HotStuff, &[0, 1, 2, 3]), (EngineKind::HotStuff, &[4, 5, 6, 7])]);
    assert_eq!(routes(&genesis, GroupId(1), &node(4)), BTreeMap::new());
}

#[test]
fn the_root_group_hears_at_the_nodes_that_do_not_run_the_sender() {
    let genesis = genesis(&[(EngineKind::HotStuff, &[0, 1, 2, 3])]);
    let route = routes(&genesis, GroupId(1), &node(0)).remove(&GroupId(0)).unwrap();
    assert_eq!(route.all, (4..10).map(node).collect::<Vec<_>>());
}

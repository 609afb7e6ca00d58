//! Other groups hear of new parameters, and go by them from the next block on.

use super::*;
use crate::configuration::ParametersRecord;
use crate::two_phase::Message;
use witan_types::{Contents, merkle_list};

/// A network in which version 2 has happened, with these time-outs, and the root group has said so.
fn changed(prepare_timeout_ms: u64) -> (Network, Change) {
    let mut network = Network::start();
    let change = network.changed(2, |it| it.prepare_timeout_ms = prepare_timeout_ms);
    network.approve(1, &change).unwrap();
    assert!(network.said(0, 1).is_empty(), "nothing has happened yet");
    network.approve(2, &change).unwrap();
    (network, change)
}

/// What a group says to another one, if it may be believed.
fn forged(network: &Network, from: u32, to: u32, first: u64, message: &Message) -> Envelope {
    let messages = vec![message.encode()];
    let contents = Contents { destination: GroupId(to), first, consumed: 0, messages };
    let mut outcome = network.group(from).tip_outcome().clone();
    outcome.outbox_root = merkle_list::root(&[contents.leaf()]);
    let proof = merkle_list::prove(&[contents.leaf()], 0).unwrap();
    Envelope { seal: Seal { outcome, signatures: QuorumSignatures::default() }, contents, proof }
}

fn configure(network: &Network, version: u64, change: impl FnOnce(&mut Parameters)) -> Message {
    let mut parameters = network.genesis.parameters.clone();
    change(&mut parameters);
    Message::Configure(ParametersRecord { version, parameters })
}

/// The version and the prepare time-out by which a group goes.
fn goes_by(network: &Network, id: u32) -> (u64, u64) {
    let group = network.group(id);
    (group.parameters_version(), group.parameters().prepare_timeout_ms)
}

#[test]
fn every_group_hears_of_new_parameters_and_goes_by_them_from_the_next_block_on() {
    let (mut network, _) = changed(3_000);
    assert_eq!((goes_by(&network, 0), goes_by(&network, 1)), ((2, 3_000), (1, 5_000)));
    for id in [1, 2] {
        let heard = network.said(0, id);
        assert_eq!(heard.len(), 1);
        network.block(id, vec![], heard);
        assert_eq!(goes_by(&network, id), (2, 3_000));
        let record: ParametersRecord = read(network.group(id).store(), Record::Parameters).unwrap();
        assert_eq!(record.version, 2);
    }
    network.restarts_as_it_was();
}

#[test]
fn the_deadline_of_a_transaction_across_groups_follows_what_its_group_goes_by_before_the_block() {
    let (mut network, _) = changed(3_000);
    let key = |network: &Network, id| {
        let slots = crate::slots::SlotMap::first(&network.genesis);
        let is_own = |key: &String| slots.owner(&witan_types::Key::from(key.as_str())) == GroupId(id);
        (0..).map(|number: u32| format!("key{number}")).find(is_own).unwrap()
    };
    let keys = [key(&network, 1), key(&network, 2)];
    let across = |salt| {
        let ops = keys.iter().map(|key| crate::fixtures::put(&format!("{{{key}}}{salt}"), "v")).collect();
        let chain = network.genesis.chain();
        Transaction { chain, ..transaction(salt, vec![], ops) }
    };
    let (first, second) = (across(1_001), across(1_002));
    let deadline = |network: &Network, id: &TxId| match network.group(1).coordinated(id).unwrap().stage {
        crate::two_phase::CoordinatorStage::Preparing { taken_at_ms, deadline_ms, .. } => {
            deadline_ms - taken_at_ms
        }
        ref other => panic!("{other:?}"),
    };
    let heard = network.said(0, 1);
    network.block(1, vec![first.clone()], heard);
    assert_eq!(deadline(&network, &first.id()), 5_000, "in the block that hears of it");
    network.block(1, vec![second.clone()], vec![]);
    assert_eq!(deadline(&network, &second.id()), 3_000, "in the next one");
}

#[test]
fn parameters_that_are_said_again_or_that_are_older_change_nothing() {
    let (mut network, change) = changed(3_000);
    let second = network.said(0, 1);
    let change = match change.kind {
        ChangeKind::Parameters(parameters) => parameters,
        ChangeKind::Operators(_) => unreachable!(),
    };
    let third = network.changed(3, |it| it.prepare_timeout_ms = change.prepare_timeout_ms + 1);
    network.approve(1, &third).unwrap();
    network.approve(2, &third).unwrap();
    let both = [second.clone(), network.said(0, 1)].concat();
    network.block(1, vec![], both);
    assert_eq!(goes_by(&network, 1), (3, 3_001));
    network.block(1, vec![], second);
    assert_eq!(goes_by(&network, 1), (3, 3_001), "an old envelope brings nothing");

    let again = configure(&network, 3, |it| it.prepare_timeout_ms = 4_000);
    let older = configure(&network, 2, |it| it.prepare_timeout_ms = 4_000);
    for (first, message) in [(2, again), (3, older)] {
        let said = forged(&network, 0, 1, first, &message);
        network.block(1, vec![], vec![said]);
        assert_eq!(goes_by(&network, 1), (3, 3_001), "what is not newer is consumed and asks for nothing");
    }
}

#[test]
fn parameters_that_another_group_than_the_root_sends_change_nothing() {
    let mut network = Network::start();
    let message = configure(&network, 2, |it| it.prepare_timeout_ms = 3_000);
    let said = forged(&network, 2, 1, 0, &message);
    network.block(1, vec![], vec![said]);
    assert_eq!(goes_by(&network, 1), (1, 5_000));
    assert_eq!(network.group(1).consumed(GroupId(2)), 1, "consumed like any other");

    let to_root = forged(&network, 1, 0, 0, &message);
    network.block(0, vec![], vec![to_root]);
    assert_eq!((goes_by(&network, 0), network.configuration().version), ((1, 5_000), 1), "nor in the root");
}

#[test]
fn parameters_that_operators_could_not_have_approved_change_nothing() {
    let mut network = Network::start();
    let bad: [fn(&mut Parameters); 2] = [|it| it.idle_interval_ms = 0, |it| it.max_drift_ms += 1];
    for (first, change) in (0..).zip(bad) {
        let message = configure(&network, 2, change);
        let said = forged(&network, 0, 1, first, &message);
        network.block(1, vec![], vec![said]);
        assert_eq!(goes_by(&network, 1), (1, 5_000));
    }
}

#[test]
fn a_group_that_hears_nothing_holds_changes_up_once_as_much_waits_for_it_as_may() {
    let mut network = Network::with(Operators { accounts: vec![account(1)], threshold: 1 });
    let mut version = 1;
    let deferred = loop {
        version += 1;
        let change = network.changed(version, |it| it.prepare_timeout_ms = 1_000 + version);
        let approval = network.approval(1, &change);
        let executed = network.block(0, vec![approval], vec![]);
        if let Some((_, stopped)) = executed.deferred.first() {
            break stopped.clone();
        }
    };
    assert_eq!(deferred, crate::execute::Stopped::Group(GroupId(1)));
    assert_eq!(network.configuration().version, 1 + crate::channels::MAX_OUTBOX);
}

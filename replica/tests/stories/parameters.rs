//! Parameters of which the root group tells: what leaders do follows them, after a restart too.

use crate::cluster::{Cluster, GROUP, client, key, verifier_among};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use witan_ledger::Store as _;
use witan_ledger::configuration::ParametersRecord;
use witan_ledger::two_phase::Message;
use witan_replica::{Admission, Event, OtherGroup};
use witan_types::genesis::Parameters;
use witan_types::{
    Account, BlockId, Contents, Envelope, Epoch, FaultModel, GroupId, Hash, Key, Op, Outcome,
    QuorumSignatures, Scheme, Seal, SealShare, Transaction, ValidatorIndex, Wire, merkle_list,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Version 2 of the configuration, as the root group says it under the seal of three of four.
fn told(cluster: &Cluster, change: impl FnOnce(&mut Parameters)) -> Envelope {
    let mut parameters = cluster.genesis.parameters.clone();
    change(&mut parameters);
    let messages = vec![Message::Configure(ParametersRecord { version: 2, parameters }).encode()];
    let contents = Contents { destination: GROUP, first: 0, consumed: 0, messages };
    let outcome = Outcome {
        chain: cluster.genesis.chain(),
        group: GroupId::ROOT,
        epoch: Epoch(1),
        height: 1,
        block_id: BlockId::default(),
        state_root: Hash::ZERO,
        receipts_root: Hash::ZERO,
        outbox_root: merkle_list::root(&[contents.leaf()]),
        next_epoch: None,
    };
    let signatures = (0..3).map(|place| {
        let share = SealShare::sign(outcome.clone(), ValidatorIndex(place as u16), &key(place));
        (share.validator, share.signature)
    });
    let signatures = QuorumSignatures::collect(signatures);
    let proof = merkle_list::prove(&[contents.leaf()], 0).unwrap();
    Envelope { seal: Seal { outcome, signatures }, contents, proof }
}

/// Four validators that have heard of a change.
fn that_heard(change: impl FnOnce(&mut Parameters)) -> Cluster {
    let mut cluster = Cluster::running(4, 0);
    let committee = cluster.genesis.committee(GroupId::ROOT).unwrap().under(Scheme::StandIn);
    let nodes = cluster.genesis.members(GroupId::ROOT).into_iter().map(|member| member.node).collect();
    let others = BTreeMap::from([(GroupId::ROOT, OtherGroup { committee, nodes })]);
    cluster.verifier = verifier_among(&cluster.genesis, FaultModel::Byzantine, others);
    let envelope = Arc::new(told(&cluster, change));
    let before = cluster.height(0);
    (0..4).for_each(|place| cluster.step(place, Event::Envelope(Arc::clone(&envelope))));
    cluster.run(Duration::from_millis(100));
    assert!(cluster.height(0) > before, "what another group says is work");
    cluster
}

#[test]
fn an_idle_group_makes_blocks_as_often_as_it_heard_last_after_a_restart_too() {
    let mut cluster = that_heard(|it| it.idle_interval_ms = 2_000);
    let before = cluster.height(0);
    cluster.run(MINUTE);
    assert_eq!(cluster.height(0) - before, 30, "two seconds, and no longer ten");

    (0..4).for_each(|place| cluster.crash(place));
    (0..4).for_each(|place| cluster.restart(place));
    let before = cluster.height(0);
    cluster.run(MINUTE);
    let made = cluster.height(0) - before;
    assert!((28..=31).contains(&made), "{made} blocks in a minute");
    cluster.assert_sealed_alike(cluster.height(0));
}

#[test]
fn a_leader_fills_blocks_as_far_as_it_heard_last_and_nobody_refuses_them() {
    // Two go into a batch, and a block carries whole batches.
    for (max_block_bytes, expected) in [(256 * 1024, 4), (1024 * 1024, 16)] {
        let mut cluster = that_heard(|it| it.max_block_bytes = max_block_bytes);
        let (chain, expires_at_ms) = (cluster.genesis.chain(), cluster.now().wall_ms + 60_000);
        let before = cluster.height(0);
        for salt in 0..20 {
            let ops = vec![Op::Put { key: Key::from("key"), value: vec![0; 60_000] }];
            let signer = Account(client().public());
            let transaction = Transaction { chain, signer, salt, expires_at_ms, checks: vec![], ops };
            let admission = cluster.submit(0, &transaction.sign(&client()));
            assert_eq!(admission, Admission::Pending);
        }
        cluster.run(Duration::from_secs(1));
        let count = |height| {
            let block = cluster.nodes[0].disk.read(|store| store.block(height)).unwrap();
            block.payload.transactions().count()
        };
        let most = (before + 1..=cluster.height(0)).map(count).max();
        assert_eq!(most, Some(expected), "blocks of {max_block_bytes} bytes");
    }
}

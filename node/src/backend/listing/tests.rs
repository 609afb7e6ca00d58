use super::*;
use witan_storage::{LogBatch, Options, Storage};
use witan_types::genesis::{GenesisGroup, GenesisValidator, Operators, Parameters};
use witan_types::{EngineKind, Epoch, NodeId, PublicKey, Signature, ValidatorIndex};

/// Four validators; the group has the last two of them.
fn genesis() -> Genesis {
    let validator = |place: u8| GenesisValidator {
        name: format!("n{place}"),
        key: PublicKey([place; 32]),
        node: NodeId(Hash([place; 32])),
    };
    let of_all = |id| GenesisGroup::of_all(GroupId(id), EngineKind::HotStuff);
    let some = GenesisGroup { members: Some(vec![2, 3]), ..of_all(1) };
    Genesis {
        name: "test".into(),
        time_ms: 1,
        devnet: true,
        permissioned: false,
        validators: (0..4).map(validator).collect(),
        followers: Vec::new(),
        operators: Operators::default(),
        groups: vec![of_all(0), some],
        balances: Vec::new(),
        parameters: Parameters::default(),
    }
}

fn caught(conflict: &str) -> StoredEvidence {
    let signed = |byte: u8| SignedMessage { message: vec![byte], signature: Signature([byte; 64]) };
    StoredEvidence {
        group: GroupId(1),
        epoch: Epoch(1),
        validator: ValidatorIndex(1),
        conflict: conflict.to_owned(),
        key: PublicKey([3; 32]),
        first: signed(1),
        second: signed(2),
        seen_ms: 7,
    }
}

#[test]
fn evidence_names_the_member_of_the_group_and_comes_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path(), Options::default()).unwrap();
    let (log, genesis) = (storage.consensus_log(), genesis());
    let read = |from, limit| evidence(&log, &genesis, from, limit).unwrap();
    assert_eq!(read(None, 9), EvidenceSlice { items: Vec::new(), next: None });
    let mut batch = LogBatch::new();
    batch.keep_evidence(["two votes", "two results", "two proposals"].map(caught));
    log.commit(batch).unwrap();

    let first = read(None, 2);
    let conflicts =
        |slice: &EvidenceSlice| slice.items.iter().map(|item| item.conflict.clone()).collect::<Vec<_>>();
    assert_eq!(conflicts(&first), ["two proposals", "two results"]);
    let item = &first.items[0];
    assert_eq!((item.name.as_str(), item.key, item.seen_ms), ("n3", Hash([3; 32]), 7));
    assert_eq!((item.second.message.as_slice(), item.second.signature.as_slice()), (&[2][..], &[2; 64][..]));
    let rest = read(first.next, 2);
    assert_eq!((conflicts(&rest), rest.next), (vec!["two votes".to_owned()], None));
}

#[test]
fn a_list_goes_on_only_in_the_groups_that_it_is_of() {
    let places = |groups: &[u32]| -> Vec<ListFrom> {
        groups.iter().map(|group| ListFrom { group: GroupId(*group), newest: 9, next: None }).collect()
    };
    let hosted = [0, 1, 2].map(GroupId);
    let covers = |groups, group: Option<u32>| covers(&places(groups), group.map(GroupId), hosted.iter());
    assert!(covers(&[0, 1, 2], None) && covers(&[1], Some(1)));
    for wrong in [&[][..], &[0, 1], &[0, 1, 1, 2], &[0, 2, 1], &[0, 1, 2, 3]] {
        assert!(!covers(wrong, None), "{wrong:?}");
    }
    for wrong in [&[][..], &[2], &[1, 1], &[1, 2]] {
        assert!(!covers(wrong, Some(1)), "{wrong:?}");
    }
}

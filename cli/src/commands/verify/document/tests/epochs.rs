//! Documents about epochs: who runs a group, blocks without payload, and checkpoints. The epochs after the first are made up
//! here, each with validators of its own.

use super::several::{document, every_shown_field_counts, genesis_of_groups, judged, sealed, verifier};
use super::vectors::check;
use super::*;
use witan_ledger::records::Record;
use witan_ledger::{
    Entry, EpochLink, EpochRecord, Member, PortableEpoch, PortableStateProof, Tree, ValidatorRecord,
    Value as Held, Version,
};
use witan_testnet::rpc::{EpochMemberView, EpochView, LightBlockView, ReadPoint};
use witan_types::{EngineKind, Hash, Height, NodeId, SealedHeader};

/// The record of an epoch: the first ones are genesis's, those of epoch e are run by validators 4(e-1) to 4e-1.
fn record(group: u32, epoch: u16) -> EpochRecord {
    if epoch == 1 {
        return EpochRecord::first(&genesis_of_groups(), GroupId(group)).unwrap();
    }
    let member = |person: u16| Member {
        place: ValidatorIndex(person),
        validator: ValidatorRecord {
            key: secret(person).public(),
            node: NodeId(witan_types::sha256(&[&person.to_le_bytes()])),
            name: format!("n{person}").into_bytes(),
        },
    };
    EpochRecord {
        group: GroupId(group),
        epoch: Epoch(epoch.into()),
        engine: EngineKind::Pbft,
        members: ((epoch - 1) * 4..epoch * 4).map(member).collect(),
        closed: None,
    }
}

/// A block of a group in an epoch, sealed by three of that epoch's four.
fn block(group: u32, epoch: u16, height: Height, change: impl FnOnce(&mut Outcome)) -> SealedHeader {
    let SealedHeader { mut header, .. } = sealed(group, height, |_| ());
    header.epoch = Epoch(epoch.into());
    let mut outcome = outcome_of(&header);
    change(&mut outcome);
    let share = |place: u16| {
        let key = secret((epoch - 1) * 4 + place);
        SealShare::sign(outcome.clone(), ValidatorIndex(place), &key)
    };
    let parts = [0, 1, 3].map(share).map(|share| (share.validator, share.signature));
    SealedHeader {
        header,
        seal: Seal { outcome: outcome.clone(), signatures: QuorumSignatures::collect(parts) },
    }
}

/// Epoch e of the root group ends with block 10 e.
fn link(from: u16) -> EpochLink {
    let record = record(0, from + 1);
    let closing = block(0, from, Height::from(from) * 10, |outcome| outcome.next_epoch = Some(record.hash()));
    EpochLink { closing, record }
}

/// What `chain epoch` prints of a record in a block of the root group.
fn epoch_document(record: &EpochRecord, root_epoch: u16, height: Height) -> Value {
    let key = Record::Epoch(record.group, record.epoch).key();
    let entry = Entry { value: Held::Record(record.encode()), version: Version::new(0, 0, 0) };
    let beside = Record::SlotMap.key();
    let beside_hash = witan_types::sha256(&[b"slot map"]);
    let tree =
        Tree::new(std::iter::empty(), 0).update([(&key, Some(entry.hash())), (&beside, Some(beside_hash))]);
    let header = block(0, root_epoch, height, |outcome| outcome.state_root = tree.root());
    let at = ReadPoint { group: GroupId(0), height, block_id: header.header.id() };
    let member = |(index, member): (u16, &Member)| EpochMemberView {
        index: ValidatorIndex(index),
        place: member.place,
        name: String::from_utf8(member.validator.name.clone()).unwrap(),
        key: Hash(member.validator.key.0),
        node_id: member.validator.node,
    };
    let view = EpochView {
        chain: genesis_of_groups().chain(),
        group: record.group,
        epoch: record.epoch,
        engine: record.engine,
        faults: record.engine.faults(),
        max_faulty: 1,
        quorum: 3,
        members: (0..).zip(&record.members).map(member).collect(),
        closed: record.closed.is_some(),
        last_height: record.closed.map(|(height, _)| height),
        last_block_id: record.closed.map(|(_, id)| id),
        hash: record.hash(),
        record: record.encode(),
        at,
        proof: None,
    };
    let links = (1..root_epoch).map(link).collect();
    let proved = PortableStateProof { header, proof: tree.prove(&key), key, entry: Some(entry) };
    document(&view, EPOCH_PROOF_FORMAT, PortableEpoch { links, record: proved }.encode(), None)
}

/// Group 1's second epoch, which is over, as the root group's third epoch has it.
fn later_epoch() -> Value {
    let mut closed = record(1, 2);
    closed.closed = Some((30, block(1, 2, 30, |_| ()).header.id()));
    epoch_document(&closed, 3, 25)
}

fn light_document(group: u32, epoch: u16, height: Height, steps: u16) -> Value {
    let steps = (1..=steps).map(|from| link(from).encode()).collect();
    Value::Object(object(&LightBlockView::new(&block(group, epoch, height, |_| ()), steps)).unwrap())
}

/// What `chain epoch --group 0 --json` prints, to be trusted.
fn checkpoint_document() -> Value {
    let mut document = epoch_document(&record(0, 3), 3, 25);
    document.as_object_mut().unwrap().remove("proof");
    document
}

fn from_checkpoint() -> Verifier {
    checkpoint(&checkpoint_document().to_string()).unwrap()
}

#[test]
fn the_vectors_of_epochs_follow_from_what_stands_here() {
    check("epoch", &epoch_document(&record(1, 1), 1, 5));
    check("epoch-later", &later_epoch());
    check("light", &light_document(1, 1, 7, 0));
    check("light-later", &light_document(0, 3, 25, 2));
    check("checkpoint", &checkpoint_document());
}

#[test]
fn an_epoch_is_proved_with_its_members() {
    let first = epoch_document(&record(1, 1), 1, 5);
    let proved = judged(&first).unwrap();
    assert_eq!((proved.kind, proved.group, proved.height), ("epoch", GroupId(0), 5));
    for said in ["epoch 1 of group 1", "4 members", "3 decide", "not over then"] {
        assert!(proved.statement.contains(said), "{}", proved.statement);
    }
    every_shown_field_counts(&first, judged);
    every_shown_field_counts(&later_epoch(), judged);
    let statement = judged(&later_epoch()).unwrap().statement;
    assert!(statement.contains("ended with block 30"), "{statement}");
}

#[test]
fn a_light_block_is_proved_over_the_epochs_that_lead_to_it() {
    let document = light_document(0, 3, 25, 2);
    let proved = judged(&document).unwrap();
    assert_eq!((proved.kind, proved.group, proved.epoch, proved.height), ("light", GroupId(0), Epoch(3), 25));
    assert!(proved.statement.contains("2 epochs of the root group lead there"), "{}", proved.statement);
    every_shown_field_counts(&document, judged);
    every_shown_field_counts(&light_document(1, 1, 7, 0), |document| {
        // An empty list of steps may grow by nothing that is no step.
        judged(document)
    });
    let why = judged(&light_document(0, 3, 25, 1)).unwrap_err();
    assert!(why.contains("epoch 3 of group 0 are not known"), "{why}");
}

#[test]
fn from_a_checkpoint_a_group_s_epoch_has_to_be_learned_before_its_blocks_count() {
    let block = light_document(1, 1, 7, 0).to_string();
    let why = verify(&block, &mut from_checkpoint()).unwrap_err();
    assert!(why.contains("no validators of group 1 are known"), "{why}");
    let mut verifier = from_checkpoint();
    learn(&epoch_document(&record(1, 1), 3, 25).to_string(), &mut verifier).unwrap();
    assert_eq!(verify(&block, &mut verifier).unwrap().kind, "light");
    // The keys of genesis count for nothing here.
    let old = verify(&light_document(0, 1, 5, 0).to_string(), &mut verifier).unwrap_err();
    assert!(old.contains("epoch 1 of group 0 are not known"), "{old}");
    let no_epoch = learn(&block, &mut verifier).unwrap_err();
    assert!(no_epoch.starts_with("proof"), "{no_epoch}");
}

#[test]
fn a_checkpoint_with_another_record_hash_or_group_is_refused() {
    let document = checkpoint_document();
    let other = epoch_document(&record(0, 2), 3, 25);
    for (pointer, value) in [
        ("/hash", other["hash"].clone()),
        ("/record", other["record"].clone()),
        ("/epoch", json!(2)),
        ("/chain", json!("0x00")),
    ] {
        assert!(checkpoint(&with(&document, pointer, value).to_string()).is_err(), "{pointer}");
    }
    let of_a_group = epoch_document(&record(1, 1), 1, 5).to_string();
    assert!(checkpoint(&of_a_group).unwrap_err().contains("group 1"));
    assert!(checkpoint("{}").unwrap_err().contains("chain"));
    let another_chain = with(&document, "/chain", json!(genesis().chain().to_string()));
    let mut elsewhere = checkpoint(&another_chain.to_string()).unwrap();
    let why = verify(&light_document(0, 3, 25, 0).to_string(), &mut elsewhere).unwrap_err();
    assert!(why.contains("chain"), "{why}");
}

#[test]
fn a_verifier_from_genesis_and_one_from_a_checkpoint_agree() {
    let from_genesis = judged(&later_epoch()).unwrap();
    assert_eq!(verify(&later_epoch().to_string(), &mut from_checkpoint()), Ok(from_genesis));
    assert_eq!(verifier().chain(), from_checkpoint().chain());
}

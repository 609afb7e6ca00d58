//! Epochs after the first: who seals is proved step by step, from genesis or from a checkpoint.

use super::*;
use witan_ledger::records::Record;
use witan_ledger::{EpochLink, EpochRecord, Member, PortableEpoch, UnsoundEpoch, ValidatorRecord};
use witan_light::{Bound, Checkpoint, VerifiedEpoch};
use witan_types::BlockId;

/// Every epoch has four validators of its own: those of epoch e are 4(e-1), 4(e-1)+1, ...
fn people(epoch: u16) -> std::ops::Range<u16> {
    (epoch - 1) * 4..epoch * 4
}

/// The record of an epoch, as it opens.
pub(super) fn record(group: u32, epoch: u16) -> EpochRecord {
    let member = |person: u16| Member {
        place: ValidatorIndex(person),
        validator: ValidatorRecord {
            key: secret(person).public(),
            node: NodeId(hash(&format!("node {person}"))),
            name: format!("n{person}").into_bytes(),
        },
    };
    EpochRecord {
        group: GroupId(group),
        epoch: Epoch(u64::from(epoch)),
        engine: EngineKind::HotStuff,
        members: people(epoch).map(member).collect(),
        closed: None,
    }
}

/// A header of a group in an epoch, sealed by three of the four validators of the epoch that `by` names.
pub(super) fn block_by(
    by: u16,
    group: u32,
    epoch: u16,
    height: u64,
    change: impl FnOnce(&mut Outcome),
) -> SealedHeader {
    let base = genesis().base_header(GroupId(group));
    let header = Header { epoch: Epoch(u64::from(epoch)), height, ..base };
    let mut outcome = outcome(&header, hash("state"));
    change(&mut outcome);
    let sign = |(place, person): (u16, u16)| {
        let share = SealShare::sign(outcome.clone(), ValidatorIndex(place), &secret(person));
        (share.validator, share.signature)
    };
    let parts: Vec<_> = (0..).zip(people(by)).filter(|(place, _)| *place != 2).map(sign).collect();
    SealedHeader { header, seal: Seal { outcome, signatures: QuorumSignatures::collect(parts) } }
}

pub(super) fn block(group: u32, epoch: u16, height: u64) -> SealedHeader {
    block_by(epoch, group, epoch, height, |_| ())
}

/// From an epoch of the root group to the next: epoch e ends with block 10 e.
pub(super) fn link(from: u16) -> EpochLink {
    let record = record(0, from + 1);
    let closing =
        block_by(from, 0, from, u64::from(from) * 10, |outcome| outcome.next_epoch = Some(record.hash()));
    EpochLink { closing, record }
}

/// Knows the epochs of the root group up to this one.
fn up_to(newest: u16) -> Verifier {
    let mut verifier = verifier();
    (1..newest).for_each(|from| verifier.learn_root_epoch(&link(from)).unwrap());
    verifier
}

/// What a node answers about an epoch of a group, proved in a block of the root group.
pub(super) fn portable(root_epoch: u16, height: u64, claimed: &EpochRecord) -> PortableEpoch {
    let key = Record::Epoch(claimed.group, claimed.epoch).key();
    let entry = Entry { value: Value::Record(claimed.encode()), version: Version::new(0, 3, 0) };
    let slot_map = Record::SlotMap.key();
    let tree = Tree::new(std::iter::empty(), 0)
        .update([(&key, Some(entry.hash())), (&slot_map, Some(hash("slot map")))]);
    let header = block_by(root_epoch, 0, root_epoch, height, |it| it.state_root = tree.root());
    let record = PortableStateProof { header, proof: tree.prove(&key), key, entry: Some(entry) };
    PortableEpoch { links: (1..root_epoch).map(link).collect(), record }
}

#[test]
fn from_genesis_the_first_epochs_are_known_and_each_next_one_follows_from_the_last() {
    let verifier = up_to(4);
    for epoch in 1..=4 {
        let height = u64::from(epoch) * 10 - 5;
        assert_eq!(verifier.verify_header(&block(0, epoch, height)), Ok(()), "epoch {epoch}");
        assert_eq!(verifier.engine(GroupId(0), Epoch(u64::from(epoch))), Some(EngineKind::HotStuff));
    }
    let unknown = LightError::UnknownEpoch(GroupId(0), Epoch(5));
    assert_eq!(verifier.verify_header(&block(0, 5, 45)), Err(unknown));
    assert_eq!(verifier.verify_header(&block(1, 1, 45)), Ok(()), "group 1 is in its first epoch still");
    let unknown = LightError::UnknownEpoch(GroupId(1), Epoch(2));
    assert_eq!(verifier.verify_header(&block(1, 2, 45)), Err(unknown));
}

#[test]
fn the_hash_of_an_epoch_stays_when_it_closes_and_genesis_names_the_first_ones() {
    let mut closed = record(0, 2);
    closed.closed = Some((9, BlockId(hash("last"))));
    assert_eq!(closed.hash(), record(0, 2).hash());
    assert_eq!(EpochRecord::first(&genesis(), GroupId(2)), Some(record(2, 1)));
    assert_eq!(EpochRecord::first(&genesis(), GroupId(3)), None);
}

#[test]
fn signers_of_the_old_epoch_seal_nothing_in_the_new_one_nor_the_other_way_round() {
    let verifier = up_to(3);
    let refused = |by, epoch, height| {
        let verdict = verifier.verify_header(&block_by(by, 0, epoch, height, |_| ()));
        assert!(matches!(verdict, Err(LightError::Seal(CertificateError::BadSignature(_)))), "{verdict:?}");
    };
    refused(1, 2, 15);
    refused(2, 1, 5);
    refused(2, 3, 25);
}

#[test]
fn no_block_stands_outside_its_epoch() {
    let verifier = up_to(3);
    let outside = |epoch: u16, height: u64, bound: Bound| {
        let expected =
            LightError::OutsideEpoch { group: GroupId(0), epoch: Epoch(u64::from(epoch)), height, bound };
        assert_eq!(verifier.verify_header(&block(0, epoch, height)), Err(expected));
    };
    outside(1, 11, Bound::Last(10));
    let mut another = block(0, 1, 10);
    another.header.tag = 9;
    another = sealed(another.header, hash("state"));
    assert!(matches!(verifier.verify_header(&another), Err(LightError::OutsideEpoch { .. })));
    assert_eq!(verifier.verify_header(&link(1).closing), Ok(()), "the last block itself counts");
    outside(2, 10, Bound::After(10));
    outside(2, 21, Bound::Last(20));
    outside(3, 20, Bound::After(20));
    assert_eq!(verifier.verify_header(&block(0, 3, 21)), Ok(()));
}

#[test]
fn an_epoch_left_out_is_noticed() {
    let skipped = |known, found| LightError::EpochSkipped { known: Epoch(known), found: Epoch(found) };
    assert_eq!(verifier().learn_root_epoch(&link(2)), Err(skipped(1, 3)));
    assert_eq!(up_to(2).learn_root_epoch(&link(3)), Err(skipped(2, 4)));
    let mut leap = link(1);
    leap.record = record(0, 3);
    assert_eq!(verifier().learn_root_epoch(&leap), Err(skipped(1, 3)));
}

#[test]
fn a_step_that_was_made_before_may_be_made_again_and_must_say_the_same() {
    let mut verifier = up_to(3);
    assert_eq!(verifier.learn_root_epoch(&link(1)), Ok(()));
    let mut other = link(1);
    other.record.engine = EngineKind::Pbft;
    let named = other.record.hash();
    other.closing = block_by(1, 0, 1, 10, |outcome| outcome.next_epoch = Some(named));
    let refused = verifier.learn_root_epoch(&other);
    // Sealed by a quorum of the first epoch all the same: the same block cannot name two records.
    assert_eq!(refused, Err(LightError::ConflictingEpoch(GroupId(0), Epoch(2))));
}

#[test]
fn a_record_that_the_last_seal_does_not_name_is_refused() {
    let mut forged = link(1);
    forged.record.members.truncate(3);
    let (named, found) = (record(0, 2).hash(), forged.record.hash());
    assert_eq!(verifier().learn_root_epoch(&forged), Err(LightError::ForgedEpoch { named, found }));

    let mut renamed = link(1);
    renamed.closing.seal.outcome.next_epoch = Some(found);
    renamed.record = forged.record;
    assert!(matches!(verifier().learn_root_epoch(&renamed), Err(LightError::Seal(_))), "the seal covers it");

    let mut goes_on = link(1);
    goes_on.closing = block(0, 1, 10);
    assert_eq!(verifier().learn_root_epoch(&goes_on), Err(LightError::NotTheEnd(10)));

    let mut by_the_new = link(1);
    by_the_new.closing = block_by(2, 0, 1, 10, |outcome| outcome.next_epoch = Some(record(0, 2).hash()));
    assert!(matches!(verifier().learn_root_epoch(&by_the_new), Err(LightError::Seal(_))));
}

#[test]
fn only_the_root_group_s_epochs_follow_from_each_other() {
    let mut of_a_group = link(1);
    of_a_group.record.group = GroupId(1);
    assert_eq!(verifier().learn_root_epoch(&of_a_group), Err(LightError::NotTheRoot(GroupId(1))));
    let mut by_a_group = link(1);
    by_a_group.closing = block_by(1, 1, 1, 10, |outcome| outcome.next_epoch = Some(record(0, 2).hash()));
    assert_eq!(verifier().learn_root_epoch(&by_a_group), Err(LightError::NotTheRoot(GroupId(1))));
}

#[test]
fn a_record_in_which_one_counts_twice_makes_no_committee() {
    type Change = fn(&mut EpochRecord);
    let changes: [(Change, UnsoundEpoch); 3] = [
        (|it| it.members.clear(), UnsoundEpoch::NoMembers),
        (|it| it.members[3].validator.key = it.members[0].validator.key, UnsoundEpoch::SharedKey),
        (|it| it.members[3].place = it.members[0].place, UnsoundEpoch::SharedKey),
    ];
    for (change, why) in changes {
        let mut unsound = link(1);
        change(&mut unsound.record);
        let hash = unsound.record.hash();
        unsound.closing = block_by(1, 0, 1, 10, |outcome| outcome.next_epoch = Some(hash));
        let expected = LightError::UnsoundEpoch(GroupId(0), Epoch(2), why);
        assert_eq!(verifier().learn_root_epoch(&unsound), Err(expected));
    }
}

#[test]
fn a_group_s_epoch_is_learned_from_the_state_of_the_root_group() {
    let mut closed = record(1, 2);
    closed.closed = Some((30, block(1, 2, 30).header.id()));
    let mut verifier = verifier();
    let VerifiedEpoch { at, record } = verifier.learn_epoch(&portable(3, 25, &closed)).unwrap();
    assert_eq!((at.group, at.epoch, at.height, record), (GroupId(0), Epoch(3), 25, closed));
    assert_eq!(verifier.verify_header(&block(1, 2, 30)), Ok(()));
    let late = verifier.verify_header(&block(1, 2, 31));
    assert!(matches!(late, Err(LightError::OutsideEpoch { bound: Bound::Last(30), .. })), "{late:?}");
    assert!(matches!(verifier.verify_header(&block_by(1, 1, 2, 29, |_| ())), Err(LightError::Seal(_))));
    // The same record as it was when the epoch was open is no contradiction, and takes nothing back.
    verifier.learn_epoch(&portable(3, 24, &self::record(1, 2))).unwrap();
    assert!(verifier.verify_header(&block(1, 2, 31)).is_err());
    let mut other = self::record(1, 2);
    other.engine = EngineKind::Raft;
    let conflict = LightError::ConflictingEpoch(GroupId(1), Epoch(2));
    assert_eq!(verifier.learn_epoch(&portable(3, 25, &other)), Err(conflict));
}

/// A proof that this stands where the record of epoch 2 of group 1 belongs.
pub(super) fn holding(value: Value) -> PortableEpoch {
    let mut portable = portable(2, 15, &record(1, 2));
    let entry = Entry { value, version: Version::new(0, 3, 0) };
    let tree = Tree::new(std::iter::empty(), 0).update([(&portable.record.key, Some(entry.hash()))]);
    portable.record.header = block_by(2, 0, 2, 15, |it| it.state_root = tree.root());
    portable.record.proof = tree.prove(&portable.record.key);
    portable.record.entry = Some(entry);
    portable
}

#[test]
fn a_record_is_proved_under_its_own_name_by_the_root_group_alone() {
    let judge = |portable: PortableEpoch| up_to(2).learn_epoch(&portable);
    let good = portable(2, 15, &record(1, 2));
    assert!(judge(good.clone()).is_ok());

    let mut renamed = good.clone();
    renamed.record.key = Record::Epoch(GroupId(2), Epoch(2)).key();
    assert_eq!(judge(renamed.clone()), Err(LightError::WrongPath(renamed.record.key)));

    let misplaced = EpochRecord { epoch: Epoch(3), ..record(1, 2) };
    assert_eq!(judge(holding(Value::Record(misplaced.encode()))), Err(LightError::NotAnEpoch));

    let mut by_a_group = good.clone();
    by_a_group.record.header = block(1, 1, 15);
    assert_eq!(judge(by_a_group), Err(LightError::NotTheRoot(GroupId(1))));

    let mut no_epoch = good.clone();
    no_epoch.record.key = Record::SlotMap.key();
    assert_eq!(judge(no_epoch), Err(LightError::NotAnEpoch));

    let mut denied = good;
    denied.record.entry = None;
    assert!(matches!(judge(denied), Err(LightError::WrongPath(_))));
}

/// A proof that there is no such epoch.
pub(super) fn absent() -> PortableStateProof {
    let key = Record::Epoch(GroupId(1), Epoch(7)).key();
    let tree = Tree::new(std::iter::empty(), 0).update([(&Record::SlotMap.key(), Some(hash("slot map")))]);
    let header = block_by(1, 0, 1, 5, |it| it.state_root = tree.root());
    PortableStateProof { header, proof: tree.prove(&key), key, entry: None }
}

#[test]
fn that_there_is_no_such_epoch_is_said() {
    let expected = LightError::NoSuchEpoch(GroupId(1), Epoch(7), 5);
    assert_eq!(verifier().verify_epoch(&absent()), Err(expected));
}

#[test]
fn from_a_checkpoint_later_epochs_follow_and_nothing_of_genesis_counts() {
    let checkpoint = Checkpoint { chain: genesis().chain(), epoch: Epoch(3), hash: record(0, 3).hash() };
    let mut verifier = Verifier::from_checkpoint(&checkpoint, &record(0, 3)).unwrap();
    assert_eq!(verifier.chain(), genesis().chain());
    assert_eq!(verifier.verify_header(&block(0, 3, 25)), Ok(()));
    let unknown = LightError::UnknownEpoch(GroupId(0), Epoch(1));
    assert_eq!(verifier.verify_header(&block(0, 1, 5)), Err(unknown));
    assert_eq!(verifier.verify_header(&block(1, 1, 5)), Err(LightError::UnknownGroup(GroupId(1))));

    // A proof with all steps from genesis is good here too: those before the checkpoint are passed over.
    verifier.learn_epoch(&portable(4, 35, &record(1, 1))).unwrap();
    assert_eq!(verifier.verify_header(&block(1, 1, 5)), Ok(()));
    assert_eq!(verifier.verify_header(&block(0, 4, 35)), Ok(()));
    let before = LightError::BeforeTheStart(Epoch(2));
    assert_eq!(verifier.learn_epoch(&portable(4, 35, &record(0, 2))), Err(before));
}

#[test]
fn a_checkpoint_names_one_record_of_one_chain() {
    let checkpoint = Checkpoint { chain: genesis().chain(), epoch: Epoch(3), hash: record(0, 3).hash() };
    let refused = |checkpoint: &Checkpoint, record: &EpochRecord| {
        let verdict = Verifier::from_checkpoint(checkpoint, record).map(|verifier| verifier.chain());
        assert!(matches!(verdict, Err(LightError::NotTheCheckpoint { .. })), "{verdict:?}");
    };
    refused(&checkpoint, &record(0, 2));
    refused(&Checkpoint { epoch: Epoch(2), ..checkpoint }, &record(0, 3));
    let of_a_group = Checkpoint { hash: record(1, 3).hash(), ..checkpoint };
    refused(&of_a_group, &record(1, 3));

    let other = Genesis { name: "another".into(), ..genesis() }.chain();
    let elsewhere = Verifier::from_checkpoint(&Checkpoint { chain: other, ..checkpoint }, &record(0, 3));
    let expected = LightError::WrongChain { expected: other, found: genesis().chain() };
    assert_eq!(elsewhere.unwrap().verify_header(&block(0, 3, 25)), Err(expected));
}

#[test]
fn when_an_epoch_closes_is_not_taken_from_a_record_of_which_only_the_hash_is_proved() {
    let checkpoint = Checkpoint { chain: genesis().chain(), epoch: Epoch(3), hash: record(0, 3).hash() };
    let mut closed = record(0, 3);
    closed.closed = Some((1, BlockId(hash("forged"))));
    let verifier = Verifier::from_checkpoint(&checkpoint, &closed).unwrap();
    assert_eq!(verifier.verify_header(&block(0, 3, 25)), Ok(()));
    let mut step = link(1);
    step.record.closed = closed.closed;
    let mut verifier = self::verifier();
    verifier.learn_root_epoch(&step).unwrap();
    assert_eq!(verifier.verify_header(&block(0, 2, 15)), Ok(()));
}

#[test]
fn no_byte_of_a_step_or_of_a_proved_record_can_change() {
    every_tamper_is_refused(&link(1), |link| verifier().learn_root_epoch(link).is_ok());
    let two_steps = portable(2, 15, &record(1, 2));
    every_tamper_is_refused(&two_steps, |portable| verifier().learn_epoch(portable).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_bytes_teach_no_epoch(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(!EpochLink::decode(&bytes).is_ok_and(|it| verifier().learn_root_epoch(&it).is_ok()));
        prop_assert!(!PortableEpoch::decode(&bytes).is_ok_and(|it| verifier().learn_epoch(&it).is_ok()));
    }
}

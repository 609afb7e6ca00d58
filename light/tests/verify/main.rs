//! A light client believes what a quorum of the validators in its genesis signed, and nothing else.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should stop right there"
)]

mod epochs;
mod outcomes;
mod slots;
mod vectors;

use proptest::prelude::*;
use std::fmt::Debug;
use witan_ledger::{
    Entry, PortableReceipt, Receipt, SLOTS, SlotMarker, SlotState, StateProof, TransactionOutcome, Tree,
    Value, Version, slot_of,
};
use witan_light::{LightError, PortableStateProof, Verifier};
use witan_types::genesis::{GenesisGroup, GenesisValidator, Operators, Parameters};
use witan_types::{
    Account, Batch, Block, CertificateError, Contents, EngineKind, Envelope, Epoch, Genesis, GroupId, Hash,
    Header, Key, NodeId, Op, Outcome, Payload, QuorumSignatures, Seal, SealShare, SealedBlock, SealedHeader,
    SecretKey, Transaction, ValidatorIndex, Wire, merkle_list, sha256,
};

fn secret(place: u16) -> SecretKey {
    SecretKey::from_seed([u8::try_from(place + 1).unwrap(); 32])
}

fn hash(text: &str) -> Hash {
    sha256(&[text.as_bytes()])
}

/// Four validators; the root group and groups 1 and 2.
fn genesis() -> Genesis {
    let validator = |place: u16| GenesisValidator {
        name: format!("n{place}"),
        key: secret(place).public(),
        node: NodeId(hash(&format!("node {place}"))),
    };
    let group = |id: u32| GenesisGroup::of_all(GroupId(id), EngineKind::HotStuff);
    Genesis {
        name: "light".into(),
        time_ms: 1_700_000_000_000,
        devnet: false,
        permissioned: false,
        validators: (0..4).map(validator).collect(),
        followers: Vec::new(),
        operators: Operators::default(),
        groups: (0..3).map(group).collect(),
        balances: vec![],
        parameters: Parameters::default(),
    }
}

fn verifier() -> Verifier {
    Verifier::new(&genesis()).unwrap()
}

fn payload() -> Payload {
    let put = Op::Put { key: Key::from("color"), value: b"blue".to_vec() };
    let transaction = Transaction {
        chain: genesis().chain(),
        signer: Account(secret(9).public()),
        salt: 1,
        expires_at_ms: 1_700_000_060_000,
        checks: vec![],
        ops: vec![put],
    };
    let contents =
        Contents { destination: GroupId(1), first: 0, consumed: 0, messages: vec![b"hello".to_vec()] };
    let proof = merkle_list::prove(&[contents.leaf()], 0).unwrap();
    let seal = sealed_by(&[0, 1, 3], &outcome(&genesis().base_header(GroupId(0)), hash("state")));
    let envelope = Envelope { seal, contents, proof };
    Payload { batches: vec![Batch::of([transaction.sign(&secret(9))])], envelopes: vec![envelope] }
}

fn header() -> Header {
    let base = genesis().base_header(GroupId(1));
    Header { height: 1, parent: base.id(), payload_root: payload().root(), time_ms: base.time_ms + 5, ..base }
}

fn outcome(header: &Header, state_root: Hash) -> Outcome {
    Outcome {
        chain: header.chain,
        group: header.group,
        epoch: header.epoch,
        height: header.height,
        block_id: header.id(),
        state_root,
        receipts_root: merkle_list::root(&[]),
        outbox_root: merkle_list::root(&[]),
        next_epoch: None,
    }
}

fn sealed_by(signers: &[u16], outcome: &Outcome) -> Seal {
    let share = |place: &u16| SealShare::sign(outcome.clone(), ValidatorIndex(*place), &secret(*place));
    let parts = signers.iter().map(share).map(|share| (share.validator, share.signature));
    Seal { outcome: outcome.clone(), signatures: QuorumSignatures::collect(parts) }
}

/// The header with a seal of validators 0, 1 and 3 on this state root.
fn sealed(header: Header, state_root: Hash) -> SealedHeader {
    let seal = sealed_by(&[0, 1, 3], &outcome(&header, state_root));
    SealedHeader { header, seal }
}

fn sealed_block() -> SealedBlock {
    let SealedHeader { header, seal } = sealed(header(), hash("state"));
    SealedBlock { block: Block { header, payload: payload() }, seal }
}

fn entry(text: &str) -> Entry {
    Entry { value: Value::Bytes(text.as_bytes().to_vec()), version: Version::new(0, 1, 0) }
}

/// Keys of one slot, so that the slot's tree has some depth.
fn neighbour(number: usize) -> Key {
    Key::from(format!("{{street}}/{number}").as_str())
}

/// A state of 20 neighbours and one key elsewhere.
fn tree() -> Tree {
    let mut entries: Vec<(Key, Entry)> =
        (0..20).map(|n| (neighbour(n), entry(&format!("house {n}")))).collect();
    entries.push((Key::from("color"), entry("blue")));
    let hashes: Vec<(Key, Option<Hash>)> =
        entries.iter().map(|(key, it)| (key.clone(), Some(it.hash()))).collect();
    Tree::new(0..SLOTS, 0).update(hashes.iter().map(|(key, hash)| (key, *hash)))
}

/// What an honest node answers about a key.
fn portable(key: Key, entry: Option<Entry>) -> PortableStateProof {
    let tree = tree();
    let proof = tree.prove(&key);
    PortableStateProof { header: sealed(header(), tree.root()), key, entry, proof }
}

fn presence() -> PortableStateProof {
    portable(neighbour(7), Some(entry("house 7")))
}

/// Of absence: at an empty place, and where another leaf stands.
fn absences() -> [PortableStateProof; 2] {
    let missing = |with_other: bool| {
        let key = (100..).map(neighbour).find(|key| tree().prove(key).other.is_some() == with_other);
        portable(key.unwrap(), None)
    };
    [missing(false), missing(true)]
}

/// Asserts that no change of one byte, and no cut, passes `accept`.
fn every_tamper_is_refused<T: Wire + PartialEq + Debug>(value: &T, accept: impl Fn(&T) -> bool) {
    let bytes = value.encode();
    assert!(accept(&T::decode(&bytes).unwrap()), "untouched, it passes");
    for place in 0..bytes.len() {
        assert!(T::decode(bytes.get(..place).unwrap()).is_err(), "cut to {place} bytes");
        for mask in [1, 0x80, 0xff] {
            let mut changed = bytes.clone();
            *changed.get_mut(place).unwrap() ^= mask;
            let passes = T::decode(&changed).is_ok_and(|value| accept(&value));
            assert!(!passes, "byte {place} of {} changed by {mask:#x} passes", bytes.len());
        }
    }
}

#[test]
fn a_quorums_seal_header_and_block_are_believed() {
    let block = sealed_block();
    assert_eq!(verifier().verify_seal(&block.seal), Ok(()));
    assert_eq!(verifier().verify_header(&sealed(header(), hash("state"))), Ok(()));
    assert_eq!(verifier().verify_block(&block), Ok(()));
    assert_eq!(verifier().chain(), genesis().chain());
}

#[test]
fn no_byte_of_a_seal_header_or_block_can_change() {
    let verifier = verifier();
    every_tamper_is_refused(&sealed_block().seal, |seal| verifier.verify_seal(seal).is_ok());
    every_tamper_is_refused(&sealed(header(), hash("s")), |it| verifier.verify_header(it).is_ok());
    every_tamper_is_refused(&sealed_block(), |block| verifier.verify_block(block).is_ok());
}

#[test]
fn a_state_proof_tells_what_a_key_holds_where_and_when() {
    let verified = verifier().verify_state(&presence()).unwrap();
    assert_eq!((verified.group, verified.height, verified.block_id), (GroupId(1), 1, header().id()));
    assert_eq!(verified.time_ms, 1_700_000_000_005);
    assert_eq!((verified.key, verified.entry), (neighbour(7), Some(entry("house 7"))));
}

#[test]
fn absence_is_proved_too() {
    for absence in absences() {
        let verified = verifier().verify_state(&absence).unwrap();
        assert_eq!((verified.key, verified.entry), (absence.key, None));
    }
}

#[test]
fn no_byte_of_a_state_proof_can_change() {
    let verifier = verifier();
    every_tamper_is_refused(&presence(), |proof| verifier.verify_state(proof).is_ok());
    for absence in absences() {
        // Another key may be absent at the same place: that would be a proof too, but of another fact.
        let same_fact = |proof: &PortableStateProof| proof.key == absence.key;
        every_tamper_is_refused(&absence, |proof| same_fact(proof) && verifier.verify_state(proof).is_ok());
    }
}

#[test]
fn what_is_there_cannot_be_denied_and_what_is_not_cannot_be_claimed() {
    let refused = |portable: PortableStateProof| {
        let key = portable.key.clone();
        assert_eq!(verifier().verify_state(&portable), Err(LightError::WrongPath(key)));
    };
    refused(PortableStateProof { entry: None, ..presence() });
    refused(PortableStateProof { entry: Some(entry("another house")), ..presence() });
    let mut newer = entry("house 7");
    newer.version = Version::new(0, 2, 0);
    refused(PortableStateProof { entry: Some(newer), ..presence() });
    refused(PortableStateProof { key: neighbour(8), ..presence() });
    for absence in absences() {
        refused(PortableStateProof { entry: Some(entry("house 7")), ..absence.clone() });
        refused(PortableStateProof { proof: absence.proof, entry: None, ..presence() });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_key_has_exactly_one_provable_state(number in 0..60_usize, claimed in 0..60_usize) {
        let truth = (number < 20).then(|| entry(&format!("house {number}")));
        let claim = (claimed < 20).then(|| entry(&format!("house {claimed}")));
        let verdict = verifier().verify_state(&portable(neighbour(number), claim.clone()));
        prop_assert_eq!(verdict.is_ok(), claim == truth);
    }

    #[test]
    fn random_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let believed = PortableStateProof::decode(&bytes).is_ok_and(|it| verifier().verify_state(&it).is_ok());
        prop_assert!(!believed);
    }
}

#[test]
fn the_seal_of_another_network_is_refused() {
    let other = Genesis { name: "another".into(), ..genesis() };
    let expected = LightError::WrongChain { expected: other.chain(), found: genesis().chain() };
    let verifier = Verifier::new(&other).unwrap();
    assert_eq!(verifier.verify_seal(&sealed_block().seal), Err(expected.clone()));
    assert_eq!(verifier.verify_block(&sealed_block()), Err(expected.clone()));
    assert_eq!(verifier.verify_state(&presence()), Err(expected));
}

#[test]
fn the_same_keys_signing_for_another_network_are_refused() {
    let mut seal = sealed_block().seal;
    seal.outcome.chain = Genesis { name: "another".into(), ..genesis() }.chain();
    let other = sealed_by(&[0, 1, 3], &seal.outcome);
    let found = seal.outcome.chain;
    assert_eq!(
        verifier().verify_seal(&other),
        Err(LightError::WrongChain { expected: genesis().chain(), found })
    );
    let relabelled = Seal { outcome: sealed_block().seal.outcome, signatures: other.signatures };
    let refused = LightError::Seal(CertificateError::BadSignature(ValidatorIndex(0)));
    assert_eq!(verifier().verify_seal(&relabelled), Err(refused));
}

#[test]
fn fewer_than_a_quorum_prove_nothing() {
    let outcome = sealed_block().seal.outcome;
    for signers in [&[][..], &[2], &[0, 3]] {
        let expected = CertificateError::NoQuorum { signers: signers.len(), quorum: 3 };
        assert_eq!(verifier().verify_seal(&sealed_by(signers, &outcome)), Err(LightError::Seal(expected)));
    }
    let stranger = LightError::Seal(CertificateError::NotAMember(ValidatorIndex(4)));
    assert_eq!(verifier().verify_seal(&sealed_by(&[0, 1, 4], &outcome)), Err(stranger));
}

#[test]
fn groups_and_epochs_that_genesis_does_not_name_are_refused() {
    let with = |change: fn(&mut Outcome)| {
        let mut outcome = sealed_block().seal.outcome;
        change(&mut outcome);
        verifier().verify_seal(&sealed_by(&[0, 1, 2], &outcome))
    };
    assert_eq!(with(|it| it.group = GroupId(2)), Ok(()));
    assert_eq!(with(|it| it.group = GroupId(3)), Err(LightError::UnknownGroup(GroupId(3))));
    assert_eq!(with(|it| it.epoch = Epoch(2)), Err(LightError::UnknownEpoch(GroupId(1), Epoch(2))));
    assert_eq!(with(|it| it.epoch = Epoch(0)), Err(LightError::UnknownEpoch(GroupId(1), Epoch(0))));
}

#[test]
fn a_true_seal_does_not_vouch_for_another_header_or_payload() {
    let mut other_header = sealed(header(), hash("state"));
    other_header.header.time_ms += 1;
    assert_eq!(verifier().verify_header(&other_header), Err(LightError::SealOfAnotherBlock));
    let mut other_payload = sealed_block();
    other_payload.block.payload.envelopes.clear();
    assert_eq!(verifier().verify_block(&other_payload), Err(LightError::PayloadOfAnotherBlock));
}

#[test]
fn the_root_group_proves_nothing_about_keys() {
    let root_header = Header { group: GroupId(0), ..header() };
    let portable = PortableStateProof { header: sealed(root_header, tree().root()), ..presence() };
    assert_eq!(verifier().verify_state(&portable), Err(LightError::RootGroup));
}

#[test]
fn a_group_that_does_not_own_the_slot_can_prove_no_absence_in_it() {
    let key = Key::from("elsewhere");
    let tree = Tree::new((0..SLOTS).filter(|slot| *slot != slot_of(&key)), 0);
    let portable = PortableStateProof {
        header: sealed(header(), tree.root()),
        proof: tree.prove(&key),
        entry: None,
        key: key.clone(),
    };
    assert_eq!(verifier().verify_state(&portable), Err(LightError::SlotNotOwned(GroupId(1), key.clone())));
    let serving = SlotMarker { incarnation: 0, state: SlotState::Serving };
    let proof = StateProof { marker: Some(serving), ..portable.proof.clone() };
    let pretended = PortableStateProof { proof, ..portable };
    assert_eq!(verifier().verify_state(&pretended), Err(LightError::WrongPath(key)));
}

/// The state root where the slot of `key` is empty and frozen, by the rules of the state tree.
fn root_with_frozen_slot(key: &Key, proof: &StateProof) -> Hash {
    let empty_and_frozen = sha256(&[&[2], &0_u32.to_le_bytes(), &[1], Hash::ZERO.as_bytes()]);
    root_above(slot_of(key), empty_and_frozen, &proof.slot_siblings)
}

/// The state root where a slot has this hash, by the rules of the state tree.
fn root_above(slot: u16, hash: Hash, siblings: &[Hash]) -> Hash {
    let (reserved, levels) = siblings.split_last().unwrap();
    let slots = levels.iter().enumerate().fold(hash, |below, (level, sibling)| {
        let (left, right) = if slot >> level & 1 == 1 { (*sibling, below) } else { (below, *sibling) };
        sha256(&[&[3], left.as_bytes(), right.as_bytes()])
    });
    sha256(&[&[4], slots.as_bytes(), reserved.as_bytes()])
}

#[test]
fn a_frozen_slot_is_said_to_be_frozen() {
    let key = Key::from("on its way");
    let mut proof = tree().prove(&key);
    assert!(proof.siblings.is_empty() && proof.other.is_none(), "the slot is empty");
    proof.marker = Some(SlotMarker { incarnation: 0, state: SlotState::Frozen });
    let header = sealed(header(), root_with_frozen_slot(&key, &proof));
    let portable = PortableStateProof { header, key: key.clone(), entry: None, proof };
    assert_eq!(verifier().verify_state(&portable), Err(LightError::SlotFrozen(GroupId(1), key)));
}

#[test]
fn a_genesis_that_contradicts_itself_makes_no_verifier() {
    let mut bad = genesis();
    bad.validators.clear();
    let refused = Verifier::new(&bad).map(|verifier| verifier.chain());
    assert_eq!(refused, Err(LightError::Genesis(witan_types::GenesisError::ValidatorCount(0))));
}

#[test]
fn a_portable_proof_reads_back_as_it_was_written_and_is_bounded() {
    for proof in [presence()].into_iter().chain(absences()) {
        assert_eq!(PortableStateProof::decode(&proof.encode()), Ok(proof));
    }
    assert!(PortableStateProof::decode(&vec![0; PortableStateProof::MAX_BYTES + 1]).is_err());
}

/// Three receipts of a block, the second with its proof.
fn receipt() -> PortableReceipt {
    let receipt = |index: u32| Receipt {
        id: witan_types::TxId(hash(&format!("transaction {index}"))),
        expires_at_ms: 1_700_000_060_000,
        index,
        outcome: TransactionOutcome::Applied { reads: Vec::new() },
        told: Vec::new(),
    };
    let receipts: Vec<Receipt> = (0..3).map(receipt).collect();
    let hashes: Vec<Hash> = receipts.iter().map(Receipt::hash).collect();
    let outcome = Outcome { receipts_root: merkle_list::root(&hashes), ..outcome(&header(), hash("state")) };
    let header = SealedHeader { header: header(), seal: sealed_by(&[0, 1, 3], &outcome) };
    let proof = merkle_list::prove(&hashes, 1).unwrap();
    PortableReceipt { header, receipt: receipt(1), proof }
}

#[test]
fn a_receipt_of_a_sealed_block_is_believed_and_no_other() {
    assert_eq!(verifier().verify_receipt(&receipt()), Ok(()));
    let id = receipt().receipt.id;
    let changes: [fn(&mut PortableReceipt); 4] = [
        |it| it.receipt.outcome = TransactionOutcome::Aborted { reason: witan_ledger::AbortReason::Deadline },
        |it| it.receipt.index = 2,
        |it| it.proof.index = 2,
        |it| it.proof.siblings.truncate(1),
    ];
    for change in changes {
        let mut changed = receipt();
        change(&mut changed);
        assert_eq!(verifier().verify_receipt(&changed), Err(LightError::WrongReceipt(id)));
    }
    let mut unsealed = receipt();
    unsealed.header.seal.signatures =
        QuorumSignatures::collect(unsealed.header.seal.signatures.iter().take(2));
    assert!(matches!(verifier().verify_receipt(&unsealed), Err(LightError::Seal(_))));
    let mut another = receipt();
    another.header.header.time_ms += 1;
    assert_eq!(verifier().verify_receipt(&another), Err(LightError::SealOfAnotherBlock));
}

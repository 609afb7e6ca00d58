//! Each attack does what its name says.

use super::*;
use crate::Message;
use std::collections::BTreeSet;
use witan_consensus::engine::Engine as _;
use witan_consensus::hotstuff::{HotStuff, Kind, Message as Spoken, Vote};
use witan_types::{BlockId, Committee, Epoch, FaultModel, GroupId, Hash, Wire as _};

/// Draws in a fixed order.
struct Counting(u64);

impl Chance for Counting {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

fn instance() -> Instance {
    Instance { chain: witan_types::ChainId(Hash([9; 32])), group: GroupId(1), epoch: Epoch(1) }
}

fn key(place: u8) -> SecretKey {
    SecretKey::from_seed([place; 32])
}

fn says(attack: Attack, to: usize, bytes: &[u8]) -> Vec<Said> {
    let mut attacker = Attacker::new(attack, instance(), EngineKind::HotStuff, ValidatorIndex(2), key(2));
    attacker.say(&Letter { to, bytes: bytes.into() }, &mut Counting(3))
}

fn vote() -> Vec<u8> {
    let vote = Vote::sign(&instance(), &key(2), Kind::Vote, 3, BlockId(Hash([1; 32])));
    Message::Engine(Spoken::Vote(vote).encode()).encode()
}

#[test]
fn the_mute_say_nothing_and_the_slow_say_it_later() {
    let bytes = vote();
    assert!(says(Attack::Mute, 0, &bytes).is_empty());
    let late = says(Attack::Delay, 0, &bytes);
    assert!(late.iter().all(|said| said.bytes[..] == bytes[..]) && late.len() == 1);
}

#[test]
fn an_equivocator_signs_two_votes_that_both_verify() {
    let bytes = vote();
    let heard: BTreeSet<Vec<u8>> =
        (0..2).flat_map(|to| says(Attack::Equivocate, to, &bytes)).map(|said| said.bytes.to_vec()).collect();
    assert_eq!(heard.len(), 2, "one vote for some, another for others");
    let keys = (0..4).map(|place| key(place).public()).collect();
    let committee = Committee::new(keys, FaultModel::Byzantine);
    for bytes in heard {
        let Ok(Message::Engine(bytes)) = Message::decode(&bytes) else { panic!("an engine's message") };
        let message = Spoken::decode(&bytes).unwrap();
        assert!(HotStuff::verify(&instance(), &committee, ValidatorIndex(2), message).is_ok());
    }
}

#[test]
fn attacks_are_named_as_they_are_read() {
    for attack in Attack::ALL {
        assert_eq!(attack.to_string().parse(), Ok(attack));
    }
    assert!("nonsense".parse::<Attack>().unwrap_err().contains("equivocate"));
}

/// A batch of one transaction, drawn by a number.
fn batch(number: u64) -> Message {
    let key = key(1);
    let transaction = witan_types::Transaction {
        chain: instance().chain,
        signer: witan_types::Account(key.public()),
        salt: number,
        expires_at_ms: 1_000,
        checks: vec![],
        ops: vec![],
    };
    Message::Batch(vec![transaction.sign(&key).into()])
}

#[test]
fn who_withholds_batches_sends_them_to_some_and_gives_them_to_nobody() {
    let attack = Attack::WithholdBatches;
    let mut reached = BTreeSet::new();
    for number in 0..40 {
        let bytes = batch(number).encode();
        let hear: Vec<usize> = (0..3).filter(|to| !says(attack, *to, &bytes).is_empty()).collect();
        let again: Vec<usize> = (0..3).filter(|to| !says(attack, *to, &bytes).is_empty()).collect();
        assert_eq!(hear, again, "always the same ones");
        reached.insert(hear.len());
    }
    assert_eq!(reached, BTreeSet::from([0, 1, 2, 3]));
    let Message::Batch(list) = batch(1) else { panic!("a batch") };
    let given = says(attack, 0, &Message::Batches(vec![crate::message::BatchContents(list)]).encode());
    assert_eq!(&given[0].bytes[..], &Message::Batches(Vec::new()).encode()[..]);
    assert_eq!(&says(attack, 0, &vote())[0].bytes[..], &vote()[..], "it votes as it should");
}

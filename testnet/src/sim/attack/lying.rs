//! Attackers that say something else than the replica they wrap.

use super::{Letter, Said};
use crate::sim::engines::{Signer, Speech};
use crate::sim::random::Random;
use witan_replica::Message;
use witan_replica::message::Heartbeat;
use witan_types::{Hash, SealShare, SecretKey, ValidatorIndex, Wire};

/// Some hear what the replica says, the others what contradicts it; now and then one hears both.
pub(super) fn equivocate(
    letter: &Letter,
    signer: Signer<'_>,
    speech: &dyn Speech,
    random: &mut Random,
) -> Vec<Said> {
    let other = match Message::decode(&letter.bytes) {
        Ok(Message::Engine(bytes)) => speech.conflicting(&bytes, signer),
        _ => None,
    };
    let Some(other) = other else { return vec![letter.truly()] };
    let other = letter.saying(Message::Engine(other).bytes());
    if random.chance(10) {
        vec![letter.truly(), other]
    } else if letter.to.is_multiple_of(2) {
        vec![letter.truly()]
    } else {
        vec![other]
    }
}

/// Half of the messages arrive changed: a few bytes, or cut.
pub(super) fn corrupt(letter: &Letter, random: &mut Random) -> Vec<Said> {
    if random.chance(50) {
        return vec![letter.truly()];
    }
    let mut bytes = letter.bytes.to_vec();
    for _ in 0..=random.below(3) {
        let place = random.place(bytes.len());
        let flip = u8::try_from(random.within(1..=255)).unwrap_or(1);
        bytes.get_mut(place).into_iter().for_each(|byte| *byte ^= flip);
    }
    if random.chance(10) {
        bytes.truncate(random.place(bytes.len()));
    }
    vec![letter.saying(bytes)]
}

/// Whatever helps others to catch up is false, and so is how it says it stands.
pub(super) fn mislead_sync(letter: &Letter, speech: &dyn Speech, random: &mut Random) -> Vec<Said> {
    let lie = match Message::decode(&letter.bytes) {
        Ok(Message::Engine(bytes)) => speech.misleading(&bytes, random).map(Message::Engine),
        Ok(Message::Heartbeat(beat)) => Some(Message::Heartbeat(boast(beat, random))),
        Ok(Message::Blocks(blocks)) => Some(wrong_blocks(blocks, random)),
        Ok(Message::Seals(_)) => Some(Message::Seals(Vec::new())),
        Ok(Message::BlocksRequest { .. }) => Some(Message::BlocksRequest { from: random.below(1_000) }),
        _ => None,
    };
    vec![lie.map_or_else(|| letter.truly(), |lie| letter.saying(lie.bytes()))]
}

fn boast(beat: Heartbeat, random: &mut Random) -> Heartbeat {
    match random.below(4) {
        0 => Heartbeat { executed: u64::MAX, sealed: u64::MAX, ..beat },
        1 => Heartbeat { executed: 0, sealed: 0, ..beat },
        2 => Heartbeat { wall_ms: random.number(), votes: !beat.votes, ..beat },
        _ => Heartbeat {
            executed: beat.executed.saturating_add(random.below(100)),
            sealed: beat.sealed.saturating_add(random.below(100)),
            ..beat
        },
    }
}

fn wrong_blocks(mut blocks: Vec<witan_types::SealedBlock>, random: &mut Random) -> Message {
    match random.below(4) {
        0 => blocks.clear(),
        1 => blocks.reverse(),
        2 => {
            let place = random.place(blocks.len());
            if place < blocks.len() {
                blocks.remove(place);
            }
        }
        _ => {
            if let Some(last) = blocks.last_mut() {
                last.block.header.time_ms = last.block.header.time_ms.saturating_add(1);
            }
        }
    }
    Message::Blocks(blocks)
}

/// Some are told of a result that nobody has, under a good signature; some of both.
pub(super) fn false_shares(
    letter: &Letter,
    place: ValidatorIndex,
    key: &SecretKey,
    random: &mut Random,
) -> Vec<Said> {
    let Ok(Message::Shares { again, shares }) = Message::decode(&letter.bytes) else {
        return vec![letter.truly()];
    };
    let falsify = |share: SealShare| {
        let mut outcome = share.outcome;
        outcome.state_root = Hash([7; 32]);
        SealShare::sign(outcome, place, key)
    };
    let shares = shares.into_iter().map(falsify).collect();
    let lie = letter.saying(Message::Shares { again, shares }.bytes());
    if random.chance(50) { vec![lie] } else { vec![letter.truly(), lie] }
}

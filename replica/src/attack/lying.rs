//! Attackers that say something else than the replica they wrap.

use super::{Chance, Letter, Lies, Said, Signer};
use crate::Message;
use crate::message::Heartbeat;
use witan_types::{Hash, SealShare, SecretKey, ValidatorIndex, Wire};

/// Some hear what the replica says, the others what contradicts it; now and then one hears both.
pub(super) fn equivocate(
    letter: &Letter,
    signer: Signer<'_>,
    lies: &dyn Lies,
    chance: &mut dyn Chance,
) -> Vec<Said> {
    let other = match Message::decode(&letter.bytes) {
        Ok(Message::Engine(bytes)) => lies.conflicting(&bytes, signer),
        _ => None,
    };
    let Some(other) = other else { return vec![letter.truly()] };
    let other = letter.saying(Message::Engine(other).bytes());
    if chance.chance(10) {
        vec![letter.truly(), other]
    } else if letter.to.is_multiple_of(2) {
        vec![letter.truly()]
    } else {
        vec![other]
    }
}

/// Half of the messages arrive changed: a few bytes, or cut.
pub(super) fn corrupt(letter: &Letter, chance: &mut dyn Chance) -> Vec<Said> {
    if chance.chance(50) {
        return vec![letter.truly()];
    }
    let mut bytes = letter.bytes.to_vec();
    for _ in 0..=chance.below(3) {
        let place = chance.place(bytes.len());
        let flip = u8::try_from(1 + chance.below(255)).unwrap_or(1);
        bytes.get_mut(place).into_iter().for_each(|byte| *byte ^= flip);
    }
    if chance.chance(10) {
        bytes.truncate(chance.place(bytes.len()));
    }
    vec![letter.saying(bytes)]
}

/// Whatever helps others to catch up is false, and so is how it says it stands.
pub(super) fn mislead_sync(letter: &Letter, lies: &dyn Lies, chance: &mut dyn Chance) -> Vec<Said> {
    let lie = match Message::decode(&letter.bytes) {
        Ok(Message::Engine(bytes)) => lies.misleading(&bytes, chance).map(Message::Engine),
        Ok(Message::Heartbeat(beat)) => Some(Message::Heartbeat(boast(beat, chance))),
        Ok(Message::Blocks(blocks)) => Some(wrong_blocks(blocks, chance)),
        Ok(Message::Seals(_)) => Some(Message::Seals(Vec::new())),
        Ok(Message::BlocksRequest { .. }) => Some(Message::BlocksRequest { from: chance.below(1_000) }),
        _ => None,
    };
    vec![lie.map_or_else(|| letter.truly(), |lie| letter.saying(lie.bytes()))]
}

fn boast(beat: Heartbeat, chance: &mut dyn Chance) -> Heartbeat {
    match chance.below(4) {
        0 => Heartbeat { executed: u64::MAX, sealed: u64::MAX, ..beat },
        1 => Heartbeat { executed: 0, sealed: 0, ..beat },
        2 => Heartbeat { wall_ms: chance.number(), votes: !beat.votes, ..beat },
        _ => Heartbeat {
            executed: beat.executed.saturating_add(chance.below(100)),
            sealed: beat.sealed.saturating_add(chance.below(100)),
            ..beat
        },
    }
}

fn wrong_blocks(mut blocks: Vec<witan_types::SealedBlock>, chance: &mut dyn Chance) -> Message {
    match chance.below(4) {
        0 => blocks.clear(),
        1 => blocks.reverse(),
        2 => {
            let place = chance.place(blocks.len());
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
    chance: &mut dyn Chance,
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
    if chance.chance(50) { vec![lie] } else { vec![letter.truly(), lie] }
}

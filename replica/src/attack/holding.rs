//! Attackers that change no word: they hold back, leave out, and repeat.

use super::{Chance, Letter, Lies, Said};
use crate::Message;
use std::sync::Arc;
use witan_types::{Wire, sha256};

/// The longest that a message is held back, in microseconds: past the longest time-out.
const HELD_BACK: u64 = 2_500_000;
/// The most messages kept to be sent again.
const KEPT: usize = 64;

/// Everything leaves late, some of it in time.
pub(super) fn delay(letter: &Letter, chance: &mut dyn Chance) -> Vec<Said> {
    let after_us = if chance.chance(30) { 0 } else { chance.below(HELD_BACK) };
    vec![Said { after_us, ..letter.truly() }]
}

/// A proposal reaches about half of the others, each time another half.
pub(super) fn withhold(letter: &Letter, lies: &dyn Lies) -> Vec<Said> {
    let proposal = match Message::decode(&letter.bytes) {
        Ok(Message::Engine(bytes)) => lies.is_proposal(&bytes),
        _ => false,
    };
    let draw = sha256(&[&letter.bytes, &(letter.to as u64).to_le_bytes()]);
    let withheld = proposal && draw.as_bytes().first().is_some_and(|byte| byte % 2 == 0);
    if withheld { Vec::new() } else { vec![letter.truly()] }
}

/// Now and then an old message comes along, whoever it was for.
pub(super) fn replay(letter: &Letter, said: &mut Vec<Arc<[u8]>>, chance: &mut dyn Chance) -> Vec<Said> {
    let mut says = vec![letter.truly()];
    if chance.chance(40) {
        let old = said.get(chance.place(said.len())).cloned();
        says.extend(old.map(|bytes| Said { after_us: chance.below(HELD_BACK), unasked: true, bytes }));
    }
    let place = chance.place(KEPT);
    match said.get_mut(place) {
        Some(kept) => *kept = Arc::clone(&letter.bytes),
        None => said.push(Arc::clone(&letter.bytes)),
    }
    says
}

//! Attackers that change no word: they hold back, leave out, and repeat.

use super::{Letter, Said};
use crate::sim::engines::Speech;
use crate::sim::random::Random;
use crate::sim::world::How;
use std::sync::Arc;
use witan_replica::Message;
use witan_types::{Wire, sha256};

/// The longest that a message is held back, in microseconds: past the longest time-out.
const HELD_BACK: u64 = 2_500_000;
/// The most messages kept to be sent again.
const KEPT: usize = 64;

/// Everything leaves late, some of it in time.
pub(super) fn delay(letter: &Letter, random: &mut Random) -> Vec<Said> {
    let after_us = if random.chance(30) { 0 } else { random.below(HELD_BACK) };
    vec![Said { after_us, ..letter.truly() }]
}

/// A proposal reaches about half of the others, each time another half.
pub(super) fn withhold(letter: &Letter, speech: &dyn Speech) -> Vec<Said> {
    let proposal = match Message::decode(&letter.bytes) {
        Ok(Message::Engine(bytes)) => speech.is_proposal(&bytes),
        _ => false,
    };
    let draw = sha256(&[&letter.bytes, &(letter.to as u64).to_le_bytes()]);
    let withheld = proposal && draw.as_bytes().first().is_some_and(|byte| byte % 2 == 0);
    if withheld { Vec::new() } else { vec![letter.truly()] }
}

/// Now and then an old message comes along, whoever it was for.
pub(super) fn replay(letter: &Letter, said: &mut Vec<Arc<[u8]>>, random: &mut Random) -> Vec<Said> {
    let mut says = vec![letter.truly()];
    if random.chance(40) {
        let old = said.get(random.place(said.len())).cloned();
        says.extend(old.map(|bytes| Said { after_us: random.below(HELD_BACK), how: How::OneWay, bytes }));
    }
    let place = random.place(KEPT);
    match said.get_mut(place) {
        Some(kept) => *kept = Arc::clone(&letter.bytes),
        None => said.push(Arc::clone(&letter.bytes)),
    }
    says
}

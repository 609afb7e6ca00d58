//! An attacker that abuses batches: what it says that it holds it gives to nobody, and as a leader it names what is of no use.

use super::{Chance, Letter, Lies, Said, Signer};
use crate::Message;
use witan_types::{
    Batch, BatchName, Block, HeldBatch, Holders, QuorumSignatures, Signature, ValidatorIndex, Wire, sha256,
};

/// The most names kept to be named again.
const KEPT: usize = 64;
/// For how long what it makes up may be named, in milliseconds.
const MADE_UP_FOR_MS: u64 = 5_000;

/// Each of its batches reaches about half of the others, always the same ones: with itself they are a quorum at times, and at times too
/// few. So does the word that a quorum holds it. It says that it holds what others make, and gives batches to nobody. A third of its
/// proposals name a batch that nobody has, under signatures that are none, and a third one that was in a block before.
pub(super) fn withhold_batches(
    letter: &Letter,
    named: &mut Vec<HeldBatch>,
    signer: Signer<'_>,
    lies: &dyn Lies,
    chance: &mut dyn Chance,
) -> Vec<Said> {
    let lie = match Message::decode(&letter.bytes) {
        Ok(Message::Batch(list)) => {
            let reaches = is_drawn(letter.to, BatchName::of(&list).digest.as_bytes());
            return if reaches { vec![letter.truly()] } else { Vec::new() };
        }
        Ok(Message::BatchReady(held)) => {
            let reaches = is_drawn(letter.to, &letter.bytes);
            keep(named, held, chance);
            return if reaches { vec![letter.truly()] } else { Vec::new() };
        }
        Ok(Message::Batches(_)) => Some(Message::Batches(Vec::new())),
        Ok(Message::Engine(bytes)) if lies.is_proposal(&bytes) => {
            lies.changed(&bytes, &|block| naming(block, named, signer), signer).map(Message::Engine)
        }
        _ => None,
    };
    vec![lie.map_or_else(|| letter.truly(), |lie| letter.saying(lie.bytes()))]
}

fn is_drawn(to: usize, bytes: &[u8]) -> bool {
    let draw = sha256(&[bytes, &(to as u64).to_le_bytes()]);
    draw.as_bytes().first().is_some_and(|byte| byte % 2 == 0)
}

fn keep(named: &mut Vec<HeldBatch>, held: HeldBatch, chance: &mut dyn Chance) {
    if named.contains(&held) {
        return;
    }
    match named.get_mut(chance.place(KEPT)) {
        Some(kept) => *kept = held,
        None => named.push(held),
    }
}

/// Another block, the same for all who hear of it. None if it stays as it is.
fn naming(block: &Block, named: &[HeldBatch], signer: Signer<'_>) -> Option<Block> {
    let id = block.id();
    let draw = usize::from(*id.0.as_bytes().first()?);
    let held = match draw % 3 {
        0 => return None,
        1 => made_up(block, signer),
        _ => named.get((draw / 3).checked_rem(named.len())?)?.clone(),
    };
    let mut other = block.clone();
    other.payload.batches.push(Batch::Named(held));
    other.header.payload_root = other.payload.root();
    Some(other)
}

/// A batch that nobody has. One signature is good.
fn made_up(block: &Block, Signer { instance, key }: Signer<'_>) -> HeldBatch {
    let digest = sha256(&[b"a batch that nobody has", block.id().0.as_bytes()]);
    let until_ms = block.header.time_ms.saturating_add(MADE_UP_FOR_MS);
    let name = BatchName { digest, transactions: 1, bytes: 200, until_ms };
    let holders = Holders { chain: instance.chain, group: instance.group, epoch: instance.epoch };
    let signed = (block.header.proposer, name.sign(&holders, key));
    let others = (0..4).map(ValidatorIndex).map(|place| (place, Signature([7; 64])));
    HeldBatch { name, held_by: QuorumSignatures::collect(std::iter::once(signed).chain(others)) }
}

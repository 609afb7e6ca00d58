//! Measures the state tree: processor time per changed key, and memory per key held and per key changed.
//!
//! `cargo run --release -p witan-ledger --example tree_speed [keys] [batch]`

use std::ops::Range;
use witan_ledger::{PROOF_WINDOW, ProofWindow, SLOTS, StateProof, StateTrees, Tree};
use witan_types::{Hash, Key, sha256};

/// Blocks until as many are kept as ever will be.
const FIRST_ROUNDS: usize = PROOF_WINDOW;
/// Blocks after that, each of which lets the oldest go.
const ROUNDS: usize = 300;
/// The most keys of which proofs are made.
const MAX_PROOFS: usize = 10_000;

fn main() {
    let mut arguments = std::env::args().skip(1).map_while(|argument| argument.parse::<usize>().ok());
    let count = arguments.next().unwrap_or(100_000).max(1);
    let batch = arguments.next().unwrap_or(1_000).max(1);

    let empty_bytes = resident_bytes();
    let started = cpu_micros();
    let tree = built(count);
    println!("{count} keys, built at {:.2} us a key", (cpu_micros() - started) / ratio(count, 1));
    let held = ratio(resident_bytes().saturating_sub(empty_bytes), count);
    println!("{held:.0} bytes a key held (resident)");

    let mut trees = StateTrees::new(0, tree);
    let first = advance(&mut trees, count, batch, 0..FIRST_ROUNDS);
    println!("{:.0} bytes a changed key of each block that is kept", first.bytes);
    let steady = advance(&mut trees, count, batch, FIRST_ROUNDS..FIRST_ROUNDS + ROUNDS);
    println!("batches of {batch}: {:.2} us a changed key, at first {:.2}", steady.micros, first.micros);
    println!("{:.0} bytes a changed key more after {ROUNDS} blocks", steady.bytes);
    prove_and_verify(trees, count.min(MAX_PROOFS));
}

fn key(number: usize) -> Key {
    Key(format!("account/{number:08}/record").into_bytes())
}

/// What stands at a key after a round.
fn value(round: usize) -> Hash {
    sha256(&[&round.to_le_bytes()])
}

fn built(count: usize) -> Tree {
    /// So that not all keys stand in memory beside the tree.
    const AT_ONCE: usize = 10_000;
    let mut tree = Tree::new(0..SLOTS, 0);
    for from in (0..count).step_by(AT_ONCE) {
        let keys: Vec<Key> = (from..count.min(from + AT_ONCE)).map(key).collect();
        tree = tree.update(keys.iter().map(|key| (key, Some(value(0)))));
    }
    tree
}

/// Of one changed key.
struct Cost {
    micros: f64,
    bytes: f64,
}

fn advance(trees: &mut StateTrees, count: usize, batch: usize, rounds: Range<usize>) -> Cost {
    let (bytes, mut micros, changed) = (resident_bytes(), 0.0, rounds.len() * batch);
    for round in rounds {
        let keys: Vec<Key> =
            (round * batch..(round + 1) * batch).map(|place| key(place * 7_919 % count)).collect();
        let changes: Vec<_> = keys.iter().map(|key| (key, Some(value(round + 1)))).collect();
        let started = cpu_micros();
        trees.advance(changes);
        micros += cpu_micros() - started;
    }
    let grown = resident_bytes().saturating_sub(bytes);
    Cost { micros: micros / ratio(changed, 1), bytes: ratio(grown, changed) }
}

fn prove_and_verify(mut trees: StateTrees, count: usize) {
    let keys: Vec<Key> = (0..count).map(key).collect();
    let prove = |window: &ProofWindow, height: u64, which: &str| -> Vec<StateProof> {
        let started = cpu_micros();
        let proofs = keys.iter().filter_map(|key| window.prove(height, key)).collect();
        println!("{:.2} us to prove a key at the {which} height", (cpu_micros() - started) / ratio(count, 1));
        proofs
    };
    let oldest = trees.window().oldest().unwrap_or(0);
    drop(prove(trees.window(), oldest, "oldest"));
    let entry = Some(value(0));
    let root = trees.advance(keys.iter().map(|key| (key, entry)));
    let newest = trees.window().oldest().unwrap_or(0) + PROOF_WINDOW as u64 - 1;
    let proofs = prove(trees.window(), newest, "newest");
    let started = cpu_micros();
    let verified = proofs.iter().zip(&keys).filter(|(proof, key)| proof.verify(&root, key, entry)).count();
    let micros = (cpu_micros() - started) / ratio(count, 1);
    println!("{micros:.2} us to verify a proof; {verified} of {count} verify");
}

/// Microseconds that this process has been on a processor, from the first field of /proc/self/schedstat: a busy machine
/// does not change it. 0 where there is no such file.
fn cpu_micros() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = schedstat.split(' ').next().and_then(|text| text.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e3
}

#[expect(clippy::cast_precision_loss, reason = "a figure to read")]
fn ratio(bytes: usize, count: usize) -> f64 {
    bytes as f64 / count as f64
}

/// Resident memory of this process, from the second field of /proc/self/statm (pages of 4 KiB); 0 where there is none.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

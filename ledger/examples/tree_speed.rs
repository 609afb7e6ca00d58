//! Measures the state tree: processor time per changed key, and memory per key held and per key changed.
//!
//! `cargo run --release -p witan-ledger --example tree_speed [keys] [batch]`

use witan_ledger::{SLOTS, Tree};
use witan_types::{Hash, Key, sha256};

const ROUNDS: usize = 50;

fn main() {
    let mut arguments = std::env::args().skip(1).map_while(|argument| argument.parse::<usize>().ok());
    let count = arguments.next().unwrap_or(100_000).max(1);
    let batch = arguments.next().unwrap_or(1_000).max(1);
    let keys: Vec<Key> =
        (0..count).map(|number| Key(format!("account/{number:08}/record").into_bytes())).collect();
    let value = |round: usize| Some(sha256(&[&round.to_le_bytes()]));

    let empty_bytes = resident_bytes();
    let started = cpu_micros();
    let tree = Tree::new(0..SLOTS, 0).update(keys.iter().map(|key| (key, value(0))));
    let built = cpu_micros() - started;
    let built_bytes = resident_bytes();
    println!("{count} keys, built at {:.2} us a key", built / ratio(count, 1));
    println!("{:.0} bytes a key held (resident)", ratio(built_bytes.saturating_sub(empty_bytes), count));

    let mut trees = vec![tree];
    let mut spread = keys.iter().cycle().step_by(7_919);
    let batches: Vec<Vec<(&Key, Option<Hash>)>> = (1..=ROUNDS)
        .map(|round| spread.by_ref().take(batch).map(|key| (key, value(round))).collect())
        .collect();
    let held_bytes = resident_bytes();
    let started = cpu_micros();
    for changes in batches {
        let next = trees.last().map(|tree| tree.update(changes));
        trees.extend(next);
    }
    let updated = cpu_micros() - started;
    let grown = resident_bytes().saturating_sub(held_bytes);
    println!("batches of {batch}: {:.2} us a changed key", updated / ratio(ROUNDS * batch, 1));
    println!("{:.0} bytes a changed key while the old tree is kept", ratio(grown, ROUNDS * batch));

    prove_and_verify(&trees, &keys, value(0));
}

fn prove_and_verify(trees: &[Tree], keys: &[Key], entry: Option<Hash>) {
    let Some(tree) = trees.first() else { return };
    let root = tree.root();
    let started = cpu_micros();
    let proofs: Vec<_> = keys.iter().map(|key| tree.prove(key)).collect();
    println!("{:.2} us to prove a key", (cpu_micros() - started) / ratio(keys.len(), 1));
    let started = cpu_micros();
    let verified = proofs.iter().zip(keys).filter(|(proof, key)| proof.verify(&root, key, entry)).count();
    println!(
        "{:.2} us to verify a proof; {verified} of {} verify",
        (cpu_micros() - started) / ratio(keys.len(), 1),
        keys.len()
    );
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

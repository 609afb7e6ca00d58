//! Keys written before a load, many in a transaction, so that a network is measured with a state of some size.

use super::driver::Driver;
use super::submission::follow;
use super::{BenchError, BenchPlan};
use crate::load::presign::{MIN_LOAD_BYTES, PUT_BYTES};
use crate::load::{Pace, Prepared, load_key};
use crate::workload::unix_ms;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::unbounded_channel;
use witan_rpc::{At, Client, TransactionDetail};
use witan_types::{Account, ChainId, Op, SecretKey, Transaction, Wire as _, sha256};

/// The most puts in a transaction, and about the most bytes of all of them.
const PUTS: u64 = 100;
const BYTES: u64 = 32 * 1024;
/// Transactions in a submission: as hex they fit into a request.
const BATCH: usize = 10;
/// The time to commit that is aimed for.
const TARGET: Duration = Duration::from_millis(500);
/// How long writing may take.
const WITHIN: Duration = Duration::from_secs(90);
/// How long its transactions live, in milliseconds.
const LIFETIME_MS: u64 = 110_000;

/// Writes so many keys of the load, with values as large as the load's.
pub(super) async fn write(
    plan: &BenchPlan,
    clients: &[Client],
    chain: ChainId,
    keys: u64,
) -> Result<(), BenchError> {
    let first = clients.first().ok_or(BenchError::NoNodes)?;
    let load = sign(plan, chain, keys);
    let height = first.block(plan.group, At::Latest, TransactionDetail::None).await?.height;
    let (events, mut inbox) = unbounded_channel();
    let following = tokio::spawn(follow(first.clone(), plan.group, height + 1, events.clone()));
    let mut driver = Driver::new(&plan.nodes, clients.to_vec(), (load, BATCH), Pace::aiming_for(TARGET));
    driver.load_until(Instant::now() + WITHIN, &events, &mut inbox).await;
    driver.drain(&events, &mut inbox).await;
    following.abort();
    let left = driver.batches.iter().filter(|batch| batch.open > 0).count();
    match (left, driver.failed) {
        (0, 0) => Ok(()),
        _ => Err(BenchError::Preload { keys, within: WITHIN, last: driver.last_failure }),
    }
}

fn sign(plan: &BenchPlan, chain: ChainId, keys: u64) -> Vec<Prepared> {
    let seed = plan.seed.to_le_bytes();
    let signer = SecretKey::from_seed(sha256(&[b"witan preload", &seed]).0);
    let value_bytes = plan.tx_bytes.saturating_sub(MIN_LOAD_BYTES);
    let puts = (BYTES / (PUT_BYTES + value_bytes) as u64).clamp(1, PUTS);
    let put = |number: u64| {
        let filler = sha256(&[b"preload", &seed, &number.to_le_bytes()]).0;
        Op::Put { key: load_key(number), value: filler.iter().copied().cycle().take(value_bytes).collect() }
    };
    let transaction = |salt: u64| Transaction {
        chain,
        signer: Account(signer.public()),
        salt,
        expires_at_ms: unix_ms() + LIFETIME_MS,
        checks: Vec::new(),
        ops: (salt * puts..keys.min((salt + 1) * puts)).map(put).collect(),
    };
    let signed = (0..keys.div_ceil(puts)).map(|salt| transaction(salt).sign(&signer));
    signed.map(|signed| Prepared { id: signed.id(), bytes: signed.encode() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Offer;
    use std::collections::BTreeSet;
    use witan_types::{GroupId, Key, SignedTransaction};

    #[test]
    fn every_key_is_written_once_by_valid_transactions() {
        for (keys, tx_bytes) in [(1, 256), (250, 256), (7, 20_000)] {
            let plan = BenchPlan {
                nodes: Vec::new(),
                group: GroupId(1),
                warm_up: Duration::ZERO,
                window: Duration::ZERO,
                offer: Offer::Clients(1),
                batch: None,
                tx_bytes,
                keys: Some(keys),
                seed: 1,
            };
            let (mut written, mut puts) = (BTreeSet::new(), 0);
            for one in sign(&plan, ChainId::default(), keys) {
                let signed = SignedTransaction::decode(&one.bytes).unwrap();
                assert!(signed.transaction.check_form().is_ok());
                for op in signed.transaction.ops {
                    let Op::Put { key, value } = op else { panic!("{op:?}") };
                    assert_eq!(value.len(), tx_bytes - MIN_LOAD_BYTES);
                    written.insert(key);
                    puts += 1;
                }
            }
            assert_eq!((puts, written), (keys, (0..keys).map(load_key).collect::<BTreeSet<Key>>()));
        }
    }
}

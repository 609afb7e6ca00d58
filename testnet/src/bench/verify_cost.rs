//! What verifying a signature costs at the least here: the physical limit that throughput is measured against.

use crate::load::Prepared;
use ed25519_zebra::{VerificationKeyBytes, batch};
use std::time::{Duration, Instant};
use witan_types::{Scheme, Signed, SignedTransaction, Wire as _};

/// Signatures in a batch.
pub const BATCH: usize = 256;
/// Batches that each way of verifying is given: enough for the fastest to have run undisturbed.
const ROUNDS: usize = 24;

/// The least time a signature, in microseconds, on one core in batches of [`BATCH`], over Witan's own batch check
/// and ed25519-zebra's; `None` without transactions. The signatures are the load's own, so that the limit is that of
/// this load.
pub fn cheapest_verify_us(load: &[Prepared]) -> Option<f64> {
    let decode = |prepared: &Prepared| SignedTransaction::decode(&prepared.bytes).ok();
    let items: Vec<Signed> =
        load.iter().take(BATCH).filter_map(decode).map(|signed| signed.signed()).collect();
    let own = || Scheme::Ed25519.verify_batch(&items).is_empty();
    let fastest = (0..ROUNDS).flat_map(|_| [timed(own), timed(|| zebra(&items))]).flatten().min()?;
    let count = u32::try_from(items.len()).ok().filter(|count| *count > 0)?;
    Some(fastest.as_secs_f64() * 1e6 / f64::from(count))
}

/// How long a check took, if it held.
fn timed(check: impl Fn() -> bool) -> Option<Duration> {
    let start = Instant::now();
    check().then(|| start.elapsed())
}

fn zebra(items: &[Signed]) -> bool {
    let mut verifier = batch::Verifier::new();
    for item in items {
        let signature = ed25519_zebra::Signature::from(item.signature.0);
        verifier.queue((VerificationKeyBytes::from(item.key.0), signature, &item.message));
    }
    verifier.verify(rand::rng()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{LoadPlan, presign};
    use witan_types::ChainId;

    #[test]
    fn a_load_has_a_price_and_no_load_has_none() {
        let plan = LoadPlan::scattered(ChainId::default(), 1, BATCH, 256, 1);
        let price = cheapest_verify_us(&presign(&plan)).unwrap();
        assert!(price > 0.0 && price.is_finite());
        assert_eq!(cheapest_verify_us(&[]), None);
    }

    #[test]
    fn both_ways_of_verifying_refuse_a_wrong_signature() {
        let plan = LoadPlan::scattered(ChainId::default(), 1, 3, 256, 1);
        let mut items: Vec<Signed> = presign(&plan)
            .iter()
            .map(|prepared| SignedTransaction::decode(&prepared.bytes).unwrap().signed())
            .collect();
        assert!(zebra(&items));
        items[1].signature.0[0] ^= 1;
        assert!(!zebra(&items));
        assert_eq!(Scheme::Ed25519.verify_batch(&items), [1]);
    }
}

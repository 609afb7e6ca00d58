//! What the integration tests share: keys, a committee, and a seeded source of choices.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of this")]

pub mod cluster;
pub mod hotstuff;
pub mod pbft;
pub mod raft;
pub mod stage;
pub mod twins;
pub mod vectors;

use std::time::Duration;
use witan_consensus::engine::{Engine, Instance, Setup};
use witan_types::{
    BlockId, ChainId, Committee, Epoch, GroupId, Hash, Header, Outcome, Payload, QuorumSignatures, Scheme,
    Seal, SealShare, SealedHeader, SecretKey, ValidatorIndex, sha256,
};

/// The first time-out of a view in every test.
pub const BASE_TIMEOUT: Duration = Duration::from_millis(1000);
/// The longest time-out of a view in every test.
pub const MAX_TIMEOUT: Duration = Duration::from_millis(8000);

/// A small generator of choices (splitmix64): the same seed makes the same run.
#[derive(Clone, Debug)]
pub struct Choices(pub u64);

impl Choices {
    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// A place below `length`.
    pub fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }
}

/// The key of a validator.
pub fn key(place: usize, scheme: Scheme) -> SecretKey {
    SecretKey::from_seed([u8::try_from(place).unwrap() + 1; 32]).under(scheme)
}

/// A committee of `size`.
pub fn committee<E: Engine>(size: usize, scheme: Scheme) -> Committee {
    let keys = (0..size).map(|place| key(place, scheme).public()).collect();
    Committee::new(keys, E::FAULTS).under(scheme)
}

/// Where the tests' signatures count.
pub fn instance() -> Instance {
    Instance { chain: ChainId(sha256(&[b"a test"])), group: GroupId(3), epoch: Epoch(2) }
}

/// The base block: the last one of the epoch before, with a tag that must not be taken for a round of this one.
pub fn base() -> Header {
    let Instance { chain, group, .. } = instance();
    Header {
        chain,
        group,
        epoch: Epoch(1),
        height: 100,
        tag: 77,
        parent: BlockId::default(),
        proposer: ValidatorIndex(0),
        time_ms: 5_000,
        payload_root: Payload::default().root(),
    }
}

/// A validator's setup at the start of the epoch.
pub fn setup<E: Engine>(place: usize, size: usize, scheme: Scheme, seed: u64) -> Setup {
    Setup {
        instance: instance(),
        committee: committee::<E>(size, scheme),
        me: ValidatorIndex(u16::try_from(place).unwrap()),
        key: key(place, scheme),
        base: base(),
        stable: base(),
        stable_seal: None,
        proposers: Vec::new(),
        durable: base().height,
        base_timeout: BASE_TIMEOUT,
        max_timeout: MAX_TIMEOUT,
        seed,
    }
}

/// A header under the seal of all `size` members: engines may prove it to each other.
pub fn sealed(header: &Header, size: usize, scheme: Scheme) -> SealedHeader {
    let outcome = Outcome {
        chain: header.chain,
        group: header.group,
        epoch: header.epoch,
        height: header.height,
        block_id: header.id(),
        state_root: Hash::ZERO,
        receipts_root: Hash::ZERO,
        outbox_root: Hash::ZERO,
        next_epoch: None,
    };
    let sign = |place: usize| {
        let validator = ValidatorIndex(u16::try_from(place).unwrap());
        (validator, SealShare::sign(outcome.clone(), validator, &key(place, scheme)).signature)
    };
    let signatures = QuorumSignatures::collect((0..size).map(sign));
    SealedHeader { header: header.clone(), seal: Seal { outcome, signatures } }
}

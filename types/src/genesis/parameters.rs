//! The numbers on which all validators agree.

use crate::block::MAX_PAYLOAD_BYTES;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Numbers that all validators share.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Parameters {
    /// Least milliseconds between blocks.
    pub block_time_ms: u64,
    /// Milliseconds after which a group without work makes an empty block.
    pub idle_interval_ms: u64,
    /// Milliseconds before the first time-out of a view.
    pub base_timeout_ms: u64,
    /// The longest time-out of a view, in milliseconds.
    pub max_timeout_ms: u64,
    /// How far ahead of block time a transaction may expire, in milliseconds.
    pub max_tx_lifetime_ms: u64,
    /// How far a block's time may be ahead of a voter's clock, in milliseconds.
    pub max_drift_ms: u64,
    /// The most bytes of transactions in a block.
    pub max_block_bytes: u64,
    /// After how many milliseconds of its coordinator's block time a transaction across groups is given up if not every
    /// group has answered.
    pub prepare_timeout_ms: u64,
    /// The same for a transaction that only reads.
    pub read_timeout_ms: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            block_time_ms: 0,
            idle_interval_ms: 10_000,
            base_timeout_ms: 1_000,
            max_timeout_ms: 30_000,
            max_tx_lifetime_ms: 120_000,
            max_drift_ms: 500,
            max_block_bytes: 512 * 1024,
            prepare_timeout_ms: 5_000,
            read_timeout_ms: 1_000,
        }
    }
}

impl Parameters {
    /// Judges them.
    ///
    /// # Errors
    /// The rule they break, for people.
    pub fn check(&self) -> Result<(), &'static str> {
        let rules = [
            (self.base_timeout_ms >= 10, "baseTimeoutMs must be at least 10"),
            (self.max_timeout_ms >= self.base_timeout_ms, "maxTimeoutMs must be at least baseTimeoutMs"),
            (self.max_timeout_ms <= 3_600_000, "maxTimeoutMs must be at most 3600000"),
            (self.idle_interval_ms >= 100, "idleIntervalMs must be at least 100"),
            (
                self.block_time_ms <= self.base_timeout_ms / 2,
                "blockTimeMs must be at most half of baseTimeoutMs",
            ),
            (self.max_tx_lifetime_ms >= 1_000, "maxTxLifetimeMs must be at least 1000"),
            ((10..=3_600_000).contains(&self.prepare_timeout_ms), "prepareTimeoutMs must be 10 to 3600000"),
            (
                (10..=self.prepare_timeout_ms).contains(&self.read_timeout_ms),
                "readTimeoutMs must be 10 to prepareTimeoutMs",
            ),
            (
                (256 * 1024..=MAX_PAYLOAD_BYTES as u64 / 2).contains(&self.max_block_bytes),
                "maxBlockBytes must be 262144 to 1048576",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(rule),
            None => Ok(()),
        }
    }

    /// Judges them in the place of the ones that hold now.
    ///
    /// # Errors
    /// The rule they break, for people; some are part of every epoch and can't change while it lasts.
    pub fn check_change(&self, now: &Parameters) -> Result<(), String> {
        self.check().map_err(str::to_owned)?;
        let lasting = [
            ("baseTimeoutMs", self.base_timeout_ms, now.base_timeout_ms),
            ("maxTimeoutMs", self.max_timeout_ms, now.max_timeout_ms),
            ("maxTxLifetimeMs", self.max_tx_lifetime_ms, now.max_tx_lifetime_ms),
            ("maxDriftMs", self.max_drift_ms, now.max_drift_ms),
        ];
        match lasting.iter().find(|(_, wanted, held)| wanted != held) {
            Some((name, _, held)) => Err(format!("{name} is {held} and can't change while an epoch lasts")),
            None => Ok(()),
        }
    }
}

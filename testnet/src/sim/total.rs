//! Many runs together.

use super::report::Report;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use witan_replica::attack::Attack;

/// Sums over runs.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Total {
    /// Runs.
    pub runs: u64,
    /// Those in which enough happened to say something.
    pub counted: u64,
    /// Those that broke a promise.
    pub violations: u64,
    /// Blocks.
    pub blocks: u64,
    /// The highest rounds, views or terms, added up.
    pub views: u64,
    /// Committed transactions.
    pub transactions: u64,
    /// Messages that arrived.
    pub messages: u64,
    /// How often each attack was played.
    pub attacks: BTreeMap<Attack, u64>,
    /// Proven accusations of attackers.
    pub accusations: u64,
    /// Virtual time, milliseconds.
    pub virtual_ms: u64,
    /// Real time that all of it took, milliseconds; for whoever started the runs to say.
    pub wall_ms: u64,
}

impl Total {
    /// Adds a run.
    pub fn add(&mut self, report: &Report) {
        self.runs += 1;
        self.counted += u64::from(report.counts);
        self.violations += u64::from(report.violation.is_some());
        self.blocks += report.blocks;
        self.views += report.views;
        self.transactions += report.transactions as u64;
        self.messages += report.messages;
        report.attackers.values().for_each(|attack| *self.attacks.entry(*attack).or_default() += 1);
        self.accusations += report.accusations;
        self.virtual_ms += report.virtual_ms;
    }

    /// All of it took this long.
    pub fn took(&mut self, wall: Duration) {
        self.wall_ms = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
    }

    /// Whether every promise held, and every run says something.
    pub fn is_good(&self) -> bool {
        self.violations == 0 && self.counted == self.runs
    }

    /// Runs an hour, at the pace of these.
    pub fn seeds_per_hour(&self) -> u64 {
        self.runs.saturating_mul(3_600_000).checked_div(self.wall_ms).unwrap_or(0)
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Total { runs, counted, violations, blocks, views, transactions, accusations, .. } = self;
        write!(f, "{runs} runs, {counted} counted: ")?;
        if self.is_good() {
            f.write_str("every promise held. ")?;
        } else {
            write!(f, "{violations} broke a promise, {} do not count. ", runs.saturating_sub(*counted))?;
        }
        write!(f, "{blocks} blocks in {views} views and {transactions} transactions")?;
        if !self.attacks.is_empty() {
            let attacks = self.attacks.iter().map(|(attack, times)| format!("{attack} {times}"));
            let attacks = attacks.collect::<Vec<_>>().join(", ");
            write!(f, ", {accusations} accusations under attacks ({attacks})")?;
        }
        let (virtual_s, wall_s) = (self.virtual_ms / 1_000, self.wall_ms as f64 / 1_000.0);
        write!(
            f,
            ", in {virtual_s} s of virtual time, {wall_s:.1} s here: {} seeds/hour",
            self.seeds_per_hour()
        )
    }
}

//! Several measurements of one invocation, to be compared: engines side by side, and each with validators that are dead
//! from the start. Machines differ and change with the hour, so what counts are the ratios.

use super::BenchReport;
use serde::Serialize;
use std::fmt;

/// One engine as measured with all validators and, if that was asked for, with some of them never started.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EngineRun {
    /// With all validators.
    #[serde(flatten)]
    pub report: BenchReport,
    /// Throughput relative to the first engine's, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative: Option<f64>,
    /// Validators that the second measurement did without; 0 if there was none.
    pub dead: usize,
    /// The second measurement.
    #[serde(flatten)]
    pub without: Option<WithDead>,
    /// The full load, of which a share was offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full: Option<BenchReport>,
    /// The same load offered once more while validators are killed in the middle.
    #[serde(flatten)]
    pub killed: Option<WithKilled>,
}

/// What is left while validators are dead.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WithDead {
    /// The share of the throughput that is kept.
    pub kept: f64,
    /// The 99th of 100 times to commit, in milliseconds.
    pub p99_dead_ms: f64,
    /// All figures; `nodes` counts those that ran.
    pub with_dead: BenchReport,
}

/// What is left when validators are killed in the middle of an offered load.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WithKilled {
    /// The share of the throughput that is kept.
    pub kept_killed: f64,
    /// All figures; `offered.killed` has the stalls.
    pub with_killed: BenchReport,
}

impl EngineRun {
    /// What was measured with all validators and with `dead` of them never started.
    pub fn new(report: BenchReport, with_dead: Option<(usize, BenchReport)>) -> EngineRun {
        let dead = with_dead.as_ref().map_or(0, |(dead, _)| *dead);
        let without = with_dead.map(|(_, other)| WithDead {
            kept: other.tx_per_s / report.tx_per_s,
            p99_dead_ms: other.p99_ms,
            with_dead: other,
        });
        EngineRun { report, relative: None, dead, without, full: None, killed: None }
    }

    /// Adds what was measured while validators were killed.
    pub fn with_killed(&mut self, with_killed: BenchReport) {
        let kept_killed = with_killed.tx_per_s / self.report.tx_per_s;
        self.killed = Some(WithKilled { kept_killed, with_killed });
    }
}

impl fmt::Display for EngineRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(full) = &self.full {
            write!(f, "full load: {full}\n\noffered: ")?;
        }
        write!(f, "{}", self.report)?;
        if let Some(WithKilled { kept_killed, with_killed }) = &self.killed {
            write!(
                f,
                "\n\nkilled in the middle: {with_killed}\n\n  kept            {kept_killed:>9.3}  of the throughput"
            )?;
        }
        let Some(WithDead { kept, p99_dead_ms, with_dead }) = &self.without else { return Ok(()) };
        let validators = self.report.nodes;
        write!(
            f,
            "\n\nwith {} of {validators} dead from the start: {with_dead}\n\n  kept            {kept:>9.3}  of the throughput; \
             p99 {p99_dead_ms:.0} ms, without faults {:.0} ms",
            self.dead, self.report.p99_ms
        )
    }
}

/// Engines side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suite {
    /// In the order in which they ran.
    pub runs: Vec<EngineRun>,
}

impl Suite {
    /// Compares each with the first.
    pub fn new(mut runs: Vec<EngineRun>) -> Suite {
        let first = runs.first().map_or(f64::NAN, |run| run.report.tx_per_s);
        for run in &mut runs {
            run.relative = Some(run.report.tx_per_s / first);
        }
        Suite { runs }
    }

    /// The headings of [`Suite::rows`].
    pub fn headings(&self) -> Vec<&'static str> {
        let mut headings = vec![
            "ENGINE",
            "FAULTS",
            "TX/S",
            "RELATIVE",
            "P50 MS",
            "P95 MS",
            "P99 MS",
            "CPU US/TX",
            "RSS MB",
            "SHARE",
        ];
        if self.runs.iter().any(|run| run.without.is_some()) {
            headings.extend(["DEAD", "TX/S DEAD", "KEPT", "P99 MS DEAD"]);
        }
        headings
    }

    /// One row an engine: processor time is that of all nodes, memory the largest node's, the share that of the limit.
    pub fn rows(&self) -> Vec<Vec<String>> {
        self.runs.iter().map(EngineRun::row).collect()
    }
}

impl EngineRun {
    fn row(&self) -> Vec<String> {
        let BenchReport { engine, faults, tx_per_s, p50_ms, p95_ms, p99_ms, .. } = &self.report;
        let mut row = vec![
            engine.to_string(),
            faults.to_string(),
            format!("{tx_per_s:.0}"),
            self.relative.map_or_else(|| "-".into(), |relative| format!("{relative:.2}")),
            format!("{p50_ms:.0}"),
            format!("{p95_ms:.0}"),
            format!("{p99_ms:.0}"),
            format!("{:.1}", self.report.cpu_us_per_tx),
            format!("{:.0}", self.report.rss_mb),
            format!("{:.3}", self.report.share_of_limit),
        ];
        if let Some(WithDead { kept, p99_dead_ms, with_dead }) = &self.without {
            let dead = format!("{} of {}", self.dead, self.report.nodes);
            row.extend([
                dead,
                format!("{:.0}", with_dead.tx_per_s),
                format!("{kept:.3}"),
                format!("{p99_dead_ms:.0}"),
            ]);
        }
        row
    }
}

#[cfg(test)]
mod tests;

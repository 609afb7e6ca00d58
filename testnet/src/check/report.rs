//! What a check found.

use super::evidence::Evidence;
use crate::sim::Promise;
use serde::Serialize;
use std::fmt;

/// The most pieces of evidence that people are shown of one promise.
const SHOWN: usize = 5;
/// The most pieces of evidence that are kept of one promise; the others are counted.
pub const MAX_EVIDENCE: usize = 20;

/// What is thought of one promise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It held in all that was looked at.
    Kept,
    /// It did not hold.
    Broken,
    /// Nothing can be said, and why.
    NotJudged,
}

/// What was found of one promise.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Which promise.
    pub promise: Promise,
    /// What is thought of it.
    pub verdict: Verdict,
    /// What was looked at, or why nothing was.
    pub covered: String,
    /// What was left out, and why.
    pub left: Vec<String>,
    /// How often it was broken; pieces of evidence beyond [`MAX_EVIDENCE`] are only counted.
    pub violations: usize,
    /// What was seen.
    pub evidence: Vec<Evidence>,
}

impl Finding {
    /// A promise that is looked at.
    pub(super) fn of(promise: Promise) -> Finding {
        Finding {
            promise,
            verdict: Verdict::Kept,
            covered: String::new(),
            left: Vec::new(),
            violations: 0,
            evidence: Vec::new(),
        }
    }

    /// A promise of which nothing can be said.
    pub(super) fn not_judged(promise: Promise, why: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::NotJudged, covered: why.into(), ..Finding::of(promise) }
    }

    /// It was broken.
    pub(super) fn broken_by(&mut self, evidence: Evidence) {
        self.verdict = Verdict::Broken;
        self.violations = self.violations.saturating_add(1);
        if self.evidence.len() < MAX_EVIDENCE {
            self.evidence.push(evidence);
        }
    }

    /// Something was not looked at.
    pub(super) fn leaves_out(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.left.contains(&what) && self.left.len() < MAX_EVIDENCE {
            self.left.push(what);
        }
    }
}

/// Whether a broken promise means that the network stands still rather than that it says what is not so.
pub fn is_about_liveness(promise: Promise) -> bool {
    matches!(promise, Promise::Liveness | Promise::NoOrphans)
}

/// What people read for a promise: a network that was never hurt has nothing to heal.
fn name(promise: Promise) -> String {
    match promise {
        Promise::Liveness => "liveness".to_owned(),
        Promise::NoOrphans => "no orphan locks".to_owned(),
        promise => promise.to_string(),
    }
}

/// What all findings come to; safety wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// No promise was found broken.
    Kept,
    /// The network does not go on where it should.
    Liveness,
    /// The network says what is not so.
    Safety,
}

impl Outcome {
    /// 0, 3 for a liveness failure, 4 for a safety failure.
    pub fn exit_code(self) -> u8 {
        match self {
            Outcome::Kept => 0,
            Outcome::Liveness => 3,
            Outcome::Safety => 4,
        }
    }
}

/// A node that was asked, or was not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Its name.
    pub name: String,
    /// Why it was not asked; null if it was.
    pub not_asked: Option<String>,
}

/// All that a check found.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// The network.
    pub chain: String,
    /// What the findings come to.
    pub outcome: Outcome,
    /// Every node of the network that is known.
    pub nodes: Vec<Asked>,
    /// One a promise.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// What these findings come to.
    pub(super) fn new(chain: String, nodes: Vec<Asked>, findings: Vec<Finding>) -> CheckReport {
        let broken = findings.iter().filter(|finding| finding.verdict == Verdict::Broken);
        let each =
            broken.map(
                |finding| {
                    if is_about_liveness(finding.promise) { Outcome::Liveness } else { Outcome::Safety }
                },
            );
        let outcome = each.max().unwrap_or(Outcome::Kept);
        CheckReport { chain, outcome, nodes, findings }
    }

    /// What was found of a promise.
    pub fn finding(&self, promise: Promise) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.promise == promise)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.verdict {
            Verdict::Kept => "✓",
            Verdict::Broken => "✗",
            Verdict::NotJudged => "-",
        };
        write!(f, "{sign} {:<22} {}", name(self.promise), self.covered)?;
        for evidence in self.evidence.iter().take(SHOWN) {
            for line in evidence.to_string().lines() {
                write!(f, "\n    {line}")?;
            }
        }
        match self.violations.saturating_sub(self.evidence.len().min(SHOWN)) {
            0 => {}
            more => write!(f, "\n    and {more} more")?,
        }
        self.left.iter().try_for_each(|left| write!(f, "\n    not looked at: {left}"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Kept => "every promise that was looked at holds",
            Outcome::Liveness => "LIVENESS: the network does not go on where it should",
            Outcome::Safety => "SAFETY: the network says what is not so",
        })
    }
}

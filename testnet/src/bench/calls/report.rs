//! What calls came to.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt;

/// One method over one transport in one round.
pub(super) struct Round {
    /// How long each call took, in microseconds.
    pub(super) times: Histogram<u64>,
    /// How long the round took.
    pub(super) seconds: f64,
}

impl Round {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn per_s(&self) -> f64 {
        self.times.len() as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }
}

/// Every method over every transport. The names of the fields are those of `witan bench --calls --json`.
#[derive(Debug, Serialize)]
pub struct CallsReport {
    /// Connections that called at the same time, each one call after another.
    pub connections: usize,
    /// How many rounds: figures are the medians of them.
    pub rounds: usize,
    /// One a method and transport.
    pub methods: Vec<MethodFigures>,
}

/// One method over one transport.
#[derive(Debug, Serialize)]
pub struct MethodFigures {
    /// Its name.
    pub method: &'static str,
    /// `HTTP` or `WebSocket`.
    pub transport: &'static str,
    /// Calls a second: the median of the rounds.
    pub calls_per_s: f64,
    /// How long a call took, in microseconds: the median of all calls of all rounds.
    pub p50_us: u64,
    /// The same, 99 of 100.
    pub p99_us: u64,
    /// Calls a second divided by those of the method that does nothing, over the same transport in the same round: the
    /// median of the rounds.
    pub of_no_op: f64,
    #[serde(skip)]
    rates: Vec<f64>,
    #[serde(skip)]
    ratios: Vec<f64>,
    #[serde(skip)]
    times: Histogram<u64>,
}

impl CallsReport {
    pub(super) fn new(connections: usize, rounds: usize) -> CallsReport {
        CallsReport { connections, rounds, methods: Vec::new() }
    }

    /// Takes in a round. In each the method that does nothing comes first.
    pub(super) fn add(&mut self, method: &'static str, transport: &'static str, round: Round) {
        let rate = round.per_s();
        let plain = self.methods.iter().find(|known| known.transport == transport);
        let plain =
            plain.filter(|known| known.method != method).and_then(|known| known.rates.last().copied());
        let ratio = plain.map_or(1.0, |plain| rate / plain);
        let place =
            self.methods.iter().position(|known| (known.method, known.transport) == (method, transport));
        let figures = match place.and_then(|place| self.methods.get_mut(place)) {
            Some(figures) => figures,
            None => {
                self.methods.push(MethodFigures::new(method, transport, &round));
                match self.methods.last_mut() {
                    Some(figures) => figures,
                    None => return,
                }
            }
        };
        figures.take(rate, ratio, &round);
    }
}

impl MethodFigures {
    fn new(method: &'static str, transport: &'static str, round: &Round) -> MethodFigures {
        let times = Histogram::new_from(&round.times);
        let (rates, ratios) = (Vec::new(), Vec::new());
        MethodFigures {
            method,
            transport,
            calls_per_s: 0.0,
            p50_us: 0,
            p99_us: 0,
            of_no_op: 0.0,
            rates,
            ratios,
            times,
        }
    }

    fn take(&mut self, rate: f64, ratio: f64, round: &Round) {
        self.rates.push(rate);
        self.ratios.push(ratio);
        // Both have the same bounds.
        self.times.add(&round.times).unwrap_or_default();
        self.calls_per_s = median(&self.rates);
        self.of_no_op = median(&self.ratios);
        self.p50_us = self.times.value_at_quantile(0.5);
        self.p99_us = self.times.value_at_quantile(0.99);
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

impl fmt::Display for CallsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<24} {:<10} {:>10} {:>9} {:>9} {:>9}",
            "METHOD", "OVER", "CALLS/S", "P50 MS", "P99 MS", "OF NO-OP"
        )?;
        for one in &self.methods {
            #[expect(clippy::cast_precision_loss, reason = "microseconds of a call")]
            let ms = |us: u64| us as f64 / 1000.0;
            writeln!(
                f,
                "{:<24} {:<10} {:>10.0} {:>9.2} {:>9.2} {:>9.2}",
                one.method,
                one.transport,
                one.calls_per_s,
                ms(one.p50_us),
                ms(one.p99_us),
                one.of_no_op
            )?;
        }
        write!(f, "{} connections, medians of {} rounds", self.connections, self.rounds)
    }
}

//! A load's report as one HTML page that stands alone: plots are SVG of our own, and nothing is asked of any network.

mod plot;

use super::report::{LoadReport, rows};
use super::series::Point;
use plot::{Line, Plot, escape};
use std::fmt::Write as _;

const STYLE: &str = include_str!("style.css");

/// What the page says beside the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The command that made it.
    pub command: String,
    /// The machine it ran on.
    pub machine: String,
    /// When it ended.
    pub when: String,
}

/// The page.
pub fn page(report: &LoadReport, about: &About) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>Witan under load</title>\n<style>\n{STYLE}</style></head><body>\n<h1>Witan under load</h1>\n"
    );
    writeln!(
        page,
        "<p class=\"soft\">{} transactions in {:.0} s, {}</p>",
        report.due,
        report.seconds,
        escape(&about.when)
    )
    .ok();
    page.push_str(&figures(report));
    for plot in [throughput(&report.series), latency(&report.series), percentiles(report)] {
        page.push_str(&plot.svg());
    }
    page.push_str("<p class=\"soft\">Latency counts from when a transaction was due, so a stall shows in all of them that it held up.</p>\n");
    page.push_str("<h2>Outcomes</h2>\n");
    let mut outcomes = rows(&report.outcomes);
    outcomes.push(("sent again to another node".to_owned(), report.resubmitted));
    outcomes.push(("lost: acknowledged, and known to no node afterwards".to_owned(), report.lost));
    page.push_str(&table(outcomes.into_iter().map(|(name, count)| (name, count.to_string()))));
    page.push_str("<h2>Parameters</h2>\n");
    page.push_str(&table(parameters(report, about)));
    page + "</body></html>\n"
}

fn figures(report: &LoadReport) -> String {
    let figure = |class: &str, value: String, name: &str| {
        format!("<div class=\"{class}\"><b>{value}</b><span>{name}</span></div>")
    };
    let lost = if report.lost > 0 { "bad" } else { "" };
    [
        figure("", format!("{:.0}", report.tx_per_s), "committed, tx/s"),
        figure("", milliseconds(report.p50_ms), "p50"),
        figure("", milliseconds(report.p95_ms), "p95"),
        figure("", milliseconds(report.p99_ms), "p99"),
        figure("", milliseconds(report.max_ms), "longest"),
        figure(lost, report.lost.to_string(), "lost"),
    ]
    .into_iter()
    .fold("<div class=\"figures\">".to_owned(), |all, one| all + &one)
        + "</div>\n"
}

/// A latency as a figure: with a decimal where that says something.
fn milliseconds(ms: f64) -> String {
    if ms < 100.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

fn throughput(series: &[Point]) -> Plot {
    let line = |name, colour, of: fn(&Point) -> f64| Line {
        name,
        colour,
        points: series.iter().map(|point| (point.at_s, Some(of(point)))).collect(),
    };
    Plot {
        title: "Throughput over time",
        across: "seconds since the first transaction was due",
        up: "tx/s",
        ticks: Vec::new(),
        lines: vec![
            line("due", 0, |point| point.due_per_s),
            line("committed", 1, |point| point.committed_per_s),
        ],
    }
}

fn latency(series: &[Point]) -> Plot {
    let line = |name, colour, of: fn(&Point) -> Option<f64>| Line {
        name,
        colour,
        points: series.iter().map(|point| (point.at_s, of(point))).collect(),
    };
    Plot {
        title: "Latency over time",
        across: "seconds since the first transaction was due, by when each was due",
        up: "ms",
        ticks: Vec::new(),
        lines: vec![
            line("p50", 1, |point| point.p50_ms),
            line("p95", 2, |point| point.p95_ms),
            line("p99", 3, |point| point.p99_ms),
            line("longest", 4, |point| point.max_ms),
        ],
    }
}

/// How far to the right a share stands: as many digits of nines as it has, so that the tail shows.
fn nines(percent: f64) -> f64 {
    -(1.0 - percent / 100.0).max(1e-4).log10()
}

fn percentiles(report: &LoadReport) -> Plot {
    let shown = report.percentiles.iter();
    let points =
        shown.clone().filter(|it| it.percent < 100.0).map(|it| (nines(it.percent), Some(it.ms))).collect();
    let named = [0.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99];
    Plot {
        title: "Latency by percentile",
        across: "percentile",
        up: "ms",
        ticks: named.into_iter().map(|percent| (nines(percent), format!("{percent}"))).collect(),
        lines: vec![Line { name: "all applied transactions", colour: 1, points }],
    }
}

fn parameters(report: &LoadReport, about: &About) -> Vec<(String, String)> {
    let rows = [
        ("command", about.command.clone()),
        ("machine", about.machine.clone()),
        ("chain", report.chain.clone()),
        ("groups", report.engines.join(", ")),
        ("nodes", report.nodes.join(", ")),
        ("rate", format!("{} tx/s", report.offered_per_s)),
        ("connections", report.clients.to_string()),
        (
            "across groups",
            format!("{} %, {} of them applied", report.cross_shard_percent, report.applied_across),
        ),
        ("transaction", format!("{} bytes", report.tx_bytes)),
        ("seed", report.seed.to_string()),
    ];
    rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn table(rows: impl IntoIterator<Item = (String, String)>) -> String {
    let row = |(name, value): (String, String)| {
        format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape(&name), escape(&value))
    };
    let rows: String = rows.into_iter().map(row).collect();
    format!("<table>\n{rows}</table>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::report::Percentile;
    use crate::load::{Counts, PERCENTILES};

    fn report() -> LoadReport {
        let point = |second: u32| Point {
            at_s: f64::from(second),
            due_per_s: 100.0,
            committed_per_s: if second == 2 { 0.0 } else { 120.0 },
            p50_ms: (second != 2).then_some(5.0),
            p95_ms: (second != 2).then_some(9.0),
            p99_ms: (second != 2).then_some(12.0),
            max_ms: (second != 2).then_some(20.0),
        };
        let percentile = |percent: f64| Percentile { percent, ms: 1.0 + percent };
        LoadReport {
            chain: "0xab".into(),
            engines: vec!["hotstuff".into(), "raft (crash)".into()],
            nodes: vec!["n0".into(), "<n1>".into()],
            offered_per_s: 100,
            seconds: 5.0,
            clients: 4,
            cross_shard_percent: 20,
            tx_bytes: 256,
            seed: 1,
            due: 500,
            outcomes: Counts {
                applied: 499,
                refused: [("MEMPOOL_FULL".into(), 1)].into(),
                ..Counts::default()
            },
            applied_across: 100,
            tx_per_s: 99.8,
            p50_ms: 5.0,
            p95_ms: 9.0,
            p99_ms: 12.0,
            max_ms: 20.0,
            percentiles: PERCENTILES.into_iter().map(percentile).collect(),
            resubmitted: 3,
            lost: 1,
            series: (0..5).map(point).collect(),
        }
    }

    fn about() -> About {
        About { command: "witan testnet load".into(), machine: "two cores".into(), when: "now".into() }
    }

    #[test]
    fn the_page_stands_alone_and_shows_every_plot_outcome_and_parameter() {
        let page = page(&report(), &about());
        assert_eq!(page.matches("<svg").count(), 3);
        for outside in ["http://", "https://", "src=", "href=", "url(", "@import", "<script"] {
            assert!(!page.contains(outside), "{outside}");
        }
        for shown in [
            "refused MEMPOOL_FULL",
            "raft (crash)",
            "&lt;n1&gt;",
            "two cores",
            "20 %, 100 of them",
            "class=\"bad\"",
        ] {
            assert!(page.contains(shown), "{shown}");
        }
    }

    #[test]
    fn the_tail_of_latencies_has_as_much_room_as_the_rest() {
        let places = [0.0, 90.0, 99.0, 99.9, 99.99].map(nines);
        for (place, expected) in places.into_iter().zip([0.0, 1.0, 2.0, 3.0, 4.0]) {
            assert!((place - expected).abs() < 1e-6, "{place} for {expected}");
        }
    }
}

use super::*;
use crate::bench::{AfterKill, Offered};
use serde_json::{Value, json};
use witan_types::EngineKind;

fn report(engine: EngineKind, tx_per_s: f64, p99_ms: f64) -> BenchReport {
    BenchReport {
        engine,
        faults: engine.faults(),
        nodes: 4,
        cores: 2,
        seconds: 20.0,
        transactions: 100,
        tx_per_s,
        requests_per_s: tx_per_s / 100.0,
        p50_ms: 200.0,
        p95_ms: 300.0,
        p99_ms,
        max_ms: 500.0,
        cpu_us_per_tx: 200.0,
        client_cpu_us_per_tx: 10.0,
        total_cpu_us_per_tx: 210.0,
        rss_mb: 220.0,
        rss_mb_per_node: vec![220.0; 4],
        verify_us: 10.0,
        share_of_limit: 0.2,
        tx_bytes: 256,
        keys: None,
        batch: 100,
        in_flight: 20,
        mempool_full: 0,
        failed: 0,
        lost: 0,
        load_ran_out: false,
        offered: None,
    }
}

fn document(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn one_engine_without_dead_validators_is_the_report_itself() {
    let report = report(EngineKind::HotStuff, 9_000.0, 360.0);
    let mut expected = document(&report);
    expected["dead"] = json!(0);
    assert_eq!(document(&EngineRun::new(report, None)), expected);
}

#[test]
fn dead_validators_cost_a_share_of_the_same_runs_throughput() {
    let (all, left) = (report(EngineKind::Pbft, 8_000.0, 300.0), report(EngineKind::Pbft, 6_000.0, 900.0));
    let run = EngineRun::new(all.clone(), Some((1, left.clone())));
    let json = document(&run);
    assert_eq!((&json["tx_per_s"], &json["p99_ms"]), (&json!(8_000.0), &json!(300.0)));
    assert_eq!(
        (&json["dead"], &json["kept"], &json["p99_dead_ms"]),
        (&json!(1), &json!(0.75), &json!(900.0))
    );
    assert_eq!(json["with_dead"], document(&left));
    let text = run.to_string();
    assert!(
        text.contains("with 1 of 4 dead") && text.contains("0.750") && text.contains("p99 900 ms"),
        "{text}"
    );
}

#[test]
fn an_offered_share_tells_of_the_full_load_and_of_the_stalls_around_a_kill() {
    let killed = AfterKill { nodes: 1, stall_ms: 700.0, stall_later_ms: 90.0 };
    let offered = Offered {
        rate: 4_000,
        transactions: 80_000,
        held: true,
        sent_late_ms: 2.0,
        stall_ms: 40.0,
        killed: None,
    };
    let measured =
        |offered| BenchReport { offered: Some(offered), ..report(EngineKind::HotStuff, 4_000.0, 90.0) };
    let mut run = EngineRun::new(measured(offered.clone()), None);
    run.full = Some(report(EngineKind::HotStuff, 8_000.0, 400.0));
    run.with_killed(BenchReport {
        tx_per_s: 3_800.0,
        ..measured(Offered { killed: Some(killed), ..offered })
    });
    let json = document(&run);
    assert_eq!((&json["p99_ms"], &json["offered"]["rate"]), (&json!(90.0), &json!(4_000)));
    assert_eq!((&json["full"]["tx_per_s"], &json["kept_killed"]), (&json!(8_000.0), &json!(0.95)));
    assert_eq!(json["with_killed"]["offered"]["killed"]["stall_later_ms"], 90.0);
    let text = run.to_string();
    assert!(
        text.contains("40 ms at most before 1 killed, 700 ms in the 2 s after, 90 ms from then on"),
        "{text}"
    );
}

#[test]
fn engines_stand_side_by_side_relative_to_the_first_with_what_they_trust() {
    let run = |engine, tx_per_s, dead| {
        let left = report(engine, tx_per_s / 2.0, 700.0);
        EngineRun::new(report(engine, tx_per_s, 300.0), Some((dead, left)))
    };
    let suite = Suite::new(vec![run(EngineKind::HotStuff, 9_000.0, 1), run(EngineKind::Raft, 18_000.0, 1)]);
    let json = document(&suite);
    assert_eq!(json["runs"][0]["relative"], 1.0);
    assert_eq!((&json["runs"][1]["relative"], &json["runs"][1]["faults"]), (&json!(2.0), &json!("crash")));
    let (headings, rows) = (suite.headings(), suite.rows());
    assert!(rows.iter().all(|row| row.len() == headings.len()));
    let cell =
        |row: usize, name: &str| rows[row][headings.iter().position(|it| *it == name).unwrap()].clone();
    assert_eq!(["ENGINE", "FAULTS", "RELATIVE"].map(|name| cell(1, name)), ["raft", "crash", "2.00"]);
    assert_eq!(["DEAD", "KEPT", "P99 MS DEAD"].map(|name| cell(0, name)), ["1 of 4", "0.500", "700"]);
}

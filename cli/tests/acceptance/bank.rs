//! Money and lists across groups, on real processes of which one is killed and one stands still: what all accounts hold
//! together never changes, and what was read can be explained one transaction after another.

use crate::network::{Testnet, in_four_groups, signal, until};
use nix::sys::signal::Signal;
use std::time::Duration;
use tokio::time::sleep;
use witan_testnet::workload::{Bank, BankPlan, BankReport, ListsPlan, run_lists};
use witan_types::{EngineKind, GroupId, SecretKey};

stories! {
    in_three_groups: [lists_across_groups_are_strictly_serializable];
}

/// How long clients play, unless `WITAN_BANK_SECONDS` says otherwise, as `make bank` does.
const WINDOW: Duration = Duration::from_secs(20);
/// With nothing else on the machine a strict read of all accounts succeeds at least this often.
const SEEN_EVERY: Duration = Duration::from_secs(5);
const HOT: usize = 6;
const COLD: usize = 100;

#[test]
fn a_bank_in_four_groups_of_one_engine_never_changes_its_total() {
    in_four_groups(&[EngineKind::HotStuff], HOT + COLD, a_bank);
}

#[test]
fn a_bank_in_four_groups_of_three_engines_never_changes_its_total() {
    in_four_groups(&EngineKind::ALL, HOT + COLD, a_bank);
}

/// Plays, while `n1` is killed and comes back and `n2` stands still for a while.
async fn a_bank(testnet: &mut Testnet) {
    let clients = testnet.names().iter().map(|name| testnet.client(name)).collect();
    let keys: Vec<SecretKey> = (0..HOT + COLD).map(|place| testnet.secret(place)).collect();
    let bank = Bank::open(clients, keys).await.unwrap();
    let plan =
        BankPlan { clients: 16, hot: HOT, across: 50, window: window(), lifetime: Duration::from_secs(20) };
    tokio::join!(bank.play(&plan), disturb(testnet, plan.window));
    no_lock_is_left(testnet).await;
    let report = bank.close().await;
    show(&report, plan.window);
    judge(&report, bank.total());
    if alone() {
        let (_, longest) = report.longest_blindness(plan.window);
        assert!(longest <= SEEN_EVERY, "a strict read at least every {SEEN_EVERY:?}, not {longest:?}");
    }
}

fn asked_seconds() -> Option<u64> {
    std::env::var("WITAN_BANK_SECONDS").ok().map(|seconds| seconds.parse().unwrap())
}

fn window() -> Duration {
    asked_seconds().map_or(WINDOW, Duration::from_secs)
}

/// Whether nothing else runs: only then does time say something.
fn alone() -> bool {
    asked_seconds().is_some()
}

async fn disturb(testnet: &mut Testnet, window: Duration) {
    sleep(window / 6).await;
    testnet.network.kill("n1").await.unwrap();
    sleep(window / 8).await;
    testnet.network.start("n1").unwrap();
    sleep(window / 6).await;
    let paused = testnet.network.pid("n2").unwrap();
    signal(paused, Signal::SIGSTOP);
    sleep(window / 8).await;
    signal(paused, Signal::SIGCONT);
}

/// Waits until no node holds a lock in any group.
async fn no_lock_is_left(testnet: &Testnet) {
    for node in testnet.names() {
        for group in (1..=4).map(GroupId) {
            until(&format!("group {group} on {node} holds no lock"), async || {
                let page = testnet.client(&node).locks(group, 10, None).await.ok()?;
                page.items.is_empty().then_some(())
            })
            .await;
        }
    }
}

fn show(report: &BankReport, window: Duration) {
    let (since, longest) = report.longest_blindness(window);
    println!(
        "    {} transfers: {} committed ({} across groups), {} failed, aborted {:?}, {} expired, {} unknown, {} refused; \
         {} strict reads of all accounts, not answered {:?}, the longest time without one {:.1} s, from second {:.1} on",
        report.transfers(),
        report.committed,
        report.across,
        report.failed,
        report.aborted,
        report.expired,
        report.unknown,
        report.refused,
        report.snapshots.len(),
        report.failed_snapshots,
        longest.as_secs_f64(),
        since.as_secs_f64(),
    );
}

fn judge(report: &BankReport, total: u128) {
    for snapshot in &report.snapshots {
        assert_eq!(snapshot.total, total, "what all accounts hold together at {:?}", snapshot.at);
    }
    assert!(report.snapshots.len() >= 5, "strict reads succeed");
    assert_eq!((report.lost, &report.wrong), (0, &vec![]), "no acknowledged transfer is lost");
    assert!(report.committed >= 95 * report.transfers() / 100, "95 of 100 transfers are applied");
    assert!(report.across * 4 >= report.committed, "many of them between groups");
}

/// A node is killed and comes back, another stands still for a while.
async fn lists_across_groups_are_strictly_serializable(testnet: &mut Testnet) {
    let clients: Vec<_> = testnet.names().iter().map(|name| testnet.client(name)).collect();
    let (key, chain) = (testnet.secret(0), testnet.genesis().chain());
    let plan = ListsPlan {
        clients: 8,
        lists: 12,
        strict_reads: 10,
        window: Duration::from_secs(16),
        lifetime: Duration::from_secs(20),
    };
    let disturbed = async {
        sleep(Duration::from_secs(3)).await;
        testnet.network.kill("n3").await.unwrap();
        sleep(Duration::from_secs(3)).await;
        testnet.network.start("n3").unwrap();
        sleep(Duration::from_secs(3)).await;
        let paused = testnet.network.pid("n0").unwrap();
        signal(paused, Signal::SIGSTOP);
        sleep(Duration::from_secs(3)).await;
        signal(paused, Signal::SIGCONT);
    };
    let (judged, ()) = tokio::join!(run_lists(&clients, chain, &key, &plan), disturbed);
    let report = judged.unwrap_or_else(|violation| panic!("{violation}"));
    println!("    {report:?}");
    assert!(report.across >= 50, "enough happened across groups: {report:?}");
}

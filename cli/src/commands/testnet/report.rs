//! What a network looks like to its user.

use crate::output::{Output, Shade, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use witan_testnet::local::{AccountEntry, BALANCE, Description, Network, NodeEntry, NodeReport};
use witan_testnet::rpc::GroupStatus;
use witan_types::EngineKind;

/// The nodes' addresses.
pub(super) fn nodes<'a>(nodes: impl IntoIterator<Item = &'a NodeEntry>) -> Table {
    let mut table = Table::new(["NODE", "RPC", "WEBSOCKET", "P2P", "METRICS", "PID"]);
    for node in nodes {
        let pid = node.pid.map_or_else(|| "-".into(), |pid| pid.to_string());
        let [name, rpc, ws, p2p, metrics] =
            [&node.name, &node.rpc, &node.ws, &node.p2p, &node.metrics].map(String::clone);
        table.row([name, rpc, ws, p2p, metrics, pid]);
    }
    table
}

/// The development accounts, by the number that `--from` takes.
pub(super) fn accounts(accounts: &[AccountEntry]) -> Table {
    let mut table = Table::new(["#", "ACCOUNT", "SECRET (32-byte ed25519 seed)"]);
    for (place, account) in accounts.iter().enumerate() {
        table.row([place.to_string(), account.address.clone(), account.secret.clone()]);
    }
    table
}

/// All there is to know when a network is up.
pub(super) fn banner(network: &Network, output: Output) -> String {
    let description = network.description();
    let heading = |text: String| output.shade(Shade::Bold, text);
    let mut text = format!("{}\n\n", heading(format!("Network {} is up.", description.name)));
    write!(text, "{}\n{}\n", heading("Nodes".into()), nodes(&description.nodes)).ok();
    let funded = format!("Accounts, {BALANCE} each at genesis; for development only");
    write!(text, "{}\n{}\n", heading(funded), accounts(&description.accounts)).ok();
    let mut groups = Table::new(["GROUP", "ENGINE", "VALIDATORS"]);
    for group in &description.groups {
        let id = if group.id == 0 { "0 (root)".into() } else { group.id.to_string() };
        groups.row([id, group.engine.label(), group.validators.join(" ")]);
    }
    write!(text, "{}\n{groups}\n", heading("Groups".into())).ok();
    let programs = format!("The same for programs: {}", shown(&network.description_path()));
    text + &output.shade(Shade::Dim, programs)
}

/// What every node does, in each group.
pub(super) fn status(reports: &[NodeReport], description: &Description, output: Output) -> String {
    let mut table = Table::new([
        "NODE", "PID", "GROUP", "HEIGHT", "SEALED", "VIEW", "LEADER", "PEERS", "MEMPOOL", "STATE",
    ]);
    reports.iter().flat_map(|report| status_rows(report, description)).for_each(|row| table.row(row));
    let ready =
        reports.iter().filter(|report| report.status.as_ref().is_some_and(|status| status.ready)).count();
    let shade = if ready == reports.len() { Shade::Green } else { Shade::Red };
    let engines = engines(reports);
    let under = if engines.is_empty() { String::new() } else { format!(", under {engines}") };
    format!("{table}\n{}", output.shade(shade, format!("{ready} of {} nodes ready{under}", reports.len())))
}

/// The engines of the groups, if a node answers.
fn engines(reports: &[NodeReport]) -> String {
    let groups = reports.iter().filter_map(|report| report.status.as_ref()).flat_map(|status| &status.groups);
    let engines: BTreeSet<EngineKind> = groups.map(|group| group.engine).collect();
    let labels: Vec<String> = engines.into_iter().map(EngineKind::label).collect();
    labels.join(", ")
}

fn status_rows(report: &NodeReport, description: &Description) -> Vec<[String; 10]> {
    let dash = || "-".to_owned();
    let pid = report.pid.map_or_else(dash, |pid| pid.to_string());
    let Some(status) = report.status.as_ref().filter(|status| !status.groups.is_empty()) else {
        let state = if report.pid.is_some() { "does not answer" } else { "stopped" };
        let [height, sealed, view, leader, peers, mempool, group] = std::array::from_fn(|_| dash());
        let state = state.to_owned();
        return vec![[report.name.clone(), pid, group, height, sealed, view, leader, peers, mempool, state]];
    };
    let state = if status.ready { "ready".into() } else { status.reasons.join(" ") };
    let leader = |group: &GroupStatus| description.member(group.group, group.leader?).map(str::to_owned);
    let row = |group: &GroupStatus| {
        [
            report.name.clone(),
            pid.clone(),
            group.group.to_string(),
            group.height.to_string(),
            group.sealed_height.to_string(),
            group.view.to_string(),
            leader(group).unwrap_or_else(dash),
            status.peers.to_string(),
            group.mempool.to_string(),
            state.clone(),
        ]
    };
    status.groups.iter().map(row).collect()
}

/// Variables with which other programs, this one included, find the network.
pub(super) fn variables(network: &Network, dir: &Path) -> BTreeMap<String, String> {
    let description = network.description();
    let mut variables = BTreeMap::new();
    let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
    set("WITAN_NAME", description.name.clone());
    set("WITAN_DIR", shown(&std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned())));
    set("WITAN_CHAIN", description.chain.clone());
    set("WITAN_GENESIS", shown(&network.genesis_path()));
    let running = description.nodes.iter().find(|node| network.is_running(&node.name));
    if let Some(node) = running.or(description.nodes.first()) {
        set("WITAN_RPC", node.rpc.clone());
        set("WITAN_WS", node.ws.clone());
    }
    if let Some(account) = description.accounts.first() {
        set("WITAN_ACCOUNT", account.address.clone());
        set("WITAN_SECRET", account.secret.clone());
    }
    variables
}

/// A value as one word of a shell.
pub(super) fn shell_quoted(value: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/:._-".contains(letter);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

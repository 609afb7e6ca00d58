//! The dashboard as lines that fit a terminal. Pure.

use super::look::{GroupLook, Look, NodeLook};
use crate::output::{Output, Shade, Table};

/// The steps of a sparkline, from nothing to the most.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The widest sparkline.
const MAX_SPARKS: usize = 60;

/// The lines, none longer than `width`, and no more of them than `height`.
pub(super) fn frame(look: &Look, (width, height): (usize, usize), output: Output) -> Vec<String> {
    let ready = look.nodes.iter().filter(|node| node.ready).count();
    let pace = look.pace.last().copied().unwrap_or(0.0);
    let title =
        format!("{}   {ready} of {} nodes ready   {pace:.0} tx/s   q leaves", look.network, look.nodes.len());
    let shade = if ready == look.nodes.len() { Shade::Green } else { Shade::Red };
    let mut lines = vec![
        (Some(shade), title),
        (None, sparkline(&look.pace, width.min(MAX_SPARKS))),
        (None, String::new()),
    ];
    add(&mut lines, &groups(&look.groups), |_| None);
    lines.push((None, String::new()));
    let states = |place: usize| {
        let node = look.nodes.get(place)?;
        (!node.ready).then_some(Shade::Red)
    };
    add(&mut lines, &nodes(&look.nodes, &look.groups), states);
    if let Some(explanation) = &look.explanation {
        lines.push((None, String::new()));
        lines.extend(wrapped(explanation, width).into_iter().map(|line| (Some(Shade::Red), line)));
    }
    let shown = lines.into_iter().take(height.max(1)).map(|(shade, line)| {
        let line: String = line.chars().take(width).collect();
        match shade {
            Some(shade) => output.shade(shade, line),
            None => line,
        }
    });
    shown.collect()
}

/// The lines of a table, its heading bold.
fn add(lines: &mut Vec<(Option<Shade>, String)>, table: &Table, shade: impl Fn(usize) -> Option<Shade>) {
    for (place, line) in table.to_string().lines().enumerate() {
        let shade = match place.checked_sub(1) {
            None => Some(Shade::Bold),
            Some(row) => shade(row),
        };
        lines.push((shade, line.to_owned()));
    }
}

fn groups(groups: &[GroupLook]) -> Table {
    let headings = ["GROUP", "ENGINE", "HEIGHT", "SEALED", "BLOCKS/S", "TX/S", "VIEW", "LEADER", "TIME-OUTS"];
    let mut table = Table::new(headings);
    for group in groups {
        let dash = || "-".to_owned();
        table.row([
            if group.group.0 == 0 { "0 root".into() } else { group.group.to_string() },
            group.engine.clone(),
            group.height.to_string(),
            group.sealed.to_string(),
            format!("{:.1}", group.blocks_per_s),
            format!("{:.0}", group.tx_per_s),
            group.view.to_string(),
            group.leader.clone().unwrap_or_else(dash),
            group.timeouts.map_or_else(dash, |timeouts| timeouts.to_string()),
        ]);
    }
    table
}

fn nodes(nodes: &[NodeLook], groups: &[GroupLook]) -> Table {
    let mut table = Table::new(["NODE", "STATE", "HEIGHTS", "PEERS", "MEMPOOL", "FAULTS"]);
    for node in nodes {
        let height = |group: &GroupLook| {
            node.heights.get(&group.group).map_or_else(|| "-".to_owned(), ToString::to_string)
        };
        let heights = groups.iter().map(height).collect::<Vec<_>>().join(" / ");
        let faults = node.faults.map_or_else(|| "-".to_owned(), |faults| faults.to_string());
        let (peers, mempool) = (node.peers.to_string(), node.mempool.to_string());
        table.row([node.name.clone(), node.state.clone(), heights, peers, mempool, faults]);
    }
    table
}

/// The newest values, the highest as a full bar.
fn sparkline(values: &[f64], width: usize) -> String {
    let shown = values.get(values.len().saturating_sub(width)..).unwrap_or(values);
    let top = shown.iter().copied().fold(0.0, f64::max);
    let bar = |value: &f64| {
        if top <= 0.0 || *value <= 0.0 {
            return ' ';
        }
        // Anything above nothing shows.
        let steps = (1_u8..=8).find(|step| f64::from(*step) >= value / top * 8.0).unwrap_or(8);
        BARS.get(usize::from(steps)).copied().unwrap_or(' ')
    };
    shown.iter().map(bar).collect()
}

/// Lines of whole words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        let longer = line.chars().count() + 1 + word.chars().count();
        if line.is_empty() {
            line.push_str(word);
        } else if longer <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests;

//! The line under a running network.

use super::watch::look::transactions;
use crate::context::Context;
use std::time::{Duration, Instant};
use witan_testnet::local::Network;
use witan_types::{GroupId, Height};

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// The group whose pace is shown.
const GROUP: GroupId = GroupId(1);

/// Rewrites one line with height, pace and leader, for ever. Without a terminal there is no line to rewrite.
pub(super) async fn line(network: &Network, context: &Context) {
    let mut pace = Pace { height: None, at: Instant::now() };
    loop {
        if context.output.is_live() {
            let text = pace.look(network).await;
            context.output.text_without_end(&format!("\r\x1b[2K{text}"));
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Where the chain was when last looked at.
struct Pace {
    height: Option<Height>,
    at: Instant,
}

impl Pace {
    async fn look(&mut self, network: &Network) -> String {
        let reports = network.status().await;
        let running = reports.iter().filter(|report| report.pid.is_some()).count();
        let nodes = format!("{running}/{} nodes", reports.len());
        let highest = reports.iter().filter_map(|report| Some((report.height(GROUP)?, report)));
        let Some((height, report)) = highest.max_by_key(|(height, _)| *height) else {
            return format!("{nodes}, none answers    Ctrl-C stops them");
        };
        let elapsed = self.at.elapsed();
        let transactions = match self.height.map(|before| height.saturating_sub(before)) {
            None | Some(0) => 0.0,
            Some(blocks) => transactions(report, GROUP, height, blocks).await,
        };
        (self.height, self.at) = (Some(height), Instant::now());
        let per_second = transactions / elapsed.as_secs_f64().max(0.001);
        let group = report.status.iter().flat_map(|status| &status.groups).find(|group| group.group == GROUP);
        let leader = group
            .and_then(|group| group.leader)
            .and_then(|leader| network.description().member(GROUP, leader));
        let leader = leader.unwrap_or("-");
        let sealed = group.map_or(0, |group| group.sealed_height);
        format!(
            "height {height}  sealed {sealed}  {per_second:.0} tx/s  leader {leader}  {nodes}  Ctrl-C stops them"
        )
    }
}

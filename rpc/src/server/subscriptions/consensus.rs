//! Subscriptions to consensus: looks at a steady pace.

use super::{End, Job, Open, Outlet};
use crate::error::RpcError;
use crate::server::handlers::Service;
use crate::subscriptions::SubscribeConsensus;
use crate::view::{ConsensusNews, ConsensusStatusView};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::{MissedTickBehavior, interval};
use witan_types::GroupId;

/// A subscription that looks at consensus now and then.
pub(super) struct Looks {
    service: Arc<Service>,
    /// How it stood in each group at the look before.
    seen: BTreeMap<GroupId, Option<ConsensusStatusView>>,
}

impl Open for SubscribeConsensus {
    async fn open(self, service: &Arc<Service>) -> Result<Job, RpcError> {
        let groups = service.backend.heads(self.group)?;
        let seen = groups.into_keys().map(|group| (group, None)).collect();
        Ok(Job::Consensus(Looks { service: Arc::clone(service), seen }))
    }
}

impl Looks {
    /// Tells what each look finds new. A reader that takes its time finds fewer looks, not old ones.
    pub(super) async fn run(&mut self, outlet: &mut Outlet) -> Result<(), End> {
        let mut ticks = interval(self.service.config.following.sample);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = outlet.gone() => return Err(End::Gone),
                _ = ticks.tick() => {}
            }
            for (group, seen) in &mut self.seen {
                let now = self.service.backend.consensus(*group).await.map_err(End::Failed)?;
                outlet.begin_turn().await?;
                for news in ConsensusNews::since(seen.as_ref(), &now) {
                    outlet.send(&news).await?;
                    outlet.settle().await?;
                }
                outlet.end_turn();
                *seen = Some(now);
            }
        }
    }
}

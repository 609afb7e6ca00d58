//! The node itself: health, status, peers, consensus.

use super::NodeBackend;
use crate::shared::View;
use witan_ledger::Store as _;
use witan_rpc::RpcError;
use witan_rpc::parameter::At;
use witan_rpc::view::{
    ConsensusStatusView, Direction, GroupStatus, Health, MempoolView, NetInfo, NodeStatus, PeerView,
    ValidatorSetView, ValidatorView,
};
use witan_types::{GroupId, Hash, ValidatorIndex};

/// A node this far behind its peers is catching up, not just a block late.
const SYNCING_BLOCKS: u64 = 16;

impl NodeBackend {
    pub(super) fn read_status(&self) -> Result<NodeStatus, RpcError> {
        let Health { ready, reasons, .. } = self.read_health();
        let views = self.shared.views();
        Ok(NodeStatus {
            version: env!("CARGO_PKG_VERSION").into(),
            name: Some(self.own_name()),
            node_id: self.node,
            validator: self.validator,
            chain: self.chain,
            devnet: self.genesis.devnet,
            ready,
            reasons,
            groups: views.iter().map(|view| self.group_status(view)).collect::<Result<_, _>>()?,
            peers: self.network.peers().len(),
        })
    }

    fn group_status(&self, view: &View) -> Result<GroupStatus, RpcError> {
        let status = &view.status;
        // The newest flushed block, so that what it says can be read.
        let latest = self.point(status.group, At::Latest)?;
        let store = self.store(status.group)?;
        let root = |height| store.outcome(height).map_or(Hash::ZERO, |outcome| outcome.state_root);
        let sealed_height = store.sealed_tip();
        Ok(GroupStatus {
            group: status.group,
            engine: status.engine,
            faults: status.engine.faults(),
            height: latest.height,
            block_id: latest.block_id,
            state_root: root(latest.height),
            sealed_height,
            sealed_state_root: root(sealed_height),
            view: status.consensus.as_ref().map_or(0, |consensus| consensus.view),
            leader: status.consensus.as_ref().and_then(|consensus| consensus.leader),
            validators: self.genesis.members(status.group).len(),
            connected_validators: status.connected_validators.len(),
            mempool: status.mempool_count,
            syncing: is_syncing(view),
        })
    }

    pub(super) fn read_mempools(&self, group: Option<GroupId>) -> Result<Vec<MempoolView>, RpcError> {
        let views = match group {
            Some(group) => vec![self.view(group)?],
            None => self.shared.views(),
        };
        let mempool = |view: &View| MempoolView {
            group: view.status.group,
            transactions: view.status.mempool_count,
            bytes: view.status.mempool_bytes,
            max_transactions: self.mempool.max_transactions,
            max_bytes: self.mempool.max_bytes,
        };
        Ok(views.iter().map(|view| mempool(view)).collect())
    }

    pub(super) fn read_net_info(&self) -> NetInfo {
        let peers = self.network.peers();
        NetInfo {
            node_id: self.node,
            listen: vec![self.network.listen_address().to_string()],
            peers: peers.len(),
            validators: peers.iter().filter(|peer| peer.validator).count(),
            permissioned: self.genesis.permissioned,
        }
    }

    pub(super) fn read_peers(&self) -> Vec<PeerView> {
        let view = |peer: witan_p2p::PeerInfo| PeerView {
            node_id: peer.node,
            name: self.validator_name(&peer.node),
            validator: self.place(&peer.node),
            address: Some(peer.address.to_string()),
            direction: Some(if peer.inbound { Direction::Inbound } else { Direction::Outbound }),
            round_trip_us: peer.rtt.and_then(|taken| u64::try_from(taken.as_micros()).ok()),
            version: Some(peer.version).filter(|version| !version.is_empty()),
        };
        self.network.peers().into_iter().map(view).collect()
    }

    pub(super) fn read_consensus(&self, group: GroupId) -> Result<ConsensusStatusView, RpcError> {
        let view = self.view(group)?;
        let status = &view.status;
        let consensus = status.consensus.as_ref();
        Ok(ConsensusStatusView {
            group,
            engine: status.engine,
            faults: status.engine.faults(),
            epoch: status.tip.epoch,
            view: consensus.map_or(0, |consensus| consensus.view),
            leader: consensus.and_then(|consensus| consensus.leader),
            decided_height: consensus.map_or(status.tip.height, |consensus| consensus.decided),
            certified_height: consensus.map_or(status.tip.height, |consensus| consensus.certified),
            executed_height: status.tip.height,
            sealed_height: status.sealed,
            consecutive_timeouts: consensus.map_or(0, |consensus| consensus.consecutive_timeouts),
            timed_out: consensus.map(|consensus| consensus.timed_out.clone()).unwrap_or_default(),
            timer_running: consensus.is_some_and(|consensus| consensus.timer_running),
        })
    }

    pub(super) fn read_validators(&self, group: GroupId, at: At) -> Result<ValidatorSetView, RpcError> {
        let view = self.view(group)?;
        self.point(group, at)?;
        let committee =
            self.genesis.committee(group).ok_or_else(|| RpcError::not_found(format!("group {group}")))?;
        let entries = self.genesis.members(group).into_iter().zip(0_u16..);
        let validators = entries.map(|(entry, place)| ValidatorView {
            index: ValidatorIndex(place),
            name: entry.name.clone(),
            key: Hash(entry.key.0),
            node_id: entry.node,
            connected: view.status.connected_validators.contains(&ValidatorIndex(place)),
        });
        Ok(ValidatorSetView {
            group,
            epoch: view.status.tip.epoch,
            faults: view.status.engine.faults(),
            max_faulty: committee.max_faulty(),
            quorum: committee.quorum(),
            validators: validators.collect(),
        })
    }
}

fn is_syncing(view: &View) -> bool {
    view.status.sealed_elsewhere > view.status.sealed.saturating_add(SYNCING_BLOCKS)
}

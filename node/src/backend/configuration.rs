//! The configuration, from the root group's flushed records.

use super::{NodeBackend, not_started};
use witan_ledger::configuration::reading;
use witan_rpc::RpcError;
use witan_rpc::parameter::At;
use witan_rpc::view::{ApprovalView, ConfigurationView};
use witan_types::GroupId;

/// How often the records are read again because a change happened in between.
const READS: usize = 8;

impl NodeBackend {
    pub(super) fn read_configuration(&self) -> Result<ConfigurationView, RpcError> {
        let store = self.store(GroupId::ROOT)?;
        for _ in 0..READS {
            let at = self.point(GroupId::ROOT, At::Latest)?;
            let configuration = reading::configuration(store).ok_or_else(not_started)?;
            let approvals = reading::approvals(store);
            // A block may have come in between: approvals belong to the version that was there before and after.
            if reading::configuration(store).as_ref() == Some(&configuration) {
                let approvals = approvals.into_iter().map(|(change, who)| ApprovalView::new(change, who));
                return Ok(ConfigurationView {
                    version: configuration.version,
                    parameters: configuration.parameters,
                    operators: configuration.operators,
                    approvals: approvals.collect(),
                    at,
                });
            }
        }
        Err(RpcError::internal("the configuration changes faster than it can be read"))
    }
}

//! Opening the groups that this node hosts, each from its part of the disk.

use crate::config::{Config, Follow};
use crate::error::NodeError;
use crate::writers::FIRST_EPOCH;
use std::path::Path;
use witan_ledger::Limits;
use witan_replica::{Effects, Group, Identity, MIN_BATCH_BYTES, MessageVerifier, Now, Open, open_group};
use witan_storage::{Storage, marker};
use witan_types::{Genesis, GroupId, NodeId, Scheme, SecretKey, ValidatorIndex};

/// A group, ready for the loop.
pub(crate) struct OpenGroup {
    pub(crate) group: Box<dyn Group>,
    pub(crate) verifier: MessageVerifier,
    pub(crate) effects: Effects,
}

/// What opening needs.
pub(crate) struct Opening<'a> {
    pub(crate) genesis: &'a Genesis,
    pub(crate) home: &'a Path,
    pub(crate) storage: &'a Storage,
    pub(crate) config: &'a Config,
    pub(crate) node: NodeId,
    /// The validator key, if genesis lists it.
    pub(crate) validator: Option<SecretKey>,
    pub(crate) now: Now,
}

impl Opening<'_> {
    /// Opens one group.
    pub(crate) fn open(&self, id: GroupId) -> Result<OpenGroup, NodeError> {
        let records = self.storage.consensus_log().load(id, FIRST_EPOCH)?;
        let mut validator = self.place(id);
        if validator.is_some() && records.is_empty() && marker::has_signed(self.home, id, FIRST_EPOCH)? {
            tracing::error!(
                group = id.0,
                "this validator has signed in this epoch, but its consensus records are gone: it does not vote until \
                 the next epoch, since it can't know what it promised"
            );
            validator = None;
        }
        let open = Open {
            genesis: self.genesis,
            group: id,
            identity: Identity { node: self.node, validator },
            store: self.storage.ledger(id),
            records,
            batches: self.storage.consensus_log().batches(id, FIRST_EPOCH)?,
            mempool: mempool_limits(self.config),
            min_batch_bytes: MIN_BATCH_BYTES,
            seed: u64::from_le_bytes(first_bytes(&self.node)),
            scheme: Scheme::Ed25519,
        };
        let (group, verifier, effects) = open_group(open, self.now)?;
        Ok(OpenGroup { group, verifier, effects })
    }

    /// This node's place among the members of a group, if its key is one of theirs.
    fn place(&self, id: GroupId) -> Option<(ValidatorIndex, SecretKey)> {
        let key = self.validator.as_ref()?;
        let place = self.genesis.members(id).into_iter().position(|member| member.key == key.public())?;
        Some((ValidatorIndex(u16::try_from(place).ok()?), key.clone()))
    }
}

fn first_bytes(node: &NodeId) -> [u8; 8] {
    node.0.0.first_chunk().copied().unwrap_or_default()
}

/// The groups that a node hosts: the root group, those that its validator key is a member of, and those that it follows
/// beside them.
///
/// # Errors
/// If the configuration names a group that genesis does not.
pub(crate) fn hosted(
    genesis: &Genesis,
    validator: Option<&SecretKey>,
    follow: &Follow,
) -> Result<Vec<GroupId>, NodeError> {
    if let Follow::Listed(listed) = follow
        && let Some(unknown) = listed.iter().find(|id| !genesis.user_groups().any(|group| group.0 == **id))
    {
        let groups = genesis.user_groups().map(|group| group.0).collect();
        return Err(NodeError::NoGroup { unknown: *unknown, groups });
    }
    let is_own = |group: &GroupId| {
        let own = |key: &SecretKey| genesis.members(*group).iter().any(|member| member.key == key.public());
        validator.is_some_and(own)
    };
    let votes = genesis.user_groups().any(|group| is_own(&group));
    let follows = |group: &GroupId| match follow {
        Follow::Auto => !votes,
        Follow::All => true,
        Follow::Listed(listed) => listed.contains(&group.0),
    };
    let users = genesis.user_groups().filter(|group| is_own(group) || follows(group));
    Ok(std::iter::once(GroupId::ROOT).chain(users).collect())
}

/// The mempool's bounds as configured.
pub(crate) fn mempool_limits(config: &Config) -> Limits {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    Limits {
        max_transactions: config.mempool.max_transactions as usize,
        max_bytes: size(config.mempool.max_bytes),
        max_per_signer: config.mempool.max_per_signer as usize,
    }
}

#[cfg(test)]
pub(crate) mod tests;

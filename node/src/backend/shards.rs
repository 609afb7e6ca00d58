//! Which group holds what.

use super::NodeBackend;
use witan_ledger::configuration::{FIRST_VERSION, reading};
use witan_ledger::{first_owner, first_slots, slot_of};
use witan_rpc::view::{KeyShardView, ShardView, SlotRange};
use witan_types::genesis::GenesisGroup;
use witan_types::{GroupId, Key};

impl NodeBackend {
    /// The group that a key belongs to.
    pub(super) fn group_of(&self, key: &Key) -> GroupId {
        self.read_shard_of(key).group
    }

    pub(super) fn read_shard_of(&self, key: &Key) -> KeyShardView {
        let slot = slot_of(key);
        KeyShardView { slot, group: first_owner(&self.genesis, slot) }
    }

    pub(super) fn read_shards(&self) -> Vec<ShardView> {
        // The root group has no slots.
        let is_told =
            |id: GroupId| id != GroupId::ROOT && (self.stores.contains_key(&id) || self.elsewhere.has(id));
        let told = self.genesis.groups.iter().filter(|group| is_told(group.id));
        let shard = |group: &GenesisGroup| {
            let slots = first_slots(&self.genesis, group.id);
            let range = slots.end.checked_sub(1).map(|last| SlotRange { first: slots.start, last });
            let slots = range.into_iter().collect();
            let version = |store| reading::parameters(store).map_or(FIRST_VERSION, |heard| heard.version);
            ShardView {
                group: group.id,
                engine: group.engine,
                faults: group.engine.faults(),
                slots,
                parameters_version: self.stores.get(&group.id).map(|store| version(store)),
            }
        };
        told.map(shard).collect()
    }
}

//! What is looked at when the ledger opens: the newest blocks of each group must follow each other.

use super::{OUTCOMES, TIP};
use crate::error::StorageError;
use crate::instance::Instance;
use crate::keys;
use witan_types::{GroupId, Height};

/// How many of the newest blocks are looked at. Only blocks that were written shortly before a crash can be missing.
const CHECKED_BLOCKS: Height = 4096;

/// A tip without the blocks below it means that the write-ahead log lost a write in its middle (a disk that wrote
/// later pages before earlier ones): the state would lack what that block did.
pub(crate) fn refuse_gaps(instance: &Instance) -> Result<(), StorageError> {
    tips(instance)?.into_iter().try_for_each(|(group, tip)| refuse_gaps_of(instance, group, tip))
}

fn tips(instance: &Instance) -> Result<Vec<(GroupId, Height)>, StorageError> {
    let mut tips = Vec::new();
    let mut iterator = instance.iterate("default", None);
    iterator.seek(TIP);
    while let Some((key, value)) = iterator.item() {
        let Some(group) = key.strip_prefix(TIP) else { break };
        let group = group.try_into().map_err(|_| instance.malformed("name of a tip"))?;
        let tip = value.try_into().map_err(|_| instance.malformed("height"))?;
        tips.push((GroupId(u32::from_be_bytes(group)), Height::from_be_bytes(tip)));
        iterator.next();
    }
    instance.finish(&iterator).map(|()| tips)
}

fn refuse_gaps_of(instance: &Instance, group: GroupId, tip: Height) -> Result<(), StorageError> {
    let mut iterator = instance.iterate(OUTCOMES, keys::group_end(group));
    iterator.seek(keys::at_height(group, tip.saturating_sub(CHECKED_BLOCKS)));
    let mut newest: Option<Height> = None;
    while let Some(key) = iterator.key() {
        let height = keys::decode_height(key).ok_or_else(|| instance.malformed("height"))?;
        if newest.is_some_and(|newest| newest.checked_add(1) != Some(height)) {
            return Err(instance.corrupt(format!("group {group} lacks a block below height {height}")));
        }
        newest = Some(height);
        iterator.next();
    }
    instance.finish(&iterator)?;
    if newest == Some(tip) {
        return Ok(());
    }
    Err(instance.corrupt(format!("group {group} has its tip at height {tip}, but not that block")))
}

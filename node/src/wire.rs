//! How a group's messages travel between nodes: the group's number, then the message.

use witan_types::GroupId;

/// The bytes on the wire.
pub(crate) fn frame(group: GroupId, message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + message.len());
    bytes.extend_from_slice(&group.0.to_le_bytes());
    bytes.extend_from_slice(message);
    bytes
}

/// The group and its message; `None` if there are not even the bytes of a group.
pub(crate) fn split(bytes: &[u8]) -> Option<(GroupId, &[u8])> {
    let (group, message) = bytes.split_first_chunk::<4>()?;
    Some((GroupId(u32::from_le_bytes(*group)), message))
}

//! How messages travel between nodes: the number of a group, then a message of it. The number of no group marks a question
//! to a member of a group that the asker does not host, and its answer.

use witan_types::GroupId;

/// Stands where a group would: a question about a group, or an answer to one.
pub(crate) const QUESTIONS: GroupId = GroupId(u32::MAX);
/// Set in the numbers of the requests that ask such questions; the replicas' requests have it clear.
pub(crate) const OWN_QUESTIONS: u64 = 1 << 63;

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

//! Cursors: opaque to users, hostile to us.

use super::ScanRange;
use crate::encoding::{read_hex, write_hex};
use crate::error::RpcError;
use crate::parameter::Order;
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::transaction::MAX_KEY_BYTES;
use witan_types::{GroupId, Height};

/// Where the next page of a scan begins.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct ScanCursor {
    pub(super) group: GroupId,
    /// The height of the group's first page, and the next key; none if the group was not read yet.
    pub(super) inside: Option<(Height, Vec<u8>)>,
}

impl ScanCursor {
    /// Whether a scan of `range` can have given it.
    pub(super) fn fits(&self, range: &ScanRange) -> bool {
        let in_range = |next: &Vec<u8>| {
            let below_end = range.end.as_ref().is_none_or(|end| next < end);
            *next >= range.start && below_end && next.len() <= MAX_KEY_BYTES
        };
        self.inside.as_ref().is_none_or(|(_, next)| in_range(next))
    }
}

/// Where the next page of a chain begins.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct BlockCursor {
    pub(super) group: GroupId,
    pub(super) ascending: bool,
    pub(super) next: Height,
}

impl BlockCursor {
    /// Whether a list of this group in this order can have given it.
    pub(super) fn fits(&self, group: GroupId, order: Order) -> bool {
        self.group == group && self.ascending == (order == Order::Asc)
    }
}

/// Where the next page of locks begins.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct LockCursor {
    pub(super) group: GroupId,
    pub(super) record: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl LockCursor {
    /// Whether a list of this group can have given it.
    pub(super) fn fits(&self, group: GroupId) -> bool {
        self.group == group && self.record.len() <= MAX_KEY_BYTES && self.key.len() <= MAX_KEY_BYTES
    }
}

/// A cursor as text.
pub(super) fn write<T: BorshSerialize>(cursor: &T) -> String {
    write_hex(&witan_types::codec::encode(cursor))
}

/// The cursor in a text. The body limit bounds the text, and with it what is read.
pub(super) fn read<T: BorshDeserialize>(text: &str) -> Result<T, RpcError> {
    let bytes = read_hex(text).map_err(|_| RpcError::CursorInvalid)?;
    T::try_from_slice(&bytes).map_err(|_| RpcError::CursorInvalid)
}

//! Cursors: opaque to users, hostile to us.

use super::ScanRange;
use crate::encoding::{read_hex, write_hex};
use crate::error::RpcError;
use crate::parameter::Order;
use borsh::{BorshDeserialize, BorshSerialize};
use witan_types::transaction::MAX_KEY_BYTES;
use witan_types::{GroupId, Height};

/// Where the next page of a scan begins, at the height of the first.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct ScanCursor {
    pub(super) height: Height,
    pub(super) next: Vec<u8>,
}

impl ScanCursor {
    /// Whether a scan of `range` can have given it.
    pub(super) fn fits(&self, range: &ScanRange) -> bool {
        let below_end = range.end.as_ref().is_none_or(|end| self.next < *end);
        self.next >= range.start && below_end && self.next.len() <= MAX_KEY_BYTES
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

/// A cursor as text.
pub(super) fn write<T: BorshSerialize>(cursor: &T) -> String {
    write_hex(&witan_types::codec::encode(cursor))
}

/// The cursor in a text. The body limit bounds the text, and with it what is read.
pub(super) fn read<T: BorshDeserialize>(text: &str) -> Result<T, RpcError> {
    let bytes = read_hex(text).map_err(|_| RpcError::CursorInvalid)?;
    T::try_from_slice(&bytes).map_err(|_| RpcError::CursorInvalid)
}

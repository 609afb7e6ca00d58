//! Reads of state, and where keys live.

use super::{Handle, Service, page, write_as};
use crate::encoding::Encoding;
use crate::error::RpcError;
use crate::methods::{
    GetAccount, GetManyStates, GetShard, GetSlot, GetState, ListLocks, ListShards, MAX_KEYS, ScanState,
};
use crate::parameter::At;
use crate::server::cursor::{self, LockCursor, ScanCursor};
use crate::server::{LockNext, ScanNext, ScanRange};
use crate::view::{self, ManyValues};
use witan_types::Key;
use witan_types::transaction::MAX_KEY_BYTES;

/// Where scans start: after the reserved keys.
const FIRST_KEY: [u8; 1] = [1];

/// Reads bytes of at most a key's length, which are no reserved key.
pub(in crate::server) fn read_prefix(
    name: &str,
    text: &str,
    encoding: Encoding,
) -> Result<Vec<u8>, RpcError> {
    let wrong = |why: String| RpcError::parameter(name, format!("a key in {}; {why}", encoding.name()));
    let bytes = encoding.read(text).map_err(|error| wrong(format!("got {error}")))?;
    if bytes.len() > MAX_KEY_BYTES {
        return Err(wrong(format!("keys have at most {MAX_KEY_BYTES} bytes, got {}", bytes.len())));
    }
    if bytes.first() == Some(&0) {
        return Err(wrong("those that start with a zero byte are reserved".into()));
    }
    Ok(bytes)
}

pub(super) fn read_key(name: &str, text: &str, encoding: Encoding) -> Result<Key, RpcError> {
    let bytes = read_prefix(name, text, encoding)?;
    if bytes.is_empty() {
        return Err(RpcError::parameter(name, format!("a key of 1 to {MAX_KEY_BYTES} bytes, got none")));
    }
    Ok(Key(bytes))
}

/// Refuses what a strict read can't be: it has a block of its own, so it stands at no other.
fn only_strict(at: Option<At>, prove: Option<bool>) -> Result<(), RpcError> {
    if at.is_some_and(|at| at != At::Latest) {
        return Err(RpcError::parameter("at", "none beside strict, which reads at a block of its own"));
    }
    if prove == Some(true) {
        return Err(RpcError::parameter(
            "prove",
            "none beside strict: prove reads at the newest sealed block",
        ));
    }
    Ok(())
}

/// A strict read of one key.
async fn strict_state(service: &Service, key: Key) -> Result<view::StateValue, RpcError> {
    let ManyValues { items, at } = service.backend.strict_states(vec![key]).await?;
    let (item, at) = items.into_iter().next().zip(at.into_iter().next()).ok_or_else(no_answer)?;
    Ok(view::StateValue { key: item.key, value: item.value, version: item.version, at, proof: None })
}

fn no_answer() -> RpcError {
    RpcError::internal("the node gave fewer values than keys")
}

impl Handle for GetState {
    async fn handle(self, service: &Service) -> Result<view::StateValue, RpcError> {
        let key = read_key("key", &self.key, self.encoding.unwrap_or_default())?;
        if self.strict == Some(true) {
            only_strict(self.at, self.prove)?;
            return write_as(strict_state(service, key).await?, self.encoding);
        }
        let (at, prove) = (self.at.unwrap_or_default(), self.prove.unwrap_or_default());
        write_as(service.backend.state(key, at, prove).await?, self.encoding)
    }
}

/// How many slots there are.
const SLOTS: u32 = 4_096;

impl Handle for GetSlot {
    async fn handle(self, service: &Service) -> Result<view::SlotView, RpcError> {
        let slot = match (self.slot, &self.key) {
            (Some(slot), None) => u16::try_from(slot)
                .ok()
                .filter(|_| slot < SLOTS)
                .ok_or_else(|| RpcError::parameter("slot", format!("a slot below {SLOTS}, got {slot}")))?,
            (None, Some(text)) => {
                let key = read_key("key", text, self.encoding.unwrap_or_default())?;
                service.backend.shard_of(&key).slot
            }
            _ => return Err(RpcError::parameter("slot", "slot, or a key of it")),
        };
        let (at, prove) = (self.at.unwrap_or_default(), self.prove.unwrap_or_default());
        write_as(service.backend.slot(slot, at, prove).await?, self.encoding)
    }
}

impl Handle for GetManyStates {
    async fn handle(self, service: &Service) -> Result<view::ManyValues, RpcError> {
        if self.keys.len() > MAX_KEYS {
            return Err(RpcError::parameter(
                "keys",
                format!("at most {MAX_KEYS} keys, got {}", self.keys.len()),
            ));
        }
        let encoding = self.encoding.unwrap_or_default();
        let read = |(place, text): (usize, &String)| read_key(&format!("keys[{place}]"), text, encoding);
        let keys: Vec<Key> = self.keys.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        if self.strict == Some(true) {
            only_strict(self.at, None)?;
            if keys.is_empty() {
                return Err(RpcError::parameter("keys", "at least one key for a strict read, got none"));
            }
            return write_as(service.backend.strict_states(keys).await?, self.encoding);
        }
        write_as(service.backend.states(keys, self.at.unwrap_or_default()).await?, self.encoding)
    }
}

impl ScanState {
    fn range(&self) -> Result<ScanRange, RpcError> {
        let encoding = self.encoding.unwrap_or_default();
        let read = |name, text: &Option<String>| {
            text.as_ref().map(|text| read_prefix(name, text, encoding)).transpose()
        };
        let (prefix, start, end) =
            (read("prefix", &self.prefix)?, read("start", &self.start)?, read("end", &self.end)?);
        let mut range = ScanState::range_of(prefix, start, end)?;
        if range.start.is_empty() {
            range.start = FIRST_KEY.to_vec();
        }
        Ok(range)
    }

    fn range_of(
        prefix: Option<Vec<u8>>,
        start: Option<Vec<u8>>,
        end: Option<Vec<u8>>,
    ) -> Result<ScanRange, RpcError> {
        match (prefix, start, end) {
            (Some(prefix), None, None) => Ok(ScanRange::prefix(prefix)),
            (None, Some(start), end) => Ok(ScanRange { start, end }),
            (Some(_), _, _) => {
                Err(RpcError::parameter("prefix", "prefix alone, or start and end without it"))
            }
            (None, None, _) => {
                Err(RpcError::parameter("prefix", "prefix, or start and end; 0x for every key"))
            }
        }
    }
}

impl Handle for ScanState {
    async fn handle(self, service: &Service) -> Result<view::ScanPage, RpcError> {
        let (limit, range) = (page(self.limit)?, self.range()?);
        let (mut at, mut from) = (self.at.unwrap_or_default(), None);
        if let Some(text) = &self.cursor {
            let cursor: ScanCursor = cursor::read(text)?;
            if !cursor.fits(&range) {
                return Err(RpcError::CursorInvalid);
            }
            at = cursor.inside.as_ref().map_or(at, |(height, _)| At::Height(*height));
            from = Some(ScanNext { group: cursor.group, key: cursor.inside.map(|(_, key)| key) });
        }
        let slice = service.backend.scan(from, range, limit, at).await?;
        let height = slice.at.height;
        let next_cursor = slice.next.map(|ScanNext { group, key }| {
            cursor::write(&ScanCursor { group, inside: key.map(|key| (height, key)) })
        });
        write_as(view::ScanPage { items: slice.items, next_cursor, at: slice.at }, self.encoding)
    }
}

impl Handle for ListShards {
    async fn handle(self, service: &Service) -> Result<view::ShardList, RpcError> {
        Ok(view::ShardList { items: service.backend.shards() })
    }
}

impl Handle for GetShard {
    async fn handle(self, service: &Service) -> Result<view::KeyShardView, RpcError> {
        let key = read_key("key", &self.key, self.encoding.unwrap_or_default())?;
        Ok(service.backend.shard_of(&key))
    }
}

impl Handle for ListLocks {
    async fn handle(self, service: &Service) -> Result<view::LockPage, RpcError> {
        let (group, limit) = (self.group, page(self.limit)?);
        let from = match &self.cursor {
            None => None,
            Some(text) => {
                let cursor: LockCursor = cursor::read(text)?;
                if !cursor.fits(group) {
                    return Err(RpcError::CursorInvalid);
                }
                Some(LockNext { record: cursor.record, key: cursor.key })
            }
        };
        let slice = service.backend.locks(group, from, limit).await?;
        let next = |LockNext { record, key }| cursor::write(&LockCursor { group, record, key });
        write_as(view::LockPage { items: slice.items, next_cursor: slice.next.map(next) }, self.encoding)
    }
}

impl Handle for GetAccount {
    async fn handle(self, service: &Service) -> Result<view::AccountView, RpcError> {
        let account = self.account.0;
        if self.strict == Some(true) {
            only_strict(self.at, None)?;
            let view::StateValue { value, version, at, .. } =
                strict_state(service, Key::balance_of(&account)).await?;
            let balance = if let Some(view::ValueView::Balance(balance)) = value { balance } else { 0 };
            return Ok(view::AccountView { account, balance, version, at });
        }
        service.backend.account(account, self.at.unwrap_or_default()).await
    }
}

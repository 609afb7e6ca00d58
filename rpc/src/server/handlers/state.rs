//! Reads of state, and where keys live.

use super::{Handle, Service, page, write_as};
use crate::encoding::Encoding;
use crate::error::RpcError;
use crate::methods::{GetAccount, GetManyStates, GetShard, GetState, ListShards, MAX_KEYS, ScanState};
use crate::parameter::At;
use crate::server::cursor::{self, ScanCursor};
use crate::server::{ScanNext, ScanRange};
use crate::view;
use witan_types::Key;
use witan_types::transaction::MAX_KEY_BYTES;

/// Reads bytes of at most a key's length.
fn read_bytes(name: &str, text: &str, encoding: Encoding) -> Result<Vec<u8>, RpcError> {
    let wrong = |why: String| RpcError::parameter(name, format!("a key in {}; {why}", encoding.name()));
    let bytes = encoding.read(text).map_err(|error| wrong(format!("got {error}")))?;
    if bytes.len() > MAX_KEY_BYTES {
        return Err(wrong(format!("keys have at most {MAX_KEY_BYTES} bytes, got {}", bytes.len())));
    }
    Ok(bytes)
}

fn read_key(name: &str, text: &str, encoding: Encoding) -> Result<Key, RpcError> {
    let bytes = read_bytes(name, text, encoding)?;
    if bytes.is_empty() {
        return Err(RpcError::parameter(name, format!("a key of 1 to {MAX_KEY_BYTES} bytes, got none")));
    }
    Ok(Key(bytes))
}

impl Handle for GetState {
    async fn handle(self, service: &Service) -> Result<view::StateValue, RpcError> {
        let key = read_key("key", &self.key, self.encoding.unwrap_or_default())?;
        let (at, prove) = (self.at.unwrap_or_default(), self.prove.unwrap_or_default());
        write_as(service.backend.state(key, at, prove).await?, self.encoding)
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
        let keys = self.keys.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        write_as(service.backend.states(keys, self.at.unwrap_or_default()).await?, self.encoding)
    }
}

impl ScanState {
    fn range(&self) -> Result<ScanRange, RpcError> {
        let encoding = self.encoding.unwrap_or_default();
        let read = |name, text: &Option<String>| {
            text.as_ref().map(|text| read_bytes(name, text, encoding)).transpose()
        };
        let (prefix, start, end) =
            (read("prefix", &self.prefix)?, read("start", &self.start)?, read("end", &self.end)?);
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

impl Handle for GetAccount {
    async fn handle(self, service: &Service) -> Result<view::AccountView, RpcError> {
        service.backend.account(self.account.0, self.at.unwrap_or_default()).await
    }
}

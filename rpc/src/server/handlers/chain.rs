//! Blocks, seals and genesis.

use super::{Handle, Service, page, write_as};
use crate::error::RpcError;
use crate::methods::{GetBlock, GetConfiguration, GetEpoch, GetGenesis, GetLightBlock, GetSeal, ListBlocks};
use crate::parameter::{At, Order};
use crate::server::cursor::{self, BlockCursor};
use crate::view;
use witan_types::Epoch;

impl Handle for GetGenesis {
    async fn handle(self, service: &Service) -> Result<view::GenesisView, RpcError> {
        Ok(service.backend.genesis())
    }
}

impl Handle for GetConfiguration {
    async fn handle(self, service: &Service) -> Result<view::ConfigurationView, RpcError> {
        service.backend.configuration().await
    }
}

impl Handle for GetBlock {
    async fn handle(self, service: &Service) -> Result<view::BlockView, RpcError> {
        let (at, txs) = (self.at.unwrap_or_default(), self.txs.unwrap_or_default());
        write_as(service.backend.block(self.group, at, txs).await?, self.encoding)
    }
}

impl Handle for ListBlocks {
    async fn handle(self, service: &Service) -> Result<view::BlockPage, RpcError> {
        let (limit, order) = (page(self.limit)?, self.order.unwrap_or_default());
        let from = match &self.cursor {
            None => self.from,
            Some(text) => {
                let cursor: BlockCursor = cursor::read(text)?;
                if !cursor.fits(self.group, order) {
                    return Err(RpcError::CursorInvalid);
                }
                Some(cursor.next)
            }
        };
        let slice = service.backend.blocks(self.group, from, order, limit).await?;
        let cursor = |next| BlockCursor { group: self.group, ascending: order == Order::Asc, next };
        let next_cursor = slice.next.map(|next| cursor::write(&cursor(next)));
        Ok(view::BlockPage { items: slice.items, next_cursor })
    }
}

impl Handle for GetSeal {
    async fn handle(self, service: &Service) -> Result<view::SealView, RpcError> {
        service.backend.seal(self.group, self.height).await
    }
}

impl Handle for GetLightBlock {
    async fn handle(self, service: &Service) -> Result<view::LightBlockView, RpcError> {
        service.backend.light_block(self.group, self.at.unwrap_or(At::Sealed)).await
    }
}

impl Handle for GetEpoch {
    async fn handle(self, service: &Service) -> Result<view::EpochView, RpcError> {
        service.backend.epoch(self.group, self.epoch.map(Epoch), self.prove.unwrap_or_default()).await
    }
}

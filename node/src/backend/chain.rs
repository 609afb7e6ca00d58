//! Blocks and seals.

use super::NodeBackend;
use witan_ledger::Store as _;
use witan_rpc::RpcError;
use witan_rpc::parameter::{At, Order, TransactionDetail};
use witan_rpc::server::BlockSlice;
use witan_rpc::view::{BlockTransactions, BlockView, SealView};
use witan_storage::LedgerStore;
use witan_types::{Block, GroupId, Height, IdentifiedTransaction, SignedTransaction};

/// A page of blocks ends once the blocks read for it exceed this many bytes.
const LIST_BYTES: usize = 8 * 1024 * 1024;

impl NodeBackend {
    pub(super) fn read_block(
        &self,
        group: GroupId,
        at: At,
        txs: TransactionDetail,
    ) -> Result<BlockView, RpcError> {
        let height = self.point(group, at)?.height;
        let store = self.store(group)?;
        let block = store.block(height).ok_or_else(|| RpcError::not_found(format!("block {height}")))?;
        let mut view = block_view(store, &block);
        view.txs = match txs {
            TransactionDetail::None => None,
            TransactionDetail::Ids => {
                Some(BlockTransactions::ids(block.payload.transactions().map(IdentifiedTransaction::id)))
            }
            TransactionDetail::Full => {
                let transactions = block.payload.transactions();
                Some(BlockTransactions::full(transactions.map(|known| SignedTransaction::clone(known))))
            }
        };
        Ok(view)
    }

    pub(super) fn read_blocks(
        &self,
        group: GroupId,
        from: Option<Height>,
        order: Order,
        limit: usize,
    ) -> Result<BlockSlice, RpcError> {
        let store = self.store(group)?;
        let tip = self.point(group, At::Latest)?.height;
        let mut heights: Box<dyn Iterator<Item = Height>> = match order {
            Order::Asc => Box::new(from.unwrap_or(0)..=tip),
            Order::Desc => Box::new((0..=from.unwrap_or(tip).min(tip)).rev()),
        };
        // One block at a time is in memory, and a page ends when enough has been read.
        let (mut items, mut bytes) = (Vec::new(), 0);
        while items.len() < limit && bytes < LIST_BYTES {
            let Some(block) = heights.next().and_then(|height| store.block(height)) else { break };
            bytes += block.payload.transactions().map(IdentifiedTransaction::size).sum::<usize>();
            items.push(block_view(store, &block));
        }
        Ok(BlockSlice { items, next: heights.next() })
    }

    pub(super) fn read_seal(&self, group: GroupId, height: Height) -> Result<SealView, RpcError> {
        self.point(group, At::Height(height))?;
        let seal = self.store(group)?.seal(height);
        seal.as_ref()
            .map(SealView::from)
            .ok_or_else(|| RpcError::not_found(format!("seal of block {height}")))
    }
}

fn block_view(store: &LedgerStore, block: &Block) -> BlockView {
    let header = &block.header;
    let outcome = store.outcome(header.height);
    BlockView {
        group: header.group,
        height: header.height,
        block_id: header.id(),
        parent: header.parent,
        tag: header.tag,
        epoch: header.epoch,
        proposer: header.proposer,
        time_ms: header.time_ms,
        payload_root: header.payload_root,
        state_root: outcome.as_ref().map(|outcome| outcome.state_root),
        receipts_root: outcome.as_ref().map(|outcome| outcome.receipts_root),
        tx_count: block.payload.transactions().count(),
        sealed: header.height <= store.sealed_tip(),
        txs: None,
    }
}

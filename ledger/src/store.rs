//! What the ledger reads from disk, and what it writes: one atomic commit a block.

use crate::value::{Entry, Parties, Receipt};
use std::fmt::Debug;
use std::ops::ControlFlow;
use std::sync::Arc;
use witan_types::{Block, Height, Key, Outcome, Seal, TxId};

/// Everything one executed block writes, atomically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockCommit {
    /// The block.
    pub block: Arc<Block>,
    /// What came out.
    pub outcome: Outcome,
    /// One for each executed transaction, in order.
    pub receipts: Vec<Receipt>,
    /// Whom the transaction of each receipt concerns, in the same order.
    pub parties: Vec<Parties>,
    /// Each changed key once, ascending, with its new entry or `None` if it is gone.
    pub changes: Vec<(Key, Option<Entry>)>,
}

/// The flushed ledger of one group, as the pure rooms read it. Never fails: a store that can't read its disk ends the
/// process cleanly, with the reason. Height 0 holds the genesis state once it was committed.
pub trait Store: Debug {
    /// Height of the newest committed block; `None` before genesis was committed.
    fn tip(&self) -> Option<Height>;
    /// The newest entry of a key.
    fn entry(&self, key: &Key) -> Option<Entry>;
    /// Calls `visit` for every key with its newest entry, ascending by key.
    fn visit_entries(&self, visit: &mut dyn FnMut(Key, Entry));
    /// Calls `visit` for every reserved key from `from` on with its newest entry, ascending by key, until it breaks. A disk
    /// that has its keys in order seeks instead.
    fn visit_reserved(&self, from: &Key, visit: &mut dyn FnMut(Key, Entry) -> ControlFlow<()>) {
        let mut goes_on = ControlFlow::Continue(());
        self.visit_entries(&mut |key, entry| {
            if goes_on.is_continue() && key.is_reserved() && key >= *from {
                goes_on = visit(key, entry);
            }
        });
    }
    /// The block at a height, if it is kept.
    fn block(&self, height: Height) -> Option<Arc<Block>>;
    /// What came out of the block at a height.
    fn outcome(&self, height: Height) -> Option<Outcome>;
    /// The seal of the block at a height, once there is one.
    fn seal(&self, height: Height) -> Option<Seal>;
    /// Height of the newest block that has a seal; 0 if none.
    fn sealed_tip(&self) -> Height;
    /// The receipts of the block at a height.
    fn receipts(&self, height: Height) -> Vec<Receipt>;
    /// Where a transaction was executed, and its receipt.
    fn find_transaction(&self, id: &TxId) -> Option<(Height, Receipt)>;
}

//! Subscriptions that read chains: blocks, the transactions of an account, changes of state.

use super::{End, Job, Open, Outlet};
use crate::encoding::Encoding;
use crate::error::RpcError;
use crate::parameter::{At, Since, TransactionDetail};
use crate::server::followed::{Heights, NewsSlice};
use crate::server::handlers::{Service, read_prefix, write_as};
use crate::subscriptions::{SubscribeBlocks, SubscribeState};
use crate::view::{
    AccountTransaction, BlockNews, FollowedBlock, Position, ScanItem, StateChange, StateNews, TransactionNews,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use witan_types::{Account, GroupId, Height};

/// What is read of each block.
pub(super) enum Reading {
    /// The block itself.
    Blocks(TransactionDetail),
    /// The transactions of an account that it decided.
    Account(Account),
    /// The keys with a prefix that it changed.
    State(Vec<u8>),
}

/// News of one of the kinds, with the place after it.
#[derive(Serialize)]
#[serde(untagged)]
enum News {
    Block(BlockNews),
    Transaction(TransactionNews),
    State(StateNews),
}

/// Some news of a block, each with the place after it, and the place after all of them.
struct Page {
    news: Vec<(News, Position)>,
    next: Position,
}

/// A subscription that reads some chains from a place in each.
pub(super) struct Chains {
    service: Arc<Service>,
    reading: Reading,
    encoding: Option<Encoding>,
    places: BTreeMap<GroupId, Position>,
    heads: Heights,
    committed: watch::Receiver<Heights>,
}

impl Open for SubscribeBlocks {
    async fn open(self, service: &Arc<Service>) -> Result<Job, RpcError> {
        let reading = Reading::Blocks(self.txs.unwrap_or_default());
        Chains::open(service, reading, self.group, self.since, self.encoding).await
    }
}

impl Open for SubscribeState {
    async fn open(self, service: &Arc<Service>) -> Result<Job, RpcError> {
        let prefix = read_prefix("prefix", &self.prefix, self.encoding.unwrap_or_default())?;
        Chains::open(service, Reading::State(prefix), self.group, self.since, self.encoding).await
    }
}

impl Chains {
    /// Finds its place in each chain, and whether the first blocks can be read there.
    pub(super) async fn open(
        service: &Arc<Service>,
        reading: Reading,
        group: Option<GroupId>,
        since: Option<Since>,
        encoding: Option<Encoding>,
    ) -> Result<Job, RpcError> {
        // Subscribed before looking, so that no block comes unseen in between.
        let committed = service.backend.committed();
        let heads = service.backend.heads(group)?;
        // A part of the news would say what is not so.
        if group.is_none() && !matches!(reading, Reading::Blocks(_)) {
            service.backend.hosts_all()?;
        }
        let places = places(&heads, group, since)?;
        let service = Arc::clone(service);
        let chains = Chains { service, reading, encoding, places, heads, committed };
        for place in chains.places.values() {
            if place.height <= chains.tip(place.group) {
                chains.read(*place).await?;
            }
        }
        Ok(Job::Chains(chains))
    }

    pub(super) fn positions(&self) -> Vec<Position> {
        self.places.values().copied().collect()
    }

    /// The newest height known of a group.
    fn tip(&self, group: GroupId) -> Height {
        let newest = |heights: &Heights| heights.get(&group).copied().unwrap_or(0);
        newest(&self.heads).max(newest(&self.committed.borrow()))
    }

    /// Tells what there is, block by block and in each group in turn, then waits for more.
    pub(super) async fn run(&mut self, outlet: &mut Outlet) -> Result<(), End> {
        let groups: Vec<GroupId> = self.places.keys().copied().collect();
        // Blocks without news are read without a word to anybody, so whether somebody reads is asked for each of them.
        while !outlet.is_gone() {
            self.committed.mark_unchanged();
            let mut is_told = true;
            for group in &groups {
                is_told &= self.tell_next(*group, outlet).await?;
            }
            if !is_told {
                continue;
            }
            tokio::select! {
                () = outlet.gone() => return Err(End::Gone),
                changed = self.committed.changed() => changed.map_err(|_| End::Gone)?,
            }
        }
        Err(End::Gone)
    }

    /// Tells the next news of a group; whether there were none.
    async fn tell_next(&mut self, group: GroupId, outlet: &mut Outlet) -> Result<bool, End> {
        let Some(place) = self.places.get(&group).copied() else { return Ok(true) };
        if place.height > self.tip(group) {
            return Ok(true);
        }
        outlet.begin_turn().await?;
        let page = self.read(place).await.map_err(End::Failed)?;
        for (news, next) in page.news {
            outlet.send(&news).await?;
            self.places.insert(group, next);
            outlet.settle().await?;
        }
        outlet.end_turn();
        self.places.insert(group, page.next);
        Ok(false)
    }

    /// Reads what comes next at a place. All subscriptions take turns here, so that they never take more than one core.
    async fn read(&self, place: Position) -> Result<Page, RpcError> {
        let _turn = self.service.reading.acquire().await.map_err(|_| RpcError::internal("no more reads"))?;
        let Position { group, height, index } = place;
        let backend = &self.service.backend;
        match &self.reading {
            Reading::Blocks(txs) => {
                let block = backend.block(group, At::Height(height), *txs).await?;
                let next = after(place);
                let news = BlockNews::Block(FollowedBlock { block, next });
                Ok(Page { news: vec![(News::Block(write_as(news, self.encoding)?), next)], next })
            }
            Reading::Account(account) => {
                let slice = backend.decided_for(account, group, height, index)?;
                page(place, slice, |item, _, next| {
                    Ok(News::Transaction(TransactionNews::Tx(AccountTransaction { next, ..item })))
                })
            }
            Reading::State(prefix) => {
                let slice = backend.changed(prefix, group, height, index)?;
                page(place, slice, |ScanItem { key, value, version }, at, next| {
                    let change = StateNews::Change(StateChange { key, value, version, at, next });
                    write_as(change, self.encoding).map(News::State)
                })
            }
        }
    }
}

/// The next block.
fn after(place: Position) -> Position {
    Position { height: place.height.saturating_add(1), index: 0, ..place }
}

/// Numbers what was read from a place on.
fn page<T>(
    place: Position,
    slice: NewsSlice<T>,
    write: impl Fn(T, crate::view::ReadPoint, Position) -> Result<News, RpcError>,
) -> Result<Page, RpcError> {
    let NewsSlice { items, more, at } = slice;
    let mut next = place;
    let mut news = Vec::with_capacity(items.len());
    for item in items {
        next.index = next.index.saturating_add(1);
        news.push((write(item, at, next)?, next));
    }
    Ok(Page { news, next: if more { next } else { after(place) } })
}

/// Where a subscription begins in each chain: with the next block, unless it says else.
fn places(
    heads: &Heights,
    group: Option<GroupId>,
    since: Option<Since>,
) -> Result<BTreeMap<GroupId, Position>, RpcError> {
    let next = |(group, tip): (&GroupId, &Height)| {
        (*group, Position { group: *group, height: tip.saturating_add(1), index: 0 })
    };
    let mut places: BTreeMap<GroupId, Position> = heads.iter().map(next).collect();
    let given = match (since, group) {
        (None, _) => Vec::new(),
        (Some(Since::Positions(positions)), _) => positions,
        (Some(Since::Height(height)), Some(group)) => vec![Position { group, height, index: 0 }],
        (Some(Since::Height(_)), None) => {
            let expected = "an array of {group, height} for several groups, or group beside a height";
            return Err(RpcError::parameter("from", expected));
        }
    };
    for place in given {
        let (Some(slot), Some(tip)) = (places.get_mut(&place.group), heads.get(&place.group)) else {
            let known: Vec<String> = heads.keys().map(ToString::to_string).collect();
            let expected = format!("groups that it follows ({}), got {}", known.join(", "), place.group);
            return Err(RpcError::parameter("from", expected));
        };
        let is_begun = place.index > 0 && place.height > *tip;
        if place.height > tip.saturating_add(1) || is_begun {
            return Err(RpcError::FutureHeight { height: *tip });
        }
        *slot = place;
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(group: u32, height: Height, index: u32) -> Position {
        Position { group: GroupId(group), height, index }
    }

    #[test]
    fn a_subscription_begins_with_the_next_block_unless_it_says_else() {
        let heads = Heights::from([(GroupId(1), 7), (GroupId(2), 3)]);
        let begin = |group, since| {
            places(&heads, group, since).map(|places| places.into_values().collect::<Vec<_>>())
        };
        assert_eq!(begin(None, None), Ok(vec![at(1, 8, 0), at(2, 4, 0)]));
        let some = Since::Positions(vec![at(2, 0, 5)]);
        assert_eq!(begin(None, Some(some)), Ok(vec![at(1, 8, 0), at(2, 0, 5)]));
        assert_eq!(begin(Some(GroupId(2)), Some(Since::Height(4))), Ok(vec![at(1, 8, 0), at(2, 4, 0)]));
        let future = RpcError::FutureHeight { height: 3 };
        assert_eq!(begin(Some(GroupId(2)), Some(Since::Height(5))), Err(future.clone()));
        let inside = Since::Positions(vec![at(2, 4, 1)]);
        assert_eq!(begin(None, Some(inside)), Err(future), "nothing of the next block was told");
        for wrong in [Since::Height(0), Since::Positions(vec![at(3, 0, 0)])] {
            assert_eq!(begin(None, Some(wrong)).unwrap_err().code(), -32602);
        }
    }
}

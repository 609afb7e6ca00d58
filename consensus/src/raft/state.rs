//! What survives a crash.

use super::log::{Entry, Log};
use super::rules::Ballot;
use crate::engine::Seq;
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use witan_types::{Block, Height, Wire};

/// A record of the consensus log.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Record {
    /// Term and vote, in one: replaces the one before. In two writes, a crash between them would free a vote already
    /// given.
    Ballot(Ballot),
    /// An entry: replaces what stood at its height, and all above.
    Entry(Arc<Block>),
}

impl Wire for Record {
    const MAX_BYTES: usize = Block::MAX_BYTES + 64;
}

/// A ballot with the place of its record; none before the first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recorded {
    pub(super) ballot: Ballot,
    pub(super) seq: Option<Seq>,
}

/// Takes up what the records tell: the ballot, and into `log` the entries that reach its root.
pub(super) fn restore(log: &mut Log, records: Vec<(Seq, Record)>) -> Recorded {
    let mut recorded = Recorded::default();
    let mut entries: BTreeMap<Height, (Seq, Arc<Block>)> = BTreeMap::new();
    for (seq, record) in records {
        match record {
            Record::Ballot(ballot) => recorded = Recorded { ballot, seq: Some(seq) },
            Record::Entry(block) => {
                let height = block.header.height;
                drop(entries.split_off(&height));
                entries.insert(height, (seq, block));
            }
        }
    }
    let above = entries.split_off(&log.root().height.saturating_add(1));
    for (height, (seq, block)) in above {
        let last = log.last();
        if last.height.checked_add(1) != Some(height) || block.header.parent != last.id {
            break;
        }
        log.push(Entry::new(block, seq));
    }
    recorded
}

//! Lists of transactions and histories of keys answer exactly as a naive ledger in memory would, from every place on, also
//! after reopening.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{CHAIN, GROUP, Model, commit_of, entry, open};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use witan_ledger::{
    AbortReason, BlockCommit, Entry, FailureReason, Parties, Receipt, Store as _, TransactionOutcome,
};
use witan_storage::{Ended, LedgerStore, ListPlace, ListRole, ListedTransaction, Options, Storage};
use witan_types::{
    Account, Batch, Height, Key, Op, Payload, PublicKey, Signature, SignedTransaction, Transaction,
};

/// A transaction of an account that pays others, and how many blocks later it ends: at once if it is of one group.
type Wish = (u8, Vec<u8>, u8, u8);

/// How many accounts there are.
const ACCOUNTS: u8 = 4;

fn account(number: u8) -> Account {
    Account(PublicKey([number % ACCOUNTS; 32]))
}

fn signed(signer: u8, paid: &[u8], salt: u64) -> SignedTransaction {
    let transfer = |to: &u8| Op::Transfer { to: account(*to), amount: 1 };
    let get = Op::Get { key: Key::from("a") };
    let ops = std::iter::once(get).chain(paid.iter().map(transfer)).collect();
    let (chain, expires_at_ms) = (CHAIN, u64::MAX);
    let signer = account(signer);
    let transaction = Transaction { chain, signer, salt, expires_at_ms, checks: vec![], ops };
    SignedTransaction { transaction, signature: Signature([1; 64]) }
}

fn outcome(kind: u8) -> TransactionOutcome {
    match kind % 3 {
        0 => TransactionOutcome::Applied { reads: Vec::new() },
        1 => TransactionOutcome::Failed { reason: FailureReason::WrongType },
        _ => TransactionOutcome::Aborted { reason: AbortReason::Failed(FailureReason::CheckFailed) },
    }
}

fn ended(kind: u8) -> Ended {
    match kind % 3 {
        0 => Ended::Applied,
        1 => Ended::Failed(FailureReason::WrongType),
        _ => Ended::Aborted(AbortReason::Failed(FailureReason::CheckFailed)),
    }
}

/// A chain of these transactions, and what its lists must hold: oldest first, with whom each pays.
#[derive(Default)]
struct Story {
    commits: Vec<BlockCommit>,
    listed: Vec<(ListedTransaction, BTreeSet<Account>)>,
}

impl Story {
    fn tell(blocks: &[Vec<Wish>]) -> Story {
        let mut story = Story::default();
        let mut open: Vec<(Height, SignedTransaction, Wish)> = Vec::new();
        let mut salt = 0;
        let last = blocks.len() as Height + 4;
        for height in 0..=last {
            let (mut ended, mut payload) = (vec![], vec![]);
            let (due, later) = open.into_iter().partition::<Vec<_>, _>(|(at, ..)| *at == height);
            open = later;
            for (_, signed, wish) in due {
                story.end(height, &mut ended, &signed, &wish);
            }
            for wish in blocks.get(usize::try_from(height).unwrap()).into_iter().flatten() {
                salt += 1;
                let signed = signed(wish.0, &wish.1, salt);
                payload.push(signed.clone());
                if wish.2 == 0 {
                    story.end(height, &mut ended, &signed, wish);
                } else {
                    open.push((height + u64::from(wish.2), signed, wish.clone()));
                }
            }
            story.commits.push(block(height, payload, vec![], ended));
        }
        story
    }

    fn end(
        &mut self,
        height: Height,
        receipts: &mut Vec<(Receipt, Parties)>,
        signed: &SignedTransaction,
        (_, paid, _, kind): &Wish,
    ) {
        let (id, place) = (signed.id(), u32::try_from(receipts.len()).unwrap());
        let outcome = outcome(*kind);
        let receipt = Receipt { id, expires_at_ms: u64::MAX, index: place, outcome, told: vec![] };
        receipts.push((receipt, Parties::of(&signed.transaction)));
        let (signer, ended) = (signed.transaction.signer, ended(*kind));
        let listed = ListedTransaction { id, signer, role: None, ended, at: ListPlace { height, place } };
        self.listed.push((listed, paid.iter().map(|to| account(*to)).collect()));
    }

    /// What a list must answer.
    fn expected(&self, of: Option<Account>, from: ListPlace, limit: usize) -> Vec<ListedTransaction> {
        let role = |listed: &ListedTransaction, paid: &BTreeSet<Account>, of: Account| {
            let paid = paid.contains(&of).then_some(ListRole::Recipient);
            if listed.signer == of { Some(ListRole::Signer) } else { paid }
        };
        let newest_first = self.listed.iter().rev().filter(|(listed, _)| listed.at <= from);
        let listed = newest_first.filter_map(|(listed, paid)| match of {
            None => Some(*listed),
            Some(of) => role(listed, paid, of).map(|role| ListedTransaction { role: Some(role), ..*listed }),
        });
        listed.take(limit).collect()
    }
}

fn block(
    height: Height,
    transactions: Vec<SignedTransaction>,
    changes: Vec<(Key, Option<Entry>)>,
    ended: Vec<(Receipt, Parties)>,
) -> BlockCommit {
    let mut commit = commit_of(GROUP, height, changes, 0);
    let block = Arc::make_mut(&mut commit.block);
    block.payload = Payload { batches: vec![Batch::of(transactions)], envelopes: vec![] };
    (commit.receipts, commit.parties) = ended.into_iter().unzip();
    commit
}

fn commit(ledger: &LedgerStore, commits: &[BlockCommit]) {
    commits.iter().for_each(|commit| ledger.commit_blocks(std::slice::from_ref(commit), &[]).unwrap());
}

fn wish() -> impl Strategy<Value = Wish> {
    let later = prop_oneof![3 => Just(0), 2 => 1_u8..4];
    (0..ACCOUNTS, vec(0..ACCOUNTS, 0..3), later, 0_u8..3)
}

fn assert_lists(story: &Story, ledger: &LedgerStore) {
    let tip = story.commits.len() as Height - 1;
    let accounts = (0..ACCOUNTS).map(|number| Some(account(number)));
    for of in accounts.chain([None]) {
        for (height, place, limit) in [(tip, u32::MAX, 99), (u64::MAX, u32::MAX, 2), (2, 1, 3), (0, 0, 1)] {
            let from = ListPlace { height, place };
            let found = ledger.transactions(of.as_ref(), from, limit);
            assert_eq!(found, story.expected(of, from, limit), "{of:?} from {from:?}");
        }
    }
    for (height, commit) in (0..).zip(&story.commits) {
        for of in (0..ACCOUNTS).map(account) {
            let mut expected = story.expected(Some(of), ListPlace::last_of(height), usize::MAX);
            expected.retain(|listed| listed.at.height == height);
            expected.reverse();
            assert_eq!(ledger.transactions_at(&of, height), expected, "{of:?} at {height}");
        }
        assert_eq!(ledger.header(height).as_ref(), Some(&commit.block.header));
    }
    assert_eq!(ledger.header(tip + 1), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_list_equals_the_naive_one_also_after_reopening(blocks in vec(vec(wish(), 0..4), 1..8)) {
        let dir = tempfile::tempdir().unwrap();
        let story = Story::tell(&blocks);
        let storage = open(dir.path()).unwrap();
        commit(&storage.ledger(GROUP), &story.commits);
        assert_lists(&story, &storage.ledger(GROUP));
        drop(storage);
        assert_lists(&story, &open(dir.path()).unwrap().ledger(GROUP));
    }

    #[test]
    fn the_versions_of_a_key_are_all_that_were_ever_written(
        steps in vec(proptest::option::of(proptest::option::of(any::<u8>())), 1..20), from in 0_u64..25,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path()).unwrap().ledger(GROUP);
        let (key, mut model, mut expected) = (Key::from("a"), Model::default(), vec![]);
        for (height, step) in (0..).zip(&steps) {
            let value = |byte: &u8| entry(height, 0, &[*byte]);
            let changed = step.as_ref().map(|step| (key.clone(), step.as_ref().map(value)));
            expected.extend(changed.clone().map(|(_, entry)| (height, entry)).filter(|_| height <= from));
            let other = (Key::from("a\0"), Some(entry(height, 1, b"other")));
            model.commit(commit_of(GROUP, height, changed.into_iter().chain([other]).collect(), 0));
        }
        commit(&ledger, &model.commits);
        expected.reverse();
        let visited = |most: usize| {
            let mut found = vec![];
            ledger.visit_versions(&key, from, |height, entry| {
                found.push((height, entry));
                if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            found
        };
        prop_assert_eq!(visited(usize::MAX), expected.clone());
        prop_assert_eq!(visited(1), expected.into_iter().take(1).collect::<Vec<_>>());
    }
}

#[test]
fn a_list_that_goes_on_from_a_place_does_not_shift_while_blocks_are_committed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap().ledger(GROUP);
    let wishes: Vec<Vec<Wish>> = (0..30).map(|block| vec![(block % 2, vec![1], 0, 0); 3]).collect();
    let story = Story::tell(&wishes);
    let (first, rest) = story.commits.split_at(10);
    commit(&ledger, first);
    let (mut from, mut found) = (Some(ListPlace::last_of(9)), vec![]);
    let mut rest = rest.iter();
    while let Some(place) = from {
        let mut page = ledger.transactions(Some(&account(1)), place, 5);
        commit(&ledger, &rest.by_ref().take(2).cloned().collect::<Vec<_>>());
        from = (page.len() == 5).then(|| page.pop().unwrap().at);
        found.extend(page);
    }
    assert_eq!(found, story.expected(Some(account(1)), ListPlace::last_of(9), usize::MAX));
    assert_eq!(found.len(), 30);
}

#[test]
fn a_snapshot_stands_still_while_blocks_are_committed() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open(dir.path(), Options::default()).unwrap();
    let ledger = storage.ledger(GROUP);
    assert_eq!(ledger.snapshot().tip(), None);
    let record = Key(b"\0c".to_vec());
    let commit_at = |height| {
        let value = Some(entry(height, 0, &height.to_be_bytes()));
        let changes = vec![(record.clone(), value.clone()), (Key::from("a"), value)];
        let payload = vec![signed(1, &[], height)];
        let ended = payload.iter().map(|signed| {
            let (id, outcome) = (signed.id(), outcome(0));
            let receipt = Receipt { id, expires_at_ms: 0, index: 0, outcome, told: vec![] };
            (receipt, Parties::of(&signed.transaction))
        });
        block(height, payload.clone(), changes, ended.collect())
    };
    commit(&ledger, &[commit_at(0)]);
    let snapshot = ledger.snapshot();
    commit(&ledger, &[commit_at(1)]);
    let (old, new) = (signed(1, &[], 0).id(), signed(1, &[], 1).id());
    assert_eq!((snapshot.tip(), ledger.tip()), (Some(0), Some(1)));
    assert_eq!(snapshot.entry(&Key::from("a")), Some(entry(0, 0, &0_u64.to_be_bytes())));
    assert!(snapshot.find_transaction(&old).is_some() && snapshot.find_transaction(&new).is_none());
    assert!(ledger.find_transaction(&new).is_some() && snapshot.block(1).is_none());
    let mut visited = vec![];
    snapshot.visit_reserved(&Key(vec![0]), &mut |key, entry| {
        visited.push((key, entry));
        ControlFlow::Continue(())
    });
    assert_eq!(visited, [(record, entry(0, 0, &0_u64.to_be_bytes()))]);
}

//! Pages of a scan on a disk, among keys that are gone and keys that came later.

use super::*;
use crate::backend::fixtures::{GROUP, store};
use witan_ledger::{Entry, Value, Version};
use witan_types::BlockId;

fn key(number: usize) -> Key {
    Key::from(format!("key {number:03}").as_str())
}

fn written(keys: impl IntoIterator<Item = usize>) -> Vec<(Key, Option<Entry>)> {
    let entry = Entry { value: Value::Bytes(vec![7]), version: Version::new(0, 0, 0) };
    keys.into_iter().map(|number| (key(number), Some(entry.clone()))).collect()
}

fn gone(keys: impl IntoIterator<Item = usize>) -> Vec<(Key, Option<Entry>)> {
    keys.into_iter().map(|number| (key(number), None)).collect()
}

/// All pages of a scan at a height, with so many steps a page: the keys of each.
fn pages(store: &LedgerStore, height: u64, limit: usize, steps: usize) -> Vec<Vec<Vec<u8>>> {
    let at = ReadPoint { group: GROUP, height, block_id: BlockId::default() };
    let mut range = ScanRange { start: vec![1], end: None };
    let mut pages = Vec::new();
    loop {
        let mut left = steps;
        let page = scan(store, &range, limit, at, &mut left);
        pages.push(page.items.into_iter().map(|item| item.key.to_vec()).collect());
        let Some(next) = page.next else { return pages };
        assert_eq!(next.group, GROUP);
        let next = next.key.unwrap();
        assert!(next > range.start, "each page gets on");
        range.start = next;
    }
}

#[test]
fn a_page_ends_among_keys_that_are_gone_or_came_later_and_the_next_goes_on_there() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = vec![written(0..400), gone(1..399), written(0..500), written(0..500)];
    let store = store(folder.path(), blocks);
    let expected = [key(0).0, key(399).0];
    for steps in [2, 3, 7, 100] {
        let found = pages(&store, 1, 1_000, steps);
        assert_eq!(found.concat(), expected, "with {steps} steps a page");
        assert!(found.len() > 400 / steps, "with {steps} steps: {} pages", found.len());
        assert!(found.iter().any(Vec::is_empty), "with {steps} steps a page may have no keys");
    }
    assert_eq!(pages(&store, 1, 1_000, SCAN_STEPS), [expected.to_vec()], "enough of them make one page");
}

#[test]
fn the_fullest_page_is_not_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), vec![written(0..1_200), written(0..1_200), written(0..1_200)]);
    let most = usize::try_from(witan_rpc::methods::MAX_PAGE).unwrap();
    let sizes: Vec<usize> = pages(&store, 1, most, SCAN_STEPS).iter().map(Vec::len).collect();
    assert_eq!(sizes, [1_000, 200]);
}

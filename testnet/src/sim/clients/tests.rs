//! Clients keep each transaction to one group, and leave none out.

use super::*;
use std::collections::BTreeSet;
use witan_ledger::execute::keys;

#[test]
fn every_key_of_a_transaction_is_of_one_group_and_every_group_has_its_turn() {
    let scenario = Scenario::of(1, 4).sharded(4);
    let genesis = scenario.genesis();
    let mut clients = Clients::new(&scenario, &genesis);
    let mut random = Random::of(1);
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        let signed = clients.next(&mut random, 0).unwrap();
        let owners: BTreeSet<GroupId> =
            keys(&signed.transaction).map(|key| first_owner(&genesis, slot_of(&key))).collect();
        assert_eq!(owners.len(), 1, "{:?}", signed.transaction);
        let transfers = signed.transaction.ops.iter().any(|op| matches!(op, Op::Transfer { .. }));
        seen.extend(owners.into_iter().map(|group| (group, transfers)));
    }
    assert_eq!(seen.len(), 8, "each of four groups, with transfers and without");
}

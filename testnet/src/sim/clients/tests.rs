//! Clients leave no group out, and let some work together.

use super::*;
use std::collections::BTreeSet;
use witan_ledger::execute::keys;

#[test]
fn every_group_has_its_turn_alone_and_with_others() {
    let scenario = Scenario::of(1, 4).sharded(4);
    let genesis = scenario.genesis();
    let mut clients = Clients::new(&scenario, &genesis);
    let mut random = Random::of(1);
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        let signed = clients.next(&mut random, 0).unwrap();
        let owners: BTreeSet<GroupId> =
            keys(&signed.transaction).map(|key| first_owner(&genesis, slot_of(&key))).collect();
        let transfers = signed.transaction.ops.iter().any(|op| matches!(op, Op::Transfer { .. }));
        let alone = owners.len() == 1;
        seen.extend(owners.into_iter().map(|group| (group, transfers, alone)));
    }
    assert_eq!(seen.len(), 16, "each of four groups, with transfers and without, alone and with others");
}

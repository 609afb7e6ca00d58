use super::*;
use witan_types::Hash;

#[test]
fn one_node_can_ask_so_often_in_a_second_and_no_other_is_the_worse_for_it() {
    let (one, other) = (NodeId(Hash([1; 32])), NodeId(Hash([2; 32])));
    let start = Instant::now();
    let mut rations = Rations { since: start, asked: BTreeMap::new() };
    let answered = (0..2 * MAX_A_SECOND).filter(|_| rations.take(one, start)).count();
    assert_eq!(answered, MAX_A_SECOND as usize);
    assert!(rations.take(other, start));
    assert!(!rations.take(one, start + Duration::from_millis(999)));
    assert!(rations.take(one, start + Duration::from_secs(1)), "the next second is another one");
    assert_eq!(rations.asked.len(), 1, "and what was before is forgotten");
}

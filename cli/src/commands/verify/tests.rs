use super::*;

#[test]
fn a_proof_of_a_group_that_trusts_its_members_says_so() {
    assert_eq!(EngineKind::ALL.map(|engine| caveat(GroupId(2), engine).is_some()), [false, false, true]);
    let said = caveat(GroupId(2), EngineKind::Raft).unwrap();
    assert!(
        said.contains("Group 2 runs raft (crash)") && said.contains("unless one of its members lied"),
        "{said}"
    );
}

use super::*;

#[test]
fn a_proof_of_a_group_that_trusts_its_members_says_so() {
    assert_eq!(EngineKind::ALL.map(|engine| caveat(engine).is_some()), [false, false, true]);
    let said = caveat(EngineKind::Raft).unwrap();
    assert!(said.contains("raft (crash)") && said.contains("unless one of its members lied"), "{said}");
}

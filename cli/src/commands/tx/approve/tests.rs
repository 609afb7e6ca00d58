//! What is asked for becomes a whole change, and what became of it is told.

use super::*;
use witan_testnet::rpc::{ApprovalView, ReadPoint};
use witan_types::{BlockId, GroupId, PublicKey};

fn account(number: u8) -> Account {
    Account(PublicKey([number; 32]))
}

fn set(list: &[&str]) -> Result<Parameters, String> {
    let list: Vec<String> = list.iter().map(ToString::to_string).collect();
    with(&Parameters::default(), &list)
}

fn change(version: u64) -> Change {
    let parameters = set(&["idleIntervalMs=2000"]).unwrap();
    Change { version, kind: ChangeKind::Parameters(parameters) }
}

fn configuration(version: u64, parameters: Parameters, approvals: Vec<ApprovalView>) -> ConfigurationView {
    let operators = Operators { accounts: vec![account(1), account(2), account(3)], threshold: 2 };
    let at = ReadPoint { group: GroupId::ROOT, height: 4, block_id: BlockId::default() };
    ConfigurationView { version, parameters, operators, approvals, at }
}

#[test]
fn what_is_not_set_stays_as_it_is() {
    let both = set(&["idleIntervalMs=2000", "prepareTimeoutMs=3000"]).unwrap();
    let expected = Parameters { idle_interval_ms: 2_000, prepare_timeout_ms: 3_000, ..Parameters::default() };
    assert_eq!(both, expected);
}

#[test]
fn a_name_that_no_parameter_has_is_answered_with_those_there_are() {
    let refused = set(&["idleInterval=2000"]).unwrap_err();
    assert!(refused.contains("there is no parameter \"idleInterval\""), "{refused}");
    assert!(refused.contains("idleIntervalMs"), "{refused}");
    assert!(set(&["idleIntervalMs"]).unwrap_err().contains("expected NAME=VALUE"));
    assert!(set(&["idleIntervalMs=2s"]).unwrap_err().contains("\"2s\" is no whole number"));
}

#[test]
fn a_change_has_happened_once_it_holds_and_else_is_approved_by_some() {
    let one = ApprovalView::new(change(2), vec![account(1)]);
    let waiting = Standing::read(&change(2), &configuration(1, Parameters::default(), vec![one]));
    assert_eq!(waiting.describe(), "approved by 1 of 2 needed");

    let changed = set(&["idleIntervalMs=2000"]).unwrap();
    let happened = Standing::read(&change(2), &configuration(2, changed, vec![]));
    assert_eq!(happened.describe(), "the change happened: version 2");

    let other = Standing::read(&change(2), &configuration(2, Parameters::default(), vec![]));
    assert!(!other.happened && other.describe().starts_with("another change"), "{other:?}");
}

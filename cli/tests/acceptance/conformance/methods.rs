//! Every method: right calls, and the shape of what they answer. The table has one file a group of namespaces, and a
//! method of the live OpenRPC document that stands in none of them fails the suite.

mod chain;
mod group;
mod network;
mod state;
mod transaction;

use super::both::Both;
use super::shape::{differs, violates};
use super::world::World;
use crate::network::Testnet;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A right call, with a template of its answer (see [`differs`]).
pub(crate) struct Case {
    pub(crate) method: &'static str,
    pub(crate) params: Value,
    pub(crate) answer: Value,
}

/// A case of a method with its parameters and the template of its answer.
pub(crate) fn case(method: &'static str, params: Value, answer: Value) -> Case {
    Case { method, params, answer }
}

/// Every case.
pub(crate) fn cases(world: &World) -> Vec<Case> {
    let of_each = [network::cases, group::cases, chain::cases, transaction::cases, state::cases];
    of_each.into_iter().flat_map(|cases| cases(world)).collect()
}

/// Methods of the document without a case here, each with the reason.
const EXEMPT: [(&str, &str); 9] = [
    ("chain_subscribeBlocks", "subscriptions have a story of their own"),
    ("chain_unsubscribeBlocks", "subscriptions have a story of their own"),
    ("tx_subscribe", "subscriptions have a story of their own"),
    ("tx_unsubscribe", "subscriptions have a story of their own"),
    ("state_subscribe", "subscriptions have a story of their own"),
    ("state_unsubscribe", "subscriptions have a story of their own"),
    ("consensus_subscribe", "subscriptions have a story of their own"),
    ("consensus_unsubscribe", "subscriptions have a story of their own"),
    ("fault_set", "what it breaks is the faults' story"),
];

/// The node that does not host group 2.
const LACKS_A_GROUP: &str = "n3";
/// Methods that read groups where the node is alone: one that lacks a group names those that have it.
const OF_ALL_GROUPS: [&str; 4] = ["state_scan", "state_history", "tx_list", "tx_simulate"];

/// Calls every method at every node over both transports, by name and by position.
pub(crate) async fn every_method(testnet: &Testnet, world: &World) {
    let cases = cases(world);
    let mut faults = Vec::new();
    for node in testnet.names() {
        let mut both = Both::connect(&testnet.network.node(&node).unwrap().rpc).await;
        let document = both.result("rpc.discover", json!({})).await;
        every_method_has_a_case(&document, &cases);
        for case in &cases {
            let Some(method) = method_of(&document, case.method) else { continue };
            let of_all_groups = OF_ALL_GROUPS.contains(&case.method)
                || (case.params["prove"] == true && case.params["txId"] == world.crossing);
            if node == LACKS_A_GROUP && of_all_groups {
                continue;
            }
            for params in [Some(case.params.clone()), by_position(method, &case.params)].into_iter().flatten()
            {
                faults.extend(check(&mut both, &document, method, case, &params).await);
            }
        }
    }
    assert!(faults.is_empty(), "{} answers are wrong:\n{}", faults.len(), faults.join("\n"));
}

fn method_of<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    document["methods"].as_array()?.iter().find(|method| method["name"] == name)
}

fn every_method_has_a_case(document: &Value, cases: &[Case]) {
    let tried: BTreeSet<&str> = cases.iter().map(|case| case.method).collect();
    let exempt = |name: &str| EXEMPT.iter().any(|(exempt, _)| *exempt == name);
    let names = document["methods"].as_array().unwrap().iter().map(|method| method["name"].as_str().unwrap());
    let untried: Vec<&str> = names.filter(|name| !tried.contains(name) && !exempt(name)).collect();
    assert!(untried.is_empty(), "methods without a case in conformance/methods: {untried:?}");
}

/// The same parameters as an array, if no one is left out before the last one given.
fn by_position(method: &Value, params: &Value) -> Option<Value> {
    let names = method["params"].as_array()?.iter().map(|param| param["name"].as_str().unwrap());
    let values: Vec<Value> = names.map(|name| params[name].clone()).collect();
    let given = values.iter().rposition(|value| !value.is_null()).map_or(0, |last| last + 1);
    Some(values[..given].into())
}

/// Makes a call over both transports; what is wrong with the answers.
async fn check(
    both: &mut Both,
    document: &Value,
    method: &Value,
    case: &Case,
    params: &Value,
) -> Vec<String> {
    let schema = &method["result"]["schema"];
    let judge = |answer: &Value| {
        if !answer["error"].is_null() {
            return Some("an error".into());
        }
        let result = &answer["result"];
        differs(result, &case.answer, "result")
            .or_else(|| violates(result, schema, document, "by its schema: result"))
    };
    let answers = both.call(case.method, params).await;
    let fault =
        |answer: &Value| judge(answer).map(|fault| format!("{} {params}: {fault} in {answer}", case.method));
    answers.iter().filter_map(fault).collect()
}

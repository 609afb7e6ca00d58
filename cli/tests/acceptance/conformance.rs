//! The interface is what is written: a live network of four nodes and two groups that hold keys, driven through every
//! method, error and limit over HTTP and WebSocket, and then by requests at random.
//!
//! - `wire.rs`, `both.rs` clients that send exact bytes, and the same over both transports
//! - `protocol.rs` JSON-RPC 2.0 itself; `methods.rs` every method; `examples.rs` the document's own examples; `errors.rs` every code; `limits.rs` every limit
//! - `shape.rs` templates and JSON Schema; `world.rs` what the network holds; `fuzz.rs` requests at random

mod both;
mod errors;
mod examples;
mod fuzz;
mod limits;
mod methods;
mod protocol;
mod shape;
mod wire;
mod world;

use crate::network::{DEADLINE, Testnet, in_two_groups};
use std::collections::BTreeSet;
use witan_types::EngineKind;
use world::World;
pub(crate) use world::keys as keys_of_both_groups;

#[test]
fn a_client_of_any_language_finds_what_is_written() {
    in_two_groups(EngineKind::HotStuff, &[0, 1, 2], what_is_written);
}

#[test]
fn requests_at_random_are_answered_and_cost_nobody_anything() {
    in_two_groups(EngineKind::HotStuff, &[0, 1, 2], async |testnet| {
        let world = World::make(testnet).await;
        fuzz::requests_at_random(testnet, &world).await;
    });
}

async fn what_is_written(testnet: &mut Testnet) {
    let world = World::make(testnet).await;
    protocol::json_rpc(testnet).await;
    protocol::http(testnet).await;
    protocol::websocket(testnet).await;
    methods::every_method(testnet, &world).await;
    examples::every_example(testnet).await;
    let mut met = errors::while_it_works(testnet, &world).await;
    limits::by_default(testnet).await;
    limits::subscriptions(testnet).await;

    settings(testnet, "n1", "rpc", limits::SMALL).await;
    settings(testnet, "n2", "mempool", "max_transactions = 2\nmax_per_signer = 2\n").await;
    limits::small(testnet).await;
    met.extend(errors::without_quorum(testnet, &world).await);
    every_code_was_met(&met);
    testnet.put("n3", &world.keys[0], "at last").await;
}

/// Starts a node again with these settings in a section of its configuration.
async fn settings(testnet: &mut Testnet, node: &str, section: &str, lines: &str) {
    testnet.network.stop(node).await.unwrap();
    let path = testnet.network.node(node).unwrap().home.join("config.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let header = format!("[{section}]\n");
    let changed = if config.contains(&header) {
        config.replace(&header, &format!("{header}{lines}"))
    } else {
        format!("{config}\n{header}{lines}")
    };
    std::fs::write(&path, changed).unwrap();
    testnet.network.start(node).unwrap();
    testnet.network.wait_answering(&[node.to_owned()], DEADLINE).await.unwrap();
}

/// Codes of the contract's table.
const CODES: [i64; 12] =
    [-32602, -32020, -32022, -32023, -32024, -32030, -32031, -32032, -32033, -32034, -32040, -32041];

/// Checks that every code of the contract was met, or is exempt with a reason.
fn every_code_was_met(met: &BTreeSet<i64>) {
    for (code, reason) in errors::EXEMPT {
        assert!(!met.contains(&code), "{code} is exempt, and was met");
        println!("    {code} is not provoked: {reason}");
    }
    let exempt: BTreeSet<i64> = errors::EXEMPT.iter().map(|(code, _)| *code).collect();
    let missed: Vec<i64> =
        CODES.into_iter().filter(|code| !met.contains(code) && !exempt.contains(code)).collect();
    assert!(missed.is_empty(), "no case provokes {missed:?}");
}

//! Noise on the port where nodes meet.

use crate::network::{Testnet, until};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

stories! {
    on_four_validators: [
        strangers_that_talk_nonsense_to_nodes_disturb_nobody,
    ];
}

/// Connections of each kind to each node.
const CONNECTIONS: usize = 12;
/// How long a stranger listens for an answer before it leaves.
const PATIENCE: Duration = Duration::from_millis(300);
/// How a libp2p connection begins: each side names the protocol it means to speak.
const MULTISTREAM: &[u8] = b"\x13/multistream/1.0.0\n";
const NOISE: &[u8] = b"\x07/noise\n";

/// What strangers say.
fn noises() -> Vec<(&'static str, Vec<u8>)> {
    let random: Vec<u8> = (0..64 * 1024).map(|_| rand::random()).collect();
    let begun = |rest: &[u8]| [MULTISTREAM, NOISE, rest].concat();
    vec![
        ("random bytes", random.clone()),
        ("silence", Vec::new()),
        ("a greeting and nothing more", MULTISTREAM.to_vec()),
        ("a frame of the longest length that can be written", [MULTISTREAM, &[0xff; 9], &[0x01]].concat()),
        ("a length that never ends", [0xff; 4096].to_vec()),
        ("a frame of 1 GiB, begun", [MULTISTREAM, &[0x80, 0x80, 0x80, 0x80, 0x04], &random].concat()),
        ("a handshake of the largest size, of garbage", begun(&[&[0xff, 0xff], &random[..]].concat())),
        ("an empty handshake", begun(&[0, 0])),
        ("an HTTP request", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}".to_vec()),
    ]
}

/// Says something to a node, listens for a while, and leaves without a word.
async fn say(address: String, bytes: Vec<u8>) {
    // A node may hang up or refuse at any point: that is its answer.
    let Ok(mut stream) = TcpStream::connect(address).await else { return };
    let talk = async {
        stream.write_all(&bytes).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await
    };
    drop(tokio::time::timeout(PATIENCE, talk).await);
}

async fn disturb(testnet: &Testnet, bytes: &[u8]) {
    let mut strangers = JoinSet::new();
    for node in &testnet.network.description().nodes {
        for _ in 0..CONNECTIONS {
            strangers.spawn(say(node.p2p.clone(), bytes.to_vec()));
        }
    }
    strangers.join_all().await;
}

async fn strangers_that_talk_nonsense_to_nodes_disturb_nobody(testnet: &mut Testnet) {
    let before = testnet.pids();
    for (what, bytes) in noises() {
        disturb(testnet, &bytes).await;
        testnet.put("n1", "after the noise", what).await;
    }
    testnet.goes_on("noise on the p2p port").await;
    assert_eq!(testnet.pids(), before, "no node died of it");
    for node in testnet.names() {
        until(&format!("{node} has its three peers"), async || {
            (testnet.client(&node).peers().await.unwrap().len() == 3).then_some(())
        })
        .await;
    }
    // A stranger's noise must not keep a node from coming back from the same address.
    testnet.network.stop("n3").await.unwrap();
    testnet.network.start("n3").unwrap();
    testnet.agreement(&testnet.names()).await;
    testnet.same_chain(&testnet.names()).await;
}
